"""People come back by habit, oftener in a good mood, and when a friend has joined."""

import numpy as np
import pytest

from liverank.simulator.life.kernel_inputs import first_state, fixed_of
from liverank.simulator.life.life import Life
from liverank.simulator.life.return_kernel import Presence, end_visit, next_visit_ms, pull
from liverank.simulator.life.visit_kernel import Visit
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.world.constants import Constants, Returns
from liverank.simulator.world.habits import PEAKS_H, weekly_curves
from liverank.simulator.world.names import HOMES
from liverank.simulator.world.world import DAY_MS, build_world

WORLD = build_world(2, people=400, days=1)
HOUR_MS = 3_600_000


def visits_of(person: int, *, mood: float = 0.0, weeks: int = 60) -> np.ndarray:
    """Hours since the start of the world of a person's visits, if they took no time."""
    fixed, state = fixed_of(WORLD), first_state(WORLD)
    state.mood[person] = mood
    at_ms, hours = WORLD.start_ms, []
    while at_ms < WORLD.start_ms + weeks * 7 * DAY_MS:
        at_ms = next_visit_ms(fixed, state, Returns(), 3, person, at_ms)
        state.visits[person] += 1
        hours.append((at_ms - WORLD.start_ms) / HOUR_MS)
    return np.array(hours)


def test_visits_are_as_many_and_at_the_hours_that_the_habit_says() -> None:
    person = int(np.argsort(WORLD.people.visits_per_day)[-20])
    hours = visits_of(person)

    expected = WORLD.people.visits_per_day[person] * 7 * 60
    assert len(hours) == pytest.approx(expected, abs=4 * np.sqrt(expected))
    # the share of visits before each hour of the person's week, against the curve itself
    shifted = np.sort((hours - WORLD.people.phase_h[person]) % 168)
    curve = WORLD.curves[WORLD.people.habit[person]] / 7
    empirical = np.searchsorted(shifted, np.arange(169)) / len(hours)
    assert np.abs(empirical - curve).max() < 1.63 / np.sqrt(len(hours))  # Kolmogorov, 1 %


def test_the_best_mood_brings_people_as_much_oftener_as_the_constant_says() -> None:
    person = int(np.argsort(WORLD.people.visits_per_day)[-20])

    ratio = len(visits_of(person, mood=1.0)) / len(visits_of(person))

    assert ratio == pytest.approx(np.exp(Returns().mood_effect), rel=0.12)


def test_a_curve_peaks_at_the_local_hour_of_its_chronotype() -> None:
    start_ms = 1_720_000_000_000
    curves = weekly_curves(Constants().people, start_ms=start_ms)
    tokyo = [home.country for home in HOMES].index("JP")

    for chronotype, peaks in enumerate(PEAKS_H):
        rates = np.diff(curves[tokyo * len(PEAKS_H) + chronotype])
        local = (start_ms / HOUR_MS + np.arange(168) + 0.5 + 9) % 24
        busiest = local[np.argmax(rates)]
        assert min(abs((busiest - peak + 12) % 24 - 12) for peak in peaks) <= 0.6
        assert rates.max() > 3 * rates.min()


def mood_after(stays_s: list[float], *, days_apart: float = 0.5) -> list[float]:
    fixed, state = fixed_of(WORLD), first_state(WORLD)
    moods, at_ms = [], WORLD.start_ms
    for stayed_s in stays_s:
        at_ms += int(days_apart * DAY_MS)
        end_visit(fixed, state, Returns(), Visit(1, 5, 0, 0, at_ms), at_ms + 1, stayed_s)
        assert state.next_ms[5] > at_ms + 1
        moods.append(float(state.mood[5]))
    return moods


def test_a_good_visit_lifts_the_mood_and_a_bad_one_lowers_it_within_bounds() -> None:
    good, bad = mood_after([900.0] * 30), mood_after([-1.0] * 30)

    assert 0 < good[0] < good[5] <= good[-1] <= 1
    assert 0 > bad[0] > bad[5] >= bad[-1] >= Returns().bad_visit
    assert mood_after([30.0])[0] < mood_after([300.0])[0] < mood_after([900.0])[0]


def test_a_mood_returns_to_neutral_with_time() -> None:
    # the second visit's own part is the same, so what is left of the first shows
    soon, late = (mood_after([900.0, 0.0], days_apart=days)[1] for days in (0.1, 9.0))

    assert soon == pytest.approx(0.75 * 0.25 * np.exp(-0.1 / 3), rel=1e-4)
    assert late == pytest.approx(0.75 * 0.25 * np.exp(-9.0 / 3), rel=1e-4)


def test_a_join_pulls_the_asked_share_of_free_followers_within_minutes() -> None:
    state, returns = first_state(WORLD), Returns()
    state.next_ms[:] = WORLD.start_ms + 5 * DAY_MS
    number = len(state.next_ms)
    everyone = np.arange(number, dtype=np.int32)
    followers = np.array([0] + [number] * number), everyone  # all follow the first
    state.busy_ms[:100] = WORLD.start_ms + DAY_MS
    at_ms = WORLD.start_ms + HOUR_MS

    pull(state, returns, 1, Presence(0, 3, at_ms), 0.5, followers)

    pulled = np.flatnonzero(state.next_ms < WORLD.start_ms + 5 * DAY_MS)
    assert pulled.min() >= 100, "who is busy stays"
    assert len(pulled) == pytest.approx(150, abs=4 * np.sqrt(75))
    waits = state.next_ms[pulled] - at_ms
    assert waits.min() > 0
    assert waits.max() <= returns.pull_ms + 1


def test_well_served_people_come_back_more_than_badly_served_ones() -> None:
    def visits(*, best_first: bool, mood_effect: float) -> int:
        world = build_world(
            4,
            people=400,
            days=5,
            constants=Constants(
                returns=Returns(mood_effect=mood_effect, friend_pull=0.0, host_pull=0.0)
            ),
        )
        life = Life(world, seed=1, step_ms=600_000, shown=3)
        while not life.is_over:
            asked = life.step().visits
            lists = Oracle(life).rank(asked)
            life.react(asked, lists if best_first else [items[::-1] for items in lists])
        return int(life.tally.visits[:, 1:].sum())

    moved = visits(best_first=True, mood_effect=0.8) / visits(best_first=False, mood_effect=0.8)
    alike = visits(best_first=True, mood_effect=0.0) / visits(best_first=False, mood_effect=0.0)
    assert moved > 1.04
    assert alike == pytest.approx(1.0, abs=0.02)
