"""A report says what the log holds, in whatever order and however often one looks."""

import math
from functools import cache

import msgspec
import numpy as np
import polars as pl
import pytest
from experiment_logs import START, World, log_of
from scipy import stats

from liverank.config import parse_config
from liverank.events.event import ExperimentChange
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.facts import MetricFact, Report, VariantResult
from liverank.experiments.reporting.history import with_changes
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import ReportInput, report_input_of

TEXT = """
[label]
interaction = "join"
[users.fields]
country = "category"
[experiments.tab]
days = 8
start = 2027-01-01T00:00:00Z
metrics = ["joins", "join_rate", "daily_active"]
guardrails = ["hides"]
[experiments.tab.variants]
popular = { rank = "popular" }
model = { rank = "model" }
[metrics.joins]
kind = "mean"
interaction = "join"
cap = 20
[metrics.hides]
kind = "mean"
interaction = "hide"
direction = "down"
non_inferiority = 0.5
"""
BETTER = World(users=3000, days=8, lift=0.3, holdout=0.1, arrivals=0.5, seed=3)
SAME = World(users=2000, days=8, arrivals=0.5, seed=5)


@cache
def made(world: World) -> pl.DataFrame:
    return log_of(world)


def asked(days: float = 8, text: str = TEXT) -> ReportInput:
    now_ms = int(START + days * DAY_MS)
    return report_input_of(parse_config(text), "tab", now_ms=now_ms, listed=False)


def report(log: pl.DataFrame, request: ReportInput, rows: int = 50_000) -> Report:
    columns = request.wanted().columns
    frames = [log[at : at + rows].select(columns) for at in range(0, log.height, rows)]
    return report_of(request, frames)


@cache
def shipped() -> Report:
    return report(made(BETTER), asked())


def metric(found: Report, name: str) -> MetricFact:
    return next(one for one in found.metrics if one.name == name)


def only(found: Report, name: str) -> VariantResult:
    (variant,) = metric(found, name).variants
    return variant


def per_user(log: pl.DataFrame, until_ms: float, *, kind: str, cap: float | None) -> pl.DataFrame:
    """The plain table: a row for each exposed user."""
    of_us = (pl.col("event") == "ranking") & pl.col("variant").str.starts_with("tab:")
    exposed = log.filter(of_us & (pl.col("time") <= until_ms)).sort("time")
    first = exposed.group_by("user", maintain_order=True).agg(
        exposed=pl.col("time").first(), arm=pl.col("variant").first()
    )
    done = log.filter((pl.col("type") == kind) & (pl.col("time") <= until_ms))
    joined = done.join(first, on="user").filter(pl.col("time") > pl.col("exposed"))
    counts = joined.group_by("user").agg(n=pl.len())
    table = first.join(counts, on="user", how="left").with_columns(pl.col("n").fill_null(0))
    return table if cap is None else table.with_columns(pl.col("n").clip(upper_bound=cap))


def test_a_mean_is_that_of_the_plain_table_and_its_error_that_of_scipy() -> None:
    world = World(users=800, days=8, pre_days=0, lift=0.2, arrivals=0.5)
    found = report(made(world), asked())
    table = per_user(made(world), START + 8 * DAY_MS, kind="join", cap=20)
    arms = [table.filter(pl.col("arm") == f"tab:{name}")["n"] for name in ("popular", "model")]
    truth = stats.ttest_ind(arms[1].to_numpy(), arms[0].to_numpy(), equal_var=False)
    effect = only(found, "joins").effect
    assert effect.control == pytest.approx(arms[0].mean())
    assert effect.value == pytest.approx(arms[1].mean())
    assert effect.difference / effect.se == pytest.approx(truth.statistic)
    assert (effect.n_control, effect.n_variant) == (len(arms[0]), len(arms[1]))
    assert found.units == len(arms[0]) + len(arms[1])
    assert only(found, "joins").variance_saved == 0
    assert any("does not reach back" in line for line in found.how)


def test_what_is_better_is_shipped_with_its_reasons() -> None:
    found = shipped()
    assert found.decision.action == "ship"
    assert found.decision.variant == "model"
    assert found.decision.sentence.startswith("Ship model: joins is better by +")
    best = only(found, "joins")
    assert best.verdict == "better"
    assert best.crossed_ms is not None
    assert best.effect.lift_ci[0] < 0.3 < best.effect.lift_ci[1]
    assert best.variance_saved > 0.1  # people are alike before and after
    assert only(found, "hides").verdict == "safe"
    assert metric(found, "hides").role == "guardrail"
    assert found.state == "ended"


def test_no_effect_is_waited_for_and_then_stopped() -> None:
    early, late = (report(made(SAME), asked(days)) for days in (3.5, 8))
    assert early.state == "running"
    assert early.decision.action == "wait"
    assert early.decision.until_ms == START + 8 * DAY_MS
    assert "next look" in early.decision.changes[0]
    assert late.decision.action == "stop"
    assert "keep the control" in late.decision.sentence


def test_before_the_first_look_there_is_nothing_to_decide() -> None:
    found = report(made(SAME), asked(0.5))
    assert found.decision.sentence == "Wait: the first look is due on 2027-01-02."
    assert found.metrics == ()
    nobody = report(made(SAME).head(10), asked(0.5))
    assert nobody.decision.sentence == "Wait: nobody has been exposed yet."
    assert nobody.state == "not started"


