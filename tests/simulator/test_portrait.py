"""Portraits tell the truth about people, and unlike people are unlike."""

from itertools import combinations

import numpy as np
import pytest

from liverank.errors import SimulatorError
from liverank.simulator.names import LANGUAGES, TOPICS
from liverank.simulator.portrait import live_rooms, portray, unlike_people
from liverank.simulator.taste import true_join_probability
from liverank.simulator.world import DAY_MS, build_world

WORLD = build_world(5, people=1200, days=2)
NOON_MS = WORLD.start_ms + DAY_MS // 2
JOINS = {user: 1 + place % 7 for place, user in enumerate(WORLD.people.ids)}


def likeness(one: str, other: str) -> float:
    """Cosine of two people's true chances of joining what is live."""
    rooms = live_rooms(WORLD, NOON_MS)
    a, b = (true_join_probability(WORLD, user, rooms, NOON_MS) for user in (one, other))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_a_portrait_names_the_topics_liked_most_and_the_profile_language_first() -> None:
    portrait = portray(WORLD, "u17")

    taste = dict(zip(TOPICS, WORLD.people.taste[17].tolist(), strict=True))
    assert list(portrait.topics) == sorted(taste, key=lambda topic: -taste[topic])[:3]
    assert portrait.languages[0] == LANGUAGES[WORLD.people.language[17]]
    assert len(set(portrait.languages)) == WORLD.people.understands[17].sum()


def test_a_room_is_live_from_its_start_until_before_its_end() -> None:
    start, end = int(WORLD.rooms.start_ms[3]), int(WORLD.rooms.end_ms[3])

    live_at = [("room3" in live_rooms(WORLD, at)) for at in (start - 1, start, end - 1, end)]

    assert live_at == [False, True, True, False]


def test_unlike_people_are_less_alike_than_people_are() -> None:
    chosen = [who.user for who in unlike_people(WORLD, JOINS, number=3, at_ms=NOON_MS)]

    everyone = [likeness(*pair) for pair in combinations(WORLD.people.ids[:40], 2)]
    assert len(set(chosen)) == 3
    assert np.mean([likeness(*pair) for pair in combinations(chosen, 2)]) < np.quantile(
        everyone, 0.2
    )
    assert all(JOINS[user] == max(JOINS.values()) for user in chosen), "of those who join most"


def test_the_same_world_and_joins_choose_the_same_people() -> None:
    turned = dict(reversed(JOINS.items()))

    assert unlike_people(WORLD, JOINS, number=3, at_ms=NOON_MS) == unlike_people(
        WORLD, turned, number=3, at_ms=NOON_MS
    )


def test_there_must_be_something_live_and_people_who_joined() -> None:
    with pytest.raises(SimulatorError, match="nothing is live"):
        unlike_people(WORLD, JOINS, number=3, at_ms=WORLD.start_ms - 1)
    with pytest.raises(SimulatorError, match="2 people joined anything, and 3 are wanted"):
        unlike_people(WORLD, {"u1": 1, "u2": 1}, number=3, at_ms=NOON_MS)
    with pytest.raises(SimulatorError, match="no person 'x'"):
        portray(WORLD, "x")
