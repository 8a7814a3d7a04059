"""What every kind of metric keeps, and each one's plain definition."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from plain_metrics import plain_before, plain_exposures, plain_total

from liverank.config import parse_config
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.gathering.views import BeforeView, looks, needs_of
from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.covariates import with_covariates
from liverank.experiments.metrics.from_config import metrics_of
from liverank.experiments.metrics.mean import MeanMetric
from liverank.experiments.metrics.metric import Metric, PerUnit
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.metrics.participation import Participation
from liverank.experiments.metrics.quantile import QuantileMetric
from liverank.experiments.metrics.ratio import RatioMetric
from liverank.experiments.metrics.retention import Retention
from liverank.experiments.reporting.series import before_of

START = 1_795_000_000_000
WEEK = 7 * DAY_MS
PRE_DAYS = 5


def history(seed: int = 1, users: int = 120) -> list[Event]:
    """Two weeks before and two weeks within an experiment, in an order of its own."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for number in range(users):
        user = f"u{number}"
        exposed = START + int(rng.integers(0, 8 * DAY_MS))
        variant = "e:model" if number % 2 else "e:control"
        again = exposed + int(rng.integers(1, WEEK))
        events += [
            Ranking(time=at_ms, id=f"{user}-{at_ms}", user=user, items=["a"], variant=variant)
            for at_ms in (exposed, again)
        ]
        if number % 10 == 0:
            continue  # this one never does anything
        first = START if number % 7 == 0 else START - 14 * DAY_MS
        for kind, mean in (("impression", 60), ("join", 12), ("click", 9), ("leave", 8)):
            for at_ms in rng.integers(first, START + 14 * DAY_MS, rng.poisson(mean)).tolist():
                value = float(rng.exponential(3.0)) if kind == "leave" else None
                events.append(Interaction(time=at_ms, type=kind, user=user, item="a", value=value))
    order = rng.permutation(len(events))
    return [events[place] for place in order]


Plain = Callable[[list[Event], str, int, float], tuple[tuple[float, ...], bool]]
"""Of a user exposed at a time: the columns at a moment, and whether the user counts yet."""


def plain_participation(
    events: list[Event], user: str, exposed_ms: int, at_ms: float
) -> tuple[tuple[float, ...], bool]:
    need = Participation("", WEEK, ("join",)).needs()[0]
    days = min(max(math.floor((at_ms - exposed_ms) / DAY_MS), 0), 7)
    return (plain_total(events, need, user, exposed_ms, at_ms), float(days)), days > 0


def plain_ratio(
    events: list[Event], user: str, exposed_ms: int, at_ms: float
) -> tuple[tuple[float, ...], bool]:
    joins, seen = RatioMetric("", "join", "impression", WEEK).needs()
    above = plain_total(events, joins, user, exposed_ms, at_ms)
    return (min(above, 4.0), plain_total(events, seen, user, exposed_ms, at_ms)), True


def plain_mean(
    events: list[Event], user: str, exposed_ms: int, at_ms: float
) -> tuple[tuple[float, ...], bool]:
    need = MeanMetric("", "click", WEEK).needs()[0]
    return (min(plain_total(events, need, user, exposed_ms, at_ms), 3.0),), True


def plain_retention(
    events: list[Event], user: str, exposed_ms: int, at_ms: float
) -> tuple[tuple[float, ...], bool]:
    need = Retention("", DAY_MS, 3 * DAY_MS, ("join",)).needs()[0]
    came = plain_total(events, need, user, exposed_ms, at_ms) > 0
    return (float(came),), exposed_ms + 3 * DAY_MS <= at_ms


def plain_quantile(
    events: list[Event], user: str, exposed_ms: int, at_ms: float
) -> tuple[tuple[float, ...], bool]:
    need = QuantileMetric("", "leave", 0.9, WEEK).needs()[0]
    return (plain_total(events, need, user, exposed_ms, at_ms),), True


KINDS: dict[str, tuple[Metric, Plain]] = {
    "participation": (Participation("m", WEEK, ("join",)), plain_participation),
    "ratio": (RatioMetric("m", "join", "impression", WEEK, cap=4.0), plain_ratio),
    "mean": (MeanMetric("m", "click", WEEK, cap=3.0), plain_mean),
    "retention": (Retention("m", DAY_MS, 3 * DAY_MS, ("join",)), plain_retention),
    "quantile": (QuantileMetric("m", "leave", 0.9, WEEK), plain_quantile),
}
EVENTS = history()


def gathered_for(metric: Metric, events: list[Event]) -> Gathered:
    wanted = Wanted(experiment="e", needs=metric.needs(), pre_days=PRE_DAYS)
    frame = frame_of(events)
    return gather([frame[at : at + 997] for at in range(0, frame.height, 997)], wanted)


def columns_of(per_unit: PerUnit, exposed: np.ndarray) -> Iterator[tuple[float, ...]]:
    counted = exposed if per_unit.counted is None else exposed & per_unit.counted
    return zip(*(column[counted].tolist() for column in per_unit.values), strict=True)


