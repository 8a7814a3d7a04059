"""Drift is seen at origins in the past where it is, and not where it is not; and what follows."""

import dataclasses

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.automl.clocks import Looks

from liverank import automl
from liverank.automl.budget import FOREVER
from liverank.automl.drift.settings import Setting, Settings
from liverank.automl.drift.study import _mildest, is_drift, study_drift
from liverank.automl.evaluation.recency import Recency
from liverank.automl.metrics.objective import find_objective
from liverank.automl.options import SearchOptions
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.report.drift import study_warnings
from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import decode_report, encode_report
from liverank.automl.table_preparation import prepare_table
from liverank.automl.trials.drift_policy import DriftPolicy, LeftRange, Origin, TriedSetting
from liverank.automl.trials.plan import decode_plan, encode_plan
from liverank.errors import TrainingError

N = 4000
DAY_MS = 86_400_000


def table(seed: int, margin: np.ndarray, **columns: np.ndarray) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    y = (generator.random(len(margin)) < 1 / (1 + np.exp(-margin))).astype(int)
    at = pl.Series(np.arange(len(margin)) * DAY_MS).cast(pl.Datetime("ms"))
    return pl.DataFrame({"at": at, **columns, "y": y})


def steady(seed: int) -> pl.DataFrame:
    a, b = np.random.default_rng(seed).normal(size=(2, N))
    return table(seed, 1.5 * a - b * (a > 0), a=a, b=b)


def turning(seed: int) -> pl.DataFrame:
    """What decides turns from ``a`` to ``b`` and on."""
    a, b = np.random.default_rng(seed).normal(size=(2, N))
    angle = np.linspace(0, 1.5 * np.pi, N)
    return table(seed, 2.5 * (np.cos(angle) * a + np.sin(angle) * b), a=a, b=b)


