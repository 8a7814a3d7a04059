"""The hidden truth: the quick appeal equals its plain definition, and is what people act by."""

import math

import numpy as np
import pytest

from liverank.errors import SimulatorError
from liverank.simulator import taste, traits
from liverank.simulator.names import TOPICS
from liverank.simulator.world import World, build_world

WORLD = build_world(3, people=300, days=2)


def plain_appeal(world: World, person: int, room: int, at_ms: int) -> float:
    """The definition, one term a line."""
    people, hosts, rooms = world.people, world.hosts, world.rooms
    host = int(rooms.host[room])
    named = [TOPICS.index(name) for name in rooms.topic_names[room]]
    share = (at_ms - rooms.start_ms[room]) / (rooms.end_ms[room] - rooms.start_ms[room])
    peak = rooms.peak[room]
    rising = share / peak if share < peak else (1 - share) / (1 - peak)
    total = traits.BASE + people.eagerness[person]
    total += traits.TOPIC * sum(people.taste[person, topic] for topic in named) / len(named)
    total += traits.HOST * float(np.dot(people.leaning[person], hosts.leaning[host]))
    if not people.understands[person, hosts.language[host]]:
        total += traits.STRANGE_LANGUAGE
    total += traits.QUALITY * rooms.quality[room] + traits.FAME * math.log(hosts.fame[host])
    total += taste.FOLLOWED if host in world.follows[person] else 0.0
    return float(total + 1.2 * rising - 0.5)


def test_appeal_equals_its_plain_definition() -> None:
    rng = np.random.default_rng(0)
    for person in rng.integers(300, size=40).tolist():
        rooms = rng.integers(len(WORLD.rooms.ids), size=8)
        for room in rooms.tolist():
            start, end = int(WORLD.rooms.start_ms[room]), int(WORLD.rooms.end_ms[room])
            at_ms = int(rng.integers(start, end + 1))
            quick = taste.appeal(WORLD, person, np.array([room]), at_ms)[0]
            assert quick == pytest.approx(plain_appeal(WORLD, person, room, at_ms), abs=1e-9)


def test_attention_only_falls_with_the_position() -> None:
    left = taste.attention(np.arange(50))

    assert left[0] == 1
    assert (np.diff(left) < 0).all()
    assert (left > 0).all()


def test_more_appeal_means_more_clicks_more_joins_and_longer_stays() -> None:
    appeals = np.linspace(-5, 2, 50)

    for measure in (taste.click_probability, taste.join_probability, taste.median_stay_s):
        assert (np.diff(measure(appeals)) > 0).all()


def test_a_room_is_liveliest_at_its_peak() -> None:
    start, end = int(WORLD.rooms.start_ms[0]), int(WORLD.rooms.end_ms[0])
    peak = start + int((end - start) * WORLD.rooms.peak[0])
    room = np.array([0])

    assert taste.liveliness(WORLD, room, start)[0] == pytest.approx(-0.5)
    assert taste.liveliness(WORLD, room, peak)[0] == pytest.approx(0.7, abs=0.001)
    assert taste.liveliness(WORLD, room, end)[0] == pytest.approx(-0.5)


def test_the_true_join_probability_is_that_of_a_click_and_then_a_join() -> None:
    at_ms = int(WORLD.rooms.start_ms[1])
    seen = plain_appeal(WORLD, 4, 1, at_ms)
    click = 1 / (1 + math.exp(-seen))
    join = 1 / (1 + math.exp(-(0.9 + 0.5 * (seen + 1.5))))

    chance = taste.true_join_probability(WORLD, "u4", ["room1"], at_ms)

    assert chance.tolist() == pytest.approx([click * join])


def test_strangers_to_the_world_are_refused_by_name() -> None:
    with pytest.raises(SimulatorError, match="no person 'u999'"):
        taste.true_join_probability(WORLD, "u999", ["room0"], WORLD.start_ms)
    with pytest.raises(SimulatorError, match="no item 'room99999'"):
        taste.true_join_probability(WORLD, "u1", ["room99999"], WORLD.start_ms)