def assert_alike(found: list[tuple[float, ...]], truth: list[tuple[float, ...]]) -> None:
    assert len(found) == len(truth)
    if truth:
        np.testing.assert_allclose(sorted(found), sorted(truth), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKindOfMetric:
    def test_is_its_plain_definition_at_every_look(self, kind: str) -> None:
        metric, plain = KINDS[kind]
        found = gathered_for(metric, EVENTS)
        exposures = plain_exposures(EVENTS, "e")
        moments = [START + day * DAY_MS + DAY_MS // 3 for day in (0, 2, 9, 20)]
        for view in looks(found, needs_of(found, [metric]), moments):
            per_unit = metric.per_unit(view)
            truth = []
            for user, (exposed_ms, _) in exposures.items():
                columns, counted = plain(EVENTS, user, exposed_ms, view.at_ms)
                if counted and exposed_ms <= view.at_ms:
                    truth.append(columns)
            assert_alike(list(columns_of(per_unit, view.exposed)), truth)
        assert truth  # the last look counts everybody

    def test_counts_everybody_exposed_also_who_did_nothing(self, kind: str) -> None:
        metric, _ = KINDS[kind]
        found = gathered_for(metric, EVENTS)
        *_, view = looks(found, needs_of(found, [metric]), [START + 30 * DAY_MS])
        per_unit = metric.per_unit(view)
        assert per_unit.counted is None or per_unit.counted.all()
        assert len(per_unit.values[0]) == 120

    def test_takes_its_covariate_from_the_time_before_and_none_from_new_units(
        self, kind: str
    ) -> None:
        metric, _ = KINDS[kind]
        found = gathered_for(metric, EVENTS)
        assert found.pre_days == PRE_DAYS
        if not metric.adjustable:
            assert before_of(found, [metric]) == {metric.name: None}
            return
        before = metric.per_unit(BeforeView(found))
        *_, view = looks(found, needs_of(found, [metric]), [START + 30 * DAY_MS])
        table = with_covariates(metric.per_unit(view), before, found.is_new)
        assert not np.isnan(table).any()
        assert not table[found.is_new, len(before.values) :].any()
        need = metric.needs()[0]
        totals = sorted(
            plain_before(EVENTS, need, user, exposed_ms, PRE_DAYS)
            for user, (exposed_ms, _) in plain_exposures(EVENTS, "e").items()
        )
        assert sorted(BeforeView(found).total(need).tolist()) == pytest.approx(totals)

    def test_compares_two_arms_and_says_how(self, kind: str) -> None:
        metric, _ = KINDS[kind]
        found = gathered_for(metric, EVENTS)
        *_, view = looks(found, needs_of(found, [metric]), [START + 30 * DAY_MS])
        table = with_covariates(metric.per_unit(view), None, found.is_new)
        control, variant = (table[found.arms.of(name)] for name in ("control", "model"))
        sides = metric.summarise(control), metric.summarise(variant)
        result = metric.compare(*sides, level=0.95)
        same = metric.compare(sides[0], sides[0], level=0.95)
        assert result.n_control == result.n_variant == 60
        assert same.difference == pytest.approx(0, abs=1e-12)
        assert metric.description.endswith(".")
        if kind != "quantile":
            sums = control.sum(axis=0)
            value = sums[0] / (sums[1] if len(sums) == 2 else len(control))
            assert result.control == pytest.approx(value)


def test_the_seed_set_needs_no_config() -> None:
    config = parse_config('[label]\ninteraction = "listen"\n[impressions]\ninteraction = "seen"')
    daily, rate, clicks = metrics_of(config, ["daily_active", "join_rate", "clicks_to_explore"])
    assert daily.needs()[0].types == ("listen",)
    assert [need.types for need in rate.needs()] == [("listen",), ("seen",)]
    assert clicks.needs()[0].types == ("click",)
    assert "28 days" in daily.description


def test_the_config_makes_each_kind() -> None:
    text = """
[label]
interaction = "join"
[metrics.a]
kind = "participation"
[metrics.b]
kind = "ratio"
numerator = "hide"
denominator = "impression"
direction = "down"
[metrics.c]
kind = "mean"
interaction = "tip"
value = true
cap = 50
window = "7d"
[metrics.d]
kind = "retention"
interaction = "join"
from = "7d"
to = "14d"
[metrics.e]
kind = "quantile"
interaction = "leave"
q = 0.9
value = true
"""
    found = metrics_of(parse_config(text), "abcde")
    assert [type(metric).__name__ for metric in found] == [
        "Participation",
        "RatioMetric",
        "MeanMetric",
        "Retention",
        "QuantileMetric",
    ]
    assert [metric.direction for metric in found] == ["up", "down", "up", "up", "up"]
    assert found[2].needs()[0].of == found[4].needs()[0].of == "value"
    assert (found[3].needs()[0].after_ms, found[3].needs()[0].until_ms) == (WEEK, 2 * WEEK)