def memorised(seed: int) -> pl.DataFrame:
    """A counter tells the level of each stretch of the past, and nothing of later ones."""
    generator = np.random.default_rng(seed)
    a = generator.normal(size=N)
    level = np.repeat(generator.normal(0, 1.6, 40), N // 40)
    return table(seed, 1.2 * a + level, a=a, count=np.arange(N) // 4 * 0.37)


def study(frame: pl.DataFrame) -> DriftPolicy | None:
    data = prepare_table(
        frame,
        TableRoles(target="y", time="at"),
        SearchOptions(clock=lambda: 0.0),
        None,
        dataclasses.replace(FOREVER, at_s=0.0),  # no time: prepared without a study
    ).data
    return study_drift(data, FOREVER)


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_changes_no_drift_is_seen_and_all_of_the_past_is_used(seed: int) -> None:
    policy = study(steady(seed))
    assert policy is not None
    assert (policy.seen, policy.history, policy.half_life) == (False, 1.0, None)
    assert len(policy.origins) == 5
    assert np.mean([each.slope for each in policy.origins]) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("seed", range(2))
def test_where_the_concept_turns_only_the_newest_rows_train(seed: int) -> None:
    policy = study(turning(seed))
    assert policy is not None
    assert policy.seen
    assert policy.history < 1 or policy.half_life is not None
    assert np.mean([each.slope for each in policy.origins]) < 0.8
    names = [each.name for each in policy.settings]
    assert names[0] == "all rows of the past, alike"
    assert names[1] == "all rows of the past, alike, with the time as a number"
    assert len(names) == 9, "six parts of the past; the best of them with the time"


def test_of_settings_that_are_alike_the_one_that_uses_most_of_the_past_is_chosen() -> None:
    newest, weighted = (
        Setting(name, recency)
        for name, recency in (
            ("newest", Recency(history=0.25)),
            ("weighted", Recency(half_life=0.5)),
        )
    )
    noise = np.array([0.010, -0.012, 0.008, -0.009, 0.004])

    def chosen(losses_of_weighted: np.ndarray) -> Setting:
        losses = {newest: np.full(5, 0.4), weighted: losses_of_weighted}
        paths = {each: [np.array([loss]) for loss in losses[each]] for each in losses}
        return _mildest(Settings((), 0, FOREVER, paths), [newest, weighted])

    assert chosen(0.401 + noise) == weighted
    assert chosen(0.42 + noise) == newest


def test_where_the_level_rises_models_read_the_time_and_keep_to_the_newest_level() -> None:
    a = np.random.default_rng(5).normal(size=N)
    frame = table(6, a - 3 + 4 * np.linspace(0, 1, N) ** 2, a=a)
    policy = study(frame)
    assert policy is not None
    assert (policy.seen, policy.time_as_number) == (True, True)
    search = {"target": "y", "time": "at", "budget_s": 4, "families": ["lightgbm"]}
    result = automl.fit(frame.head(3400), **search, clock=Looks(0.0005))
    assert result.plan.drift is not None
    assert result.plan.drift.time_as_number
    assert "elapsed(at)" in result.predictor.encoder.names
    later = frame.tail(600)
    assert result.predict(later).mean() == pytest.approx(later["y"].mean(), abs=0.12)
    assert frame.head(3400)["y"].mean() < later["y"].mean() - 0.3


def test_drift_that_sets_in_is_believed_and_drift_that_is_over_is_not() -> None:
    everything, newest = Setting("all"), Setting("newest", Recency(history=0.5))
    losses = {
        everything: np.array([0.30, 0.30, 0.30, 0.30, 0.46]),
        newest: np.array([0.31, 0.31, 0.30, 0.29, 0.43]),
    }
    for is_late, order in ((True, slice(None)), (False, slice(None, None, -1))):
        paths = {each: [np.array([loss]) for loss in losses[each][order]] for each in losses}
        settings = Settings((), 0, FOREVER, paths)
        assert settings.is_better_recently(newest, everything) == is_late


def test_a_counter_that_is_learned_by_heart_is_named_and_left_out() -> None:
    policy = study(memorised(3))
    assert policy is not None
    (left,) = policy.left_range
    assert (left.column, left.share, left.left_out) == ("count", 1.0, True)
    assert policy.left_out == ("count",)
    (gain,) = {each.gain for each in policy.settings if each.name == "without count"}
    assert gain > 0.02


def test_a_counter_that_follows_the_newest_level_is_named_and_kept() -> None:
    a = np.random.default_rng(1).normal(size=N)
    level = np.linspace(-3, 3, N)
    policy = study(table(1, a + level, a=a, count=np.arange(N) // 4 * 0.37))
    assert policy is not None
    assert [(each.column, each.left_out) for each in policy.left_range] == [("count", False)]


def test_a_study_without_time_says_nothing() -> None:
    assert study(turning(1).head(300)) is None


def test_drift_is_told_by_the_loss_or_by_the_slope() -> None:
    def origins(errors: float, slope: float, later: float = 0.55) -> list[Origin]:
        return [
            Origin(rows=9, shuffled=0.5, later=later, slope=slope * (1 + i / 50), errors=errors)
            for i in range(5)
        ]

    assert not is_drift(origins(1.0, 1.0))
    assert is_drift(origins(3.0, 1.0))
    assert not is_drift(origins(3.0, 1.0, later=0.5001))
    assert is_drift(origins(0.5, 0.4))
    assert not is_drift(origins(0.5, 0.9))


def test_recency_takes_the_newest_rows_and_weighs_them_by_age() -> None:
    recency = Recency(history=0.25, half_life=0.125)
    assert recency.newest(np.arange(8)).tolist() == [6, 7]
    assert recency.weights(2).round(4).tolist() == [0.5, 1.0]


def test_a_search_on_a_drifting_table_reports_it_and_its_plan_gives_the_same_bytes() -> None:
    frame = turning(3)
    asked = {"target": "y", "time": "at", "families": ["linear", "lightgbm"], "budget_s": 4}
    result = automl.fit(frame, **asked, clock=Looks(0.0005))
    plan, report = result.plan, result.report
    assert plan.drift is not None
    assert plan.drift.seen
    assert report.claim is not None
    assert report.claim.low < report.claim.value < report.claim.high
    low, high = report.intervals["log_loss"]
    assert low <= report.claim.low
    assert high >= report.claim.high
    assert any("rows change with time" in warning for warning in report.warnings)
    assert decode_report(encode_report(report)) == report
    page = render_report(report)
    for words in ("Over time", "Log-loss by block", "Target", "Inputs", "newest 0.25 of the rows"):
        assert words in page
    again = automl.fit(frame, **asked, clock=Looks(0.0005), plan=decode_plan(encode_plan(plan)))
    rows = frame.tail(50)
    np.testing.assert_array_equal(result.predict(rows), again.predict(rows))
    assert again.plan.drift == plan.drift
    with pytest.raises(TrainingError, match="rows split by time, and these are not: name the"):
        automl.fit(frame.drop("at").with_columns(at=1), target="y", plan=plan)


def test_blocks_of_a_few_rows_make_no_claim() -> None:
    asked = {"target": "y", "time": "at", "horizon": 10, "families": ["linear"], "budget_s": 2}
    report = automl.fit(steady(1).head(1500), **asked, clock=Looks(0.001)).report
    assert report.over_time is not None
    assert report.over_time.study is not None
    assert report.claim is None


def test_a_target_that_was_constant_once_does_not_take_the_claim_away() -> None:
    frame = turning(3)
    value = pl.col("a") + 3 * pl.col("y")
    frame = frame.with_columns(y=pl.when(pl.int_range(N) < 1400).then(2.0).otherwise(value))
    report = automl.fit(
        frame, target="y", time="at", families=["linear"], budget_s=4, clock=Looks(0.001)
    ).report
    assert report.claim is not None
    assert report.claim.low < report.claim.value < report.claim.high


@pytest.mark.parametrize("weightless", [(1600, 2900), (0, 1500), (3500, 4000)])
def test_a_stretch_without_weight_in_a_drifting_table_counts_alike(
    weightless: tuple[int, int],
) -> None:
    weight = np.ones(N)
    weight[slice(*weightless)] = 0
    report = automl.fit(
        turning(3).with_columns(w=pl.Series(weight)),
        target="y",
        time="at",
        weight="w",
        families=["linear"],
        budget_s=4,
        clock=Looks(0.001),
    ).report
    assert report.over_time is not None
    assert len(report.over_time.blocks) > 2
    assert all(block.loss is not None for block in report.over_time.blocks)


def test_a_plan_of_before_has_no_drift_and_is_read() -> None:
    text = b'{"seed": 1, "n_threads": 1, "folds": 1, "timings": {}}'
    assert decode_plan(text).drift is None
    assert msgspec.json.decode(text, type=dict)["seed"] == 1


def test_rows_without_a_time_have_no_claim_over_time() -> None:
    frame = steady(1).drop("at").head(400)
    report = automl.fit(
        frame, target="y", families=["linear"], budget_s=2, clock=Looks(0.001)
    ).report
    assert report.claim is None
    assert report.over_time is None
    assert find_objective(None, "binary").name == report.asked.objective


def test_a_warning_says_what_was_done_and_not_what_there_was_no_time_for() -> None:
    def setting(name: str) -> TriedSetting:
        return TriedSetting(name=name, loss=0.5, gain=0.0, error=0.0, rounds=9)

    tried = (setting("all"), setting("newest"))
    texts = [
        study_warnings(policy, None)[0]
        for policy in (
            DriftPolicy(seen=True),
            DriftPolicy(seen=True, settings=tried),
            DriftPolicy(seen=True, settings=tried, history=0.25),
            DriftPolicy(seen=True, settings=tried, half_life=0.1),
        )
    ]
    for text, words in zip(
        texts,
        ("no time to try", "less of it did no better", "newest 25 %", "half at 10 %"),
        strict=True,
    ):
        assert words in text


def test_a_column_that_left_its_range_is_named_with_what_was_done() -> None:
    left, kept = (
        study_warnings(
            DriftPolicy(
                seen=False, left_range=(LeftRange(column="day", share=1.0, left_out=is_out),)
            ),
            None,
        )[0]
        for is_out in (True, False)
    )
    assert "`day`: 100 % of the newest values" in left
    assert "it is left out" in left
    assert "it is kept" in kept
