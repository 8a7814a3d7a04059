"""A life: steps of time, forks, the tally, and luck that does not depend on lists."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from lived import lived

from liverank.errors import SimulatorError
from liverank.events.event import Event, Interaction
from liverank.simulator.life.life import Life
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.world.world import DAY_MS, build_world

WORLD = build_world(6, people=300, days=3)
STEP_MS = 300_000


def begun(seed: int = 1, **options: int) -> Life:
    return Life(WORLD, seed=seed, step_ms=STEP_MS, **options)


@cache
def whole() -> tuple[Life, tuple[Event, ...]]:
    life = begun()
    return life, tuple(lived(life, MostPopular(WORLD)))


def go_on(life: Life, steps: int | None = None) -> list[Event]:
    """Live on with the oldest rooms first, for some steps or to the end."""
    events: list[Event] = []
    while not life.is_over and (steps is None or steps > 0):
        step = life.step()
        events += step.events
        items = [WORLD.rooms.ids[room] for room in step.visits.live.tolist()]
        life.react(step.visits, [items] * len(step.visits))
        steps = None if steps is None else steps - 1
    return events


def test_a_step_hands_out_all_events_of_its_time_in_order() -> None:
    life = begun()
    last_ms = WORLD.start_ms
    while not life.is_over:
        step = life.step()
        times = [event.at_ms for event in step.events]
        assert times == sorted(times)
        assert all(last_ms <= at_ms < step.visits.at_ms for at_ms in times)
        last_ms = step.visits.at_ms
        items = [WORLD.rooms.ids[room] for room in step.visits.live.tolist()]
        life.react(step.visits, [items] * len(step.visits))
    assert last_ms == WORLD.start_ms + 3 * DAY_MS


def test_the_tally_counts_what_the_events_say_by_person_and_day() -> None:
    life, events = whole()
    counted: Counter[tuple[str, int, int]] = Counter()
    seconds = np.zeros((300, 3))
    for event in events:
        if isinstance(event, Interaction):
            person, day = WORLD.person_of[event.user], (event.at_ms - WORLD.start_ms) // DAY_MS
            counted[event.type, person, day] += 1
            seconds[person, day] += event.value or 0.0

    for kind, table in (
        ("impression", life.tally.impressions),
        ("click", life.tally.clicks),
        ("join", life.tally.joins),
    ):
        assert table.sum() > 0
        assert all(
            table[person, day] == counted[kind, person, day]
            for person in range(300)
            for day in range(3)
        )
    np.testing.assert_allclose(life.tally.seconds, seconds)
    assert life.tally.visits.sum() >= len({e.ranking for e in events if isinstance(e, Interaction)})


def test_a_fork_goes_on_alike_and_shares_nothing() -> None:
    life = begun()
    before = go_on(life, 300)
    twin, other = life.fork(), life.fork()

    events = go_on(life)
    visits = other.step().visits
    other.react(visits, RandomOrder(WORLD, seed=3).rank(visits))

    assert before
    assert events == go_on(twin)
    assert (life.tally.joins == twin.tally.joins).all()
    assert events != go_on(other)


def test_another_list_for_one_person_leaves_the_same_luck_to_everyone_else() -> None:
    life = begun()
    while len(life.fork().step().visits) < 3:
        go_on(life, 1)
    other = life.fork()
    visits, again = life.step().visits, other.step().visits
    items = [WORLD.rooms.ids[room] for room in visits.live.tolist()]
    assert visits.users == again.users

    life.react(visits, [items] * len(visits))
    other.react(again, [items[::-1], *[items] * (len(again) - 1)])
    first, second = life.remaining(), other.remaining()

    of_others = [
        [e for e in events if isinstance(e, Interaction) and e.user != visits.users[0]]
        for events in (first, second)
    ]
    assert of_others[0] == of_others[1]
    assert first != second


def test_the_same_seed_lives_the_same_life_and_another_seed_another() -> None:
    assert go_on(begun(1), 200) == go_on(begun(1), 200) != go_on(begun(2), 200)


def test_what_remains_is_handed_out_until_the_end() -> None:
    early = begun(days=1)
    policy = MostPopular(WORLD)
    while early.at_ms < WORLD.start_ms + DAY_MS // 2:
        step = early.step()
        policy.observe(step.events)
        early.react(step.visits, policy.rank(step.visits))

    rest = early.remaining()

    assert early.is_over
    assert rest
    assert all(DAY_MS // 2 <= event.at_ms - WORLD.start_ms < DAY_MS for event in rest)


def test_imagined_joins_are_those_of_a_life_and_change_nothing() -> None:
    life = begun()
    go_on(life, 250)
    twin = life.fork()
    visits = life.step().visits
    lists = Oracle(life).rank(visits)
    truth = life.true_chances(visits.people, visits.live).max(axis=1).mean()

    draws = [life.imagined_joins(visits, lists, seed=draw) for draw in range(400)]

    assert draws[0] == life.imagined_joins(visits, lists, seed=0)
    same = twin.step().visits
    assert same.users == visits.users
    life.react(visits, lists)
    twin.react(same, lists)
    assert life.remaining() == twin.remaining(), "to imagine changes nothing"
    # the first room is always examined, so its share of joins is its true chance
    first = np.mean(
        [[join == items[0] for join, items in zip(draw, lists, strict=True)] for draw in draws]
    )
    assert first == pytest.approx(truth, abs=4 * np.sqrt(0.25 / (400 * len(visits))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 4}, "`days` is 4; this world was built for 1 to 3"),
        ({"shown": 0}, "`shown` is 0"),
        ({"step_ms": 0}, "`step_ms` is 0"),
        ({"seed": -1}, "`seed` is -1"),
    ],
)
def test_a_life_that_cannot_be_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        Life(WORLD, **{"seed": 1, **options})


def test_lists_must_be_those_of_the_visits_and_hold_known_items_once() -> None:
    life = begun()
    with pytest.raises(SimulatorError, match="not the visits of the last step"):
        life.react(begun().step().visits, [])
    go_on(life, 250)
    visits = life.step().visits
    assert len(visits) > 0
    with pytest.raises(SimulatorError, match="call `react` before the next step"):
        life.step()
    with pytest.raises(SimulatorError, match=f"0 lists for {len(visits)} visits"):
        life.react(visits, [])
    for items, message in ((["elsewhere"], "no item 'elsewhere'"), (["room1"] * 2, "repeats")):
        again = begun()
        go_on(again, 250)
        visits = again.step().visits
        with pytest.raises(SimulatorError, match=message):
            again.react(visits, [items] * len(visits))
    life.remaining()
    with pytest.raises(SimulatorError, match="this life is over"):
        life.step()
