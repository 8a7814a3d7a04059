"""Policies: each gives back the candidates, in an order that follows its rule."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.events.event import Interaction, Ranking
from liverank.simulator.chronicle import chronicle_of
from liverank.simulator.policies import MostPopular, Oracle, Policy, RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.taste import true_join_probability
from liverank.simulator.world import build_world

WORLD = build_world(3, people=100, days=1)
HOUR_MS = 3_600_000


def join(item: str, at_ms: int) -> Interaction:
    return Interaction(time=at_ms, type="join", user="u1", item=item)


@pytest.mark.parametrize(
    "policy",
    [MostPopular(), MostPopular(spread=1.0, seed=2), RandomOrder(seed=2), Oracle(WORLD)],
    ids=["popular", "spread", "random", "oracle"],
)
def test_every_policy_gives_back_each_candidate_once(policy: Policy) -> None:
    candidates = list(WORLD.rooms.ids[:9])

    ranked = policy.rank("u1", candidates, WORLD.start_ms)

    assert sorted(ranked) == sorted(candidates)
    assert candidates == list(WORLD.rooms.ids[:9])


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 10 * HOUR_MS)), max_size=30),
    st.integers(0, 5 * HOUR_MS),
)
def test_most_popular_orders_by_joins_halved_each_hour(
    joins: list[tuple[str, int]], later_ms: int
) -> None:
    at_ms = 10 * HOUR_MS + later_ms
    truth = {
        item: sum(math.exp2((t - at_ms) / HOUR_MS) for name, t in joins if name == item)
        for item in "abcd"
    }
    policy = MostPopular()
    for item, t in sorted(joins, key=lambda pair: pair[1]):
        policy.observe(join(item, t))

    ranked = policy.rank("u1", list("abcd"), at_ms)

    for better, worse in pairwise(ranked):
        assert truth[better] >= truth[worse] - 1e-9


def test_only_joins_make_an_item_popular() -> None:
    policy = MostPopular()
    for _ in range(3):
        policy.observe(Interaction(time=0, type="click", user="u1", item="b"))
    policy.observe(join("c", 0))

    assert policy.rank("u1", ["a", "b", "c"], 1) == ["c", "a", "b"]


def test_spread_lets_every_item_come_first_yet_prefers_the_popular() -> None:
    policy = MostPopular(spread=1.0, seed=1)
    for _ in range(3):
        policy.observe(join("a", 0))

    first = Counter(policy.rank("u1", ["a", "b", "c"], 0)[0] for _ in range(600))

    assert first["a"] > first["b"] > 0
    assert first["c"] > 0


def test_random_order_puts_each_item_first_equally_often() -> None:
    policy = RandomOrder(seed=1)

    first = Counter(policy.rank("u1", ["a", "b", "c"], 0)[0] for _ in range(3000))

    assert all(900 < number < 1100 for number in first.values())


def test_the_oracle_orders_by_the_true_chance() -> None:
    items = list(WORLD.rooms.ids[:9])
    truth = dict(zip(items, true_join_probability(WORLD, "u1", items, WORLD.start_ms), strict=True))

    ranked = Oracle(WORLD).rank("u1", items, WORLD.start_ms)

    assert ranked == sorted(items, key=lambda item: -truth[item])


def test_the_oracle_knows_by_what_it_observed_who_is_where_and_who_follows_whom() -> None:
    events = list(simulate(WORLD, policy=RandomOrder(seed=1), seed=1))
    oracle, chronicle = Oracle(WORLD), chronicle_of(WORLD, events)
    for event in events:
        if isinstance(event, Ranking):
            chances = true_join_probability(
                WORLD, event.user, event.items, event.at_ms, chronicle
            ).tolist()
            truth = dict(zip(event.items, chances, strict=True))
            ranked = oracle.rank(event.user, event.items, event.at_ms)
            assert ranked == sorted(event.items, key=lambda item: -truth[item])
        oracle.observe(event)
