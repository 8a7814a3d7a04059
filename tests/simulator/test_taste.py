"""The hidden truth: the quick appeal equals its plain definition, and is what people act by."""

import math
from collections.abc import Collection

import numpy as np
import pytest

from liverank.errors import SimulatorError
from liverank.events.event import Interaction
from liverank.simulator import taste, traits
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.names import CLOSINGS, OPENINGS, TOPICS
from liverank.simulator.rooms import speakers_at
from liverank.simulator.world import World, build_world

WORLD = build_world(3, people=300, days=2)


def join(host: int, room: int, at_ms: int) -> Interaction:
    user, item = WORLD.host_ids[host], WORLD.rooms.ids[room]
    return Interaction(time=at_ms, type="join", user=user, item=item)


def plain_appeal(
    world: World,
    person: int,
    room: int,
    at_ms: int,
    follows: Collection[int],
    listeners: Collection[int] = (),
) -> float:
    """The definition, one term a line; ``listeners`` are the hosts who are in the room."""
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
    total += traits.WORDING * people.wording[person, rooms.opening[room]]
    total += traits.WORDING * people.wording[person, len(OPENINGS) + rooms.closing[room]]
    total += taste.FOLLOWED if host in follows else 0.0
    present = set(speakers_at(rooms, room, at_ms)) | set(listeners)
    known = [other for other in present if other != host and other in follows]
    total += taste.COMPANY * math.log(1 + len(known))
    hour = (at_ms - world.start_ms) / 3_600_000 % 24
    total += taste.OWN_HOUR * math.cos((hour - people.peak_hour[person]) / 24 * 2 * math.pi)
    return float(total + 1.2 * rising - 0.5)


def test_appeal_equals_its_plain_definition() -> None:
    rng = np.random.default_rng(0)
    company = 0
    for person in rng.integers(300, size=40).tolist():
        rooms = rng.integers(len(WORLD.rooms.ids), size=8)
        for room in rooms.tolist():
            start, end = int(WORLD.rooms.start_ms[room]), int(WORLD.rooms.end_ms[room])
            at_ms = int(rng.integers(start, end + 1))
            chronicle, follows = Chronicle(WORLD), WORLD.follows[person]
            listeners = rng.integers(len(WORLD.host_ids), size=3).tolist()
            for host in set(listeners):
                chronicle.observe(join(host, room, at_ms - 1))
            quick = taste.appeal(WORLD, person, np.array([room]), at_ms, chronicle)[0]
            plain = plain_appeal(WORLD, person, room, at_ms, follows, listeners)
            assert quick == pytest.approx(plain, abs=1e-9)
            company += not follows.isdisjoint(listeners)
    assert company > 10


def test_each_person_who_is_followed_and_in_the_room_makes_a_join_likelier() -> None:
    person = max(range(300), key=lambda place: len(WORLD.follows[place]))
    at_ms = int(WORLD.rooms.start_ms[7])
    chronicle = Chronicle(WORLD)
    chances = []
    others = WORLD.follows[person] - set(WORLD.rooms.speakers[7])
    for host in [None, *sorted(others)[:3]]:
        if host is not None:
            chronicle.observe(join(host, 7, at_ms - 1))
        user = WORLD.people.ids[person]
        chances += taste.true_join_probability(WORLD, user, ["room7"], at_ms, chronicle).tolist()

    assert len(chances) == 4
    assert (np.diff(chances) > 0).all()


def test_people_are_drawn_to_titles_with_words_that_they_like() -> None:
    people = WORLD.people
    one, other = traits.room_traits(WORLD.rooms, WORLD.hosts)[[3, 3]]
    other = other.copy()
    words = slice(-2 - len(OPENINGS) - len(CLOSINGS), -2)
    other[words] = 0
    other[words][1] = 1  # another opening, and no closing

    effect = traits.person_traits(people) @ (other - one)

    opening, closing = WORLD.rooms.opening[3], len(OPENINGS) + WORLD.rooms.closing[3]
    gained = people.wording[:, 1] - people.wording[:, opening] - people.wording[:, closing]
    np.testing.assert_allclose(effect, traits.WORDING * gained, atol=1e-9)


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
    seen = plain_appeal(WORLD, 4, 1, at_ms, WORLD.follows[4])
    click = 1 / (1 + math.exp(-seen))
    join = 1 / (1 + math.exp(-(0.9 + 0.5 * (seen + 1.5))))

    chance = taste.true_join_probability(WORLD, "u4", ["room1"], at_ms)

    assert chance.tolist() == pytest.approx([click * join])


def test_strangers_to_the_world_are_refused_by_name() -> None:
    with pytest.raises(SimulatorError, match="no person 'u999'"):
        taste.true_join_probability(WORLD, "u999", ["room0"], WORLD.start_ms)
    with pytest.raises(SimulatorError, match="no item 'room99999'"):
        taste.true_join_probability(WORLD, "u1", ["room99999"], WORLD.start_ms)
