"""Policies: each gives back what is live, in an order that follows its rule."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.events.event import Interaction
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.oracle import Oracle, OracleOfMinutes
from liverank.simulator.policies.popular import MostPopular, SuccessRate
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.world.world import World, build_world

WORLD = build_world(3, people=100, days=1)
HOUR_MS = 3_600_000
START_MS = WORLD.start_ms


def visits(live: Sequence[int], at_ms: int = START_MS, people: Sequence[int] = (1,)) -> Visits:
    return Visits(
        at_ms=at_ms,
        people=np.array(people),
        users=tuple(f"u{person}" for person in people),
        rankings=tuple(f"rq{number}" for number in range(len(people))),
        live=np.array(live, np.int64),
    )


def did(kind: str, room: int, at_ms: int = START_MS) -> Interaction:
    return Interaction(time=at_ms, type=kind, user="u1", item=f"room{room}")


def oracle(world: World) -> Oracle:
    return Oracle(Life(world, seed=1))


@pytest.mark.parametrize(
    "policy_of",
    [
        MostPopular,
        lambda world: MostPopular(world, spread=1.0, seed=2),
        SuccessRate,
        lambda world: RandomOrder(world, seed=2),
        oracle,
        lambda world: OracleOfMinutes(Life(world, seed=1)),
    ],
    ids=["popular", "spread", "rate", "random", "oracle", "oracle of minutes"],
)
def test_every_policy_gives_each_visit_each_live_room_once(
    policy_of: Callable[[World], Policy],
) -> None:
    live = [8, 3, 5, 0]

    lists = policy_of(WORLD).rank(visits(live, people=(1, 2, 3)))

    assert len(lists) == 3
    for items in lists:
        assert sorted(items) == ["room0", "room3", "room5", "room8"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10 * HOUR_MS)), max_size=30),
    st.integers(0, 5 * HOUR_MS),
    st.sampled_from([HOUR_MS, 24 * HOUR_MS]),
)
def test_most_popular_orders_by_joins_halved_each_half_life(
    joins: list[tuple[int, int]], later_ms: int, half_life_ms: int
) -> None:
    at_ms = 10 * HOUR_MS + later_ms
    truth = {
        f"room{room}": sum(math.exp2((t - at_ms) / half_life_ms) for r, t in joins if r == room)
        for room in range(4)
    }
    policy = MostPopular(WORLD, half_life_ms=half_life_ms)
    ordered = sorted(joins, key=lambda pair: pair[1])
    policy.observe([did("join", room, START_MS + t) for room, t in ordered])

    ranked = policy.rank(visits(range(4), START_MS + at_ms))[0]

    for better, worse in pairwise(ranked):
        assert truth[better] >= truth[worse] - 1e-9


def test_only_joins_make_a_room_popular() -> None:
    policy = MostPopular(WORLD)
    policy.observe([*[did("click", 1)] * 3, did("join", 2)])

    assert policy.rank(visits([0, 1, 2], START_MS + 1)) == [["room2", "room0", "room1"]]


def test_the_success_rate_orders_by_joins_an_impression_with_a_prior() -> None:
    policy = SuccessRate(WORLD, prior=20.0)
    policy.observe([did("impression", 0)] * 100 + [did("join", 0)] * 10)
    policy.observe([did("impression", 1)] * 40 + [did("join", 1)] * 10)
    policy.observe([did("impression", 2)] * 1 + [did("join", 2)] * 1)

    # the mean so far is 22 / 161; rates with it as a prior of 20: 0.106, 0.212, 0.178, 0.137
    assert policy.rank(visits([0, 1, 2, 3])) == [["room1", "room2", "room3", "room0"]]


def test_spread_lets_every_room_come_first_yet_prefers_the_popular() -> None:
    policy = MostPopular(WORLD, spread=1.0, seed=1)
    policy.observe([did("join", 0)] * 3)

    lists = policy.rank(visits([0, 1, 2], people=range(60)))
    lists += [items for _ in range(9) for items in policy.rank(visits([0, 1, 2], people=range(60)))]

    first = Counter(items[0] for items in lists)
    assert first["room0"] > first["room1"] > 0
    assert first["room2"] > 0


def test_random_order_puts_each_room_first_equally_often() -> None:
    policy = RandomOrder(WORLD, seed=1)

    lists = [
        items for _ in range(30) for items in policy.rank(visits([0, 1, 2], people=range(100)))
    ]

    first = Counter(items[0] for items in lists)
    assert all(900 < number < 1100 for number in first.values())


def test_the_oracle_orders_by_the_true_chance_at_the_moment() -> None:
    life = Life(WORLD, seed=1)
    asked = 0
    while not life.is_over:
        now = life.step().visits
        lists = Oracle(life).rank(now)
        chances = life.true_chances(now.people, now.live)
        for row, items in enumerate(lists):
            known = dict(zip(now.live.tolist(), chances[row].tolist(), strict=True))
            ranked = [known[WORLD.room_of[item]] for item in items]
            assert ranked == sorted(ranked, reverse=True)
            asked += 1
        life.react(now, lists)
    assert asked > 100