def test_the_same_log_in_another_order_gives_the_same_bytes() -> None:
    log = made(World(users=300, days=8, lift=0.1, holdout=0.2))
    truth = msgspec.json.encode(report(log, asked()))
    assert msgspec.json.encode(report(log, asked(), rows=1234)) == truth
    shuffled = log.sample(fraction=1.0, shuffle=True, seed=3)
    again = msgspec.to_builtins(report(shuffled, asked()))
    for one, other in zip(numbers(again), numbers(msgspec.json.decode(truth)), strict=True):
        # sums of another order may differ in their last bits
        assert one == pytest.approx(other, rel=1e-7, abs=1e-9)


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [one for part in value.values() for one in numbers(part)]
    if isinstance(value, list | tuple):
        return [one for part in value for one in numbers(part)]
    is_known = isinstance(value, int | float) and math.isfinite(value)
    return [float(value)] if is_known else []  # type: ignore[arg-type]


def test_later_data_change_no_earlier_look() -> None:
    """What a look said, also its boundary, is what a report of that day said."""
    sooner = report(made(BETTER), asked(5.2))
    assert len(only(sooner, "joins").looks) == 5
    for name in ("joins", "join_rate", "daily_active", "hides"):
        looks, later = only(sooner, name).looks, only(shipped(), name).looks
        for one, other in zip(looks, later, strict=False):
            assert one.at_ms == other.at_ms
            assert one.z == pytest.approx(other.z, rel=1e-6)
            assert one.bound == pytest.approx(other.bound, rel=1e-6)


def test_a_broken_split_is_told_with_where_it_is_and_nothing_else_is_read() -> None:
    log = made(BETTER)
    gone = log.filter(pl.col("fields").str.contains("IE", literal=True).fill_null(False))
    lost = pl.col("user").is_in(gone["user"].implode()) & (pl.col("variant") == "tab:model")
    found = report(log.filter(~lost.fill_null(False)), asked())
    assert found.split is not None
    assert not found.split.ok
    assert found.decision.action == "stop"
    assert "Do not trust these results" in found.decision.sentence
    assert any("IE" in line for line in found.split.where)
    broken = {part.name for part in found.split.segments["country"] if not part.ok}
    assert broken == {"IE"}
    verdicts = {variant.verdict for one in found.metrics for variant in one.variants}
    assert verdicts == {"not to be trusted"}


def test_a_sound_split_is_sound_by_day_and_segment() -> None:
    found = shipped()
    assert found.split is not None
    assert found.split.ok
    assert all(part.ok for part in found.split.days)
    assert len(found.split.days) == 8
    assert sum(sum(part.counts) for part in found.split.days) == found.units
    assert {part.name for part in found.split.segments["country"]} == {"GB", "IE", "(unknown)"}


def test_an_effect_that_fades_is_told() -> None:
    world = World(users=4000, days=14, lift=0.5, fading=True, arrivals=0.2, clicks=False)
    text = TEXT.replace("days = 8", "days = 14").replace('"joins", ', "")
    found = report(made(world), asked(14, text=text))
    novelty = only(found, "join_rate").novelty
    assert novelty is not None
    assert novelty.trend_days >= 10
    assert novelty.change_ci[1] < 0
    assert "shrinks" in novelty.sentence
    days = [one.effect.lift for one in novelty.days]
    assert np.mean(days[:4]) > 0.35
    assert abs(np.mean(days[5:9])) < 0.1
    lasting = only(shipped(), "join_rate").novelty
    assert lasting is not None
    assert lasting.p > 0.05


def test_segments_say_how_many_they_are_and_pay_for_it() -> None:
    found = shipped()
    assert {one.level for one in found.segments} == {"GB", "IE", "(unknown)"}
    units = sum(one.effect.n_control + one.effect.n_variant for one in found.segments)
    assert units == found.units
    assert all(one.adjusted_p >= one.p for one in found.segments)


def test_the_holdout_is_told_apart() -> None:
    found = shipped()
    (apart,) = found.holdout
    assert apart.units == found.units_by_arm["holdout"]
    assert found.units == found.units_by_arm["popular"] + found.units_by_arm["model"]
    control = only(found, "joins").effect
    assert apart.effect.lift == pytest.approx(control.lift, abs=0.15)


def test_a_stop_ends_the_reading_and_a_restart_begins_it() -> None:
    def change(day: float, action: str, **fields: str) -> ExperimentChange:
        at_ms = int(START + day * DAY_MS)
        return ExperimentChange(time=at_ms, experiment="tab", action=action, fields=fields)

    stopped = change(5, "stopped", decision="ship", variant="model", reason="enough")
    found = report(made(BETTER), with_changes(asked(), [stopped]))
    assert found.state == "stopped"
    assert found.until_ms == START + 5 * DAY_MS
    assert found.notes[0] == "It was stopped: ship model on 2027-01-06 (enough)."
    assert only(found, "joins").looks[-1].day == 5
    again = with_changes(asked(), [stopped, change(6, "started"), change(1, "started")])
    assert again.start_ms == START + 6 * DAY_MS
    assert again.stopped_ms is None


def test_seed_metrics_without_events_are_left_out_and_told() -> None:
    text = TEXT.replace('metrics = ["joins", "join_rate", "daily_active"]\n', "")
    log = made(World(users=400, days=8, clicks=False))
    found = report(log, asked(text=text))
    assert [one.name for one in found.metrics] == ["daily_active", "join_rate", "hides"]
    assert "The log has no `click`, which clicks_to_explore needs." in found.notes


def test_a_variant_without_users_is_no_number() -> None:
    log = made(SAME).filter(pl.col("variant").fill_null("") != "tab:model")
    found = report(log, asked())
    assert found.split is not None
    assert not found.split.ok
    assert math.isnan(only(found, "joins").p)
    assert "0 units" in only(found, "joins").effect.reason
