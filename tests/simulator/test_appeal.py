"""The hidden truth: the quick appeal equals its plain definition, told by the events so far."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lived import Account, lived, shown_without_click

from liverank.events.event import Event
from liverank.simulator.life.appeal_kernel import mean_stay_s
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.server.drive import drive
from liverank.simulator.world.constants import Constants, Weights
from liverank.simulator.world.names import OPENINGS
from liverank.simulator.world.world import World, build_world

WORLD = build_world(3, people=300, days=2)
STEP_MS = 600_000


def causes(
    world: World, account: Account, tired: Counter[str], user: str, item: str, at_ms: int
) -> dict[str, float]:
    """What bears on a choice, one term a line."""
    people, hosts, rooms = world.people, world.hosts, world.rooms
    person, room = world.person_of[user], world.room_of[item]
    host = int(rooms.host[room])
    topics = [topic for topic in rooms.topics[room].tolist() if topic >= 0]
    share = (at_ms - rooms.start_ms[room]) / (rooms.end_ms[room] - rooms.start_ms[room])
    peak = rooms.peak[room]
    rising = share / peak if share < peak else (1 - share) / (1 - peak)
    same_host = [other for other in tired if rooms.host[world.room_of[other]] == host]
    opening, closing = int(rooms.opening[room]), len(OPENINGS) + int(rooms.closing[room])
    return {
        "base": 1.0,
        "taste": sum(float(people.taste[person, topic]) for topic in topics) / len(topics),
        "liking": float(np.dot(people.leaning[person].astype(float), hosts.leaning[host])),
        "language": float(not people.understands[person, hosts.language[host]]),
        "wording": float(people.wording[person, opening]) + float(people.wording[person, closing]),
        "fame": math.log(hosts.fame[host]),
        "quality": float(rooms.quality[room]),
        "followed": float(world.host_ids[host] in account.follows[user]),
        "company": math.log(1 + account.company(user, item, world.host_ids[host])),
        "listeners": math.log(1 + account.listeners(item)),
        "liveliness": 1.2 * rising - 0.5,
        "tired_of_room": math.log(1 + tired[item]),
        "tired_of_host": math.log(1 + sum(tired[other] for other in same_host)),
    }


def log_odds(weights: Weights, of: dict[str, float]) -> float:
    assert set(of) == set(weights._fields)
    return sum(getattr(weights, name) * value for name, value in of.items())


def test_the_true_chance_equals_its_plain_definition_by_the_events_so_far() -> None:
    life = Life(WORLD, seed=1, step_ms=STEP_MS)
    account, choices = Account(), Constants().choices
    rng = np.random.default_rng(0)
    seen: Counter[str] = Counter()
    read = 0

    def look(events: list[Event]) -> None:
        nonlocal read
        for event in events[read:]:
            account.read(event)
        read = len(events)
        if rng.random() > 0.2:
            return
        rooms = life._live.rows()[:9]
        shown = {user: items[-64:] for user, items in life_shown().items()}
        for person in rng.integers(300, size=2).tolist():
            user = WORLD.people.ids[person]
            quick = life.true_chances(np.array([person]), rooms)[0]
            tired = Counter(shown.get(user, []))
            for room, chance in zip(rooms.tolist(), quick.tolist(), strict=True):
                item = WORLD.rooms.ids[room]
                of = causes(WORLD, account, tired, user, item, life.at_ms)
                click = log_odds(choices.click, of) + WORLD.people.eagerness[person]
                join = log_odds(choices.join, of)
                plain = 1 / (1 + math.exp(-click)) / (1 + math.exp(-join))
                assert chance == pytest.approx(plain, rel=1e-5)
                seen.update(name for name, value in of.items() if value != 0)

    def life_shown() -> dict[str, list[str]]:
        twin = life.fork()
        return shown_without_click(everything + twin.remaining())

    everything: list[Event] = []

    class Kept(MostPopular):
        def observe(self, events: list[Event]) -> None:  # type: ignore[override]
            everything.extend(events)
            super().observe(events)

    lived(life, Kept(WORLD), look)

    assert min(seen[name] for name in Weights._fields) > 5, seen


@given(mean_log_s=st.floats(0.0, 9.0), sd=st.floats(0.05, 2.0), most_s=st.floats(1.0, 60_000.0))
def test_the_mean_stay_is_that_of_stays_which_the_end_of_the_room_cuts_short(
    mean_log_s: float, sd: float, most_s: float
) -> None:
    at = np.linspace(-9, 9, 20_001)
    weights = np.exp(-0.5 * at**2)
    stays = np.minimum(np.exp(mean_log_s + sd * at), most_s)

    plain = float((weights * stays).sum() / weights.sum())

    assert mean_stay_s(mean_log_s, sd, most_s) == pytest.approx(plain, rel=1e-5)


def test_without_spread_a_stay_is_as_long_as_it_can_be() -> None:
    assert mean_stay_s(math.log(60.0), 0.0, 90.0) == pytest.approx(60.0)
    assert mean_stay_s(math.log(60.0), 0.0, 30.0) == 30.0


def test_true_seconds_are_chances_times_stays_and_less_where_a_room_soon_ends() -> None:
    life = Life(WORLD, seed=1, step_ms=STEP_MS)
    drive(life, MostPopular(WORLD), until_ms=WORLD.start_ms + 43_200_000)
    rooms, people = life._live.rows(), np.arange(20)

    seconds = life.true_seconds(people, rooms)

    stays = seconds / life.true_chances(people, rooms)
    left_s = (WORLD.rooms.end_ms[rooms] - life.at_ms) / 1000
    assert stays.shape == (20, len(rooms))
    assert (stays > 0).all()
    assert (stays <= np.maximum(left_s, 1.0) + 1e-6).all()
