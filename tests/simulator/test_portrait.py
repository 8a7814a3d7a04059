"""Portraits tell the truth about people, and unlike people are unlike."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from lived import lived

from liverank.errors import SimulatorError
from liverank.simulator.life.life import Life
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.portrait import live_rooms, portray, unlike_people
from liverank.simulator.world.names import LANGUAGES, TOPICS
from liverank.simulator.world.world import build_world

WORLD = build_world(5, people=900, days=1)


@cache
def over() -> Life:
    life = Life(WORLD, seed=1, step_ms=600_000)
    lived(life, RandomOrder(WORLD))
    return life


def likeness(one: str, other: str) -> float:
    """Cosine of two people's true chances of joining what is live."""
    rooms = np.array([WORLD.room_of[item] for item in live_rooms(WORLD, over().at_ms)])
    people = np.array([WORLD.person_of[user] for user in (one, other)])
    a, b = over().true_chances(people, rooms)
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


def test_unlike_people_are_less_alike_than_people_are_and_joined_much() -> None:
    chosen = [who.user for who in unlike_people(over(), number=3)]

    everyone = [likeness(*pair) for pair in combinations(WORLD.people.ids[:40], 2)]
    assert len(set(chosen)) == 3
    assert np.mean([likeness(*pair) for pair in combinations(chosen, 2)]) < np.quantile(
        everyone, 0.2
    )
    joins = over().tally.joins.sum(axis=1)
    assert min(joins[WORLD.person_of[user]] for user in chosen) >= np.sort(joins)[-90]


def test_there_must_be_something_live_and_people_who_joined() -> None:
    with pytest.raises(SimulatorError, match="nothing is live"):
        unlike_people(Life(WORLD, seed=1), number=3)
    idle = Life(WORLD, seed=1)
    idle.remaining()
    with pytest.raises(SimulatorError, match="0 people joined anything, and 3 are wanted"):
        unlike_people(idle, number=3)
    with pytest.raises(SimulatorError, match="no person 'x'"):
        portray(WORLD, "x")
