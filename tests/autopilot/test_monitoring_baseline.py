"""Expected counts, falls and gaps against plain definitions; how often chance makes an alarm."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.baseline import by_days, by_exposure, fall_of, usual
from liverank.autopilot.monitoring.gaps import LEAST, TIMES, long_gap
from liverank.autopilot.monitoring.precedence import PRECEDENCE, explains, shown

SEEDS = st.integers(0, 10_000)


def made(seed: int, hours: int = 220) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    exposure = rng.poisson(40 + 30 * np.sin(np.arange(hours) / 24 * 2 * np.pi)).astype(float)
    return rng.poisson(0.4 * exposure).astype(float), exposure, rng.random(hours) < 0.1


@given(SEEDS)
def test_an_expected_count_is_the_rate_of_the_same_hours_of_a_week(seed: int) -> None:
    count, exposure, is_odd = made(seed)
    expected = by_exposure(count, exposure, is_odd).expected
    for t in (3, 30, 100, 219):
        days = [t - 24 * d for d in range(1, 8) if t - 24 * d >= 0 and not is_odd[t - 24 * d]]
        week = [s for s in range(max(0, t - 168), t) if not is_odd[s]]
        if not days:
            assert math.isnan(expected[t])
            continue
        overall = sum(count[week]) / sum(exposure[week])
        rate = (sum(count[days]) + 10 * overall) / (sum(exposure[days]) + 10)
        assert expected[t] == pytest.approx(rate * exposure[t])


@given(SEEDS)
def test_days_before_are_averaged_and_their_median_taken_without_odd_hours(seed: int) -> None:
    count, _, is_odd = made(seed)
    mean, median = by_days(count, is_odd, (1, 2, 3)).expected, usual(count, is_odd)
    for t in (10, 80, 219):
        of = [[t - 24 * d for d in days if t - 24 * d >= 0] for days in ((1, 2, 3), range(1, 8))]
        three, seven = ([count[s] for s in one if not is_odd[s]] for one in of)
        assert mean[t] == pytest.approx(np.mean(three)) if three else math.isnan(mean[t])
        if len(seven) < 2:
            assert math.isnan(median[t])
        else:
            assert median[t] == sorted(seven)[(len(seven) - 1) // 2]


def test_chance_makes_no_fall_and_half_of_the_rate_does() -> None:
    falls, found = 0, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        mood = np.exp(0.15 * rng.standard_normal(336 // 6)).repeat(6)  # six hours are alike
        exposure = rng.poisson(60.0, 336).astype(float)
        count = rng.poisson(0.5 * exposure * mood).astype(float)
        is_odd = np.zeros(336, bool)
        for end in range(200, 312):
            seen = by_exposure(count[:end], exposure[:end], is_odd[:end])
            falls += fall_of([seen], bound=0.65) is not None
        count[312:] = rng.binomial(count[312:].astype(int), 0.45)
        hours = next(
            (
                end - 312
                for end in range(313, 337)
                if fall_of([by_exposure(count[:end], exposure[:end], is_odd[:end])], bound=0.65)
            ),
            99,
        )
        found.append(hours)
    assert falls == 0
    assert np.median(found) <= 14
    assert np.mean(np.array(found) <= 24) >= 0.8


def test_a_fall_needs_all_of_the_compared_and_one_that_finds_it_clear() -> None:
    rng = np.random.default_rng(2)
    exposure, is_odd = np.full(240, 30.0), np.zeros(240, bool)
    mood = rng.gamma(2.0, 0.5, 240)
    count = np.round(20 * mood)
    count[-6:] = 8.0
    noisy = by_exposure(count, exposure, is_odd)
    assert fall_of([noisy], bound=0.65) is None
    close = by_exposure(count, np.where(np.arange(240) < 234, count, 20.0), is_odd)
    assert fall_of([noisy], [close], bound=0.65) is not None
    high = by_exposure(np.full(240, 20.0), exposure, is_odd)
    assert fall_of([noisy, high], [close], bound=0.65) is None


@given(SEEDS, st.integers(0, 12))
def test_a_gap_is_long_if_it_is_much_longer_than_any_before(seed: int, silent: int) -> None:
    rng = np.random.default_rng(seed)
    count, expected = rng.poisson(0.8, 200).astype(float), rng.random(200) * 20
    count[100] = 1
    if silent:
        count[-silent:] = 0
    found = long_gap(count, expected, np.zeros(200, bool))
    happened = [t for t in range(200) if count[t] > 0]
    gaps = [sum(expected[a + 1 : b]) for a, b in pairwise(happened)]
    hours = 199 - happened[-1]
    gap = sum(expected[200 - hours :]) if hours else 0.0
    is_long = hours >= 2 and gap >= LEAST and gap >= TIMES * max(gaps)
    assert (found is not None) == is_long
    if found is not None:
        assert found == (hours, pytest.approx(gap))


def test_the_deeper_cause_wins_and_no_two_explain_each_other() -> None:
    keys = [
        "freshness:events",
        "freshness:ranking",
        "freshness:item",
        "freshness:click",
        "refused_events",
        "field_type:items.topics",
        "clock:interactions",
        "volume:impression",
        "volume:item",
        "volume:leave",
        "bot:u1",
        "label:join",
        "category:items.language=es",
        "fallbacks",
        "calibration",
        "drift:scores",
    ]
    assert explains("volume:seen", "label:join", impression="seen")
    assert not explains("volume:click", "label:join", impression="seen")
    assert not explains("label:join", "clock:interactions", impression="impression")
    for one in keys:
        for other in keys:
            both = [explains(a, b, "impression") for a, b in ((one, other), (other, one))]
            assert one == other or not all(both), (one, other)
    used = {
        row
        for row, rule in enumerate(PRECEDENCE)
        for one in keys
        for other in keys
        if explains(one, other, "impression") and one.startswith(rule.cause.rstrip("*"))
    }
    assert len(used) >= len(PRECEDENCE) - 3


def test_a_full_disk_is_not_hidden_by_the_silence_that_it_causes() -> None:
    for key in ("disk", "memory"):
        assert not explains("freshness:events", key, impression="impression")
    assert explains("freshness:events", "fallbacks", impression="impression")


def test_training_that_a_hidden_alarm_stops_is_stopped_by_its_cause() -> None:
    def alarm(key: str, since_ms: int, *, stops: bool) -> Alarm:
        return Alarm(
            key=key,
            kind=key.partition(":")[0],  # type: ignore[arg-type]
            title="",
            cause="",
            consequence="",
            next_step="",
            since_ms=since_ms,
            stops_training=stops,
        )

    cause, effect = alarm("bot:u1", 9, stops=False), alarm("label:join", 5, stops=True)
    (one,) = shown([cause, effect], {}, at_ms=20, impression="impression")
    assert (one.key, one.stops_training, one.since_ms) == ("bot:u1", True, 5)
    assert shown([effect], {"bot:u1": 15}, at_ms=20, impression="impression") == []
    late = 20 + 4 * 3_600_000
    assert shown([effect], {"bot:u1": 15}, at_ms=late, impression="impression") == [effect]
    apart = [alarm("volume:click", 1, stops=False), alarm("freshness:item", 2, stops=False)]
    assert len(shown(apart[:1], {}, at_ms=20, impression="impression")) == 1
    silent = alarm("freshness:click", 2, stops=False)
    assert shown([apart[0], silent], {}, at_ms=20, impression="impression") == apart[:1]
