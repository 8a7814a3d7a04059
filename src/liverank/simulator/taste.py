"""What a person makes of a room: the hidden truth that every model tries to learn.

Invariant: these are pure functions of the world, what has happened in it and the time, so a report
can compare any ranking with the best one there could be.
"""

import math
from collections.abc import Sequence

import numpy as np

from liverank.simulator.chronicle import Chronicle
from liverank.simulator.people import HOUR_MS, Floats, Ints
from liverank.simulator.rooms import speakers_at
from liverank.simulator.world import World, person_place, room_place

FOLLOWED = 1.1
COMPANY = 1.0
OWN_HOUR = 0.4


def appeal(world: World, person: int, rooms: Ints, at_ms: int, chronicle: Chronicle) -> Floats:
    """How much these rooms appeal to a person now: the log-odds of a click on one that is seen.

    Taste for the topics, the words of the title, the language, a liking for the host, the room's
    quality and the host's fame (see ``traits``), a follow of the host, the company of others whom
    the person follows, the hour, and how lively the room is at this point of its life.
    """
    follows = chronicle.follows(person, at_ms)
    followed = [FOLLOWED if host in follows else 0.0 for host in world.rooms.host[rooms].tolist()]
    company = COMPANY * np.log1p(_company(world, rooms, at_ms, follows, chronicle))
    lasting = world.room_traits[rooms] @ world.person_traits[person]
    hour = OWN_HOUR * own_hour(world, person, at_ms)
    log_odds: Floats = lasting + followed + company + hour + liveliness(world, rooms, at_ms)
    return log_odds


def _company(
    world: World, rooms: Ints, at_ms: int, follows: frozenset[int], chronicle: Chronicle
) -> list[int]:
    """For each room, how many people speak or listen there who are followed, but for its host."""
    listening = chronicle.listening(follows, at_ms)
    numbers = []
    for room in rooms.tolist():
        host, *others = speakers_at(world.rooms, room, at_ms)
        present = follows.intersection(others) | listening.get(room, set())
        numbers.append(len(present - {host}))
    return numbers


def own_hour(world: World, person: int, at_ms: int) -> float:
    """How near the time is to the person's own hour of the day: from -1 to 1."""
    apart_h = (at_ms - world.start_ms) / HOUR_MS - float(world.people.peak_hour[person])
    return math.cos(2 * math.pi * apart_h / 24)


def liveliness(world: World, rooms: Ints, at_ms: int) -> Floats:
    """A room swells and sags: from -0.5 as it starts or ends to 0.7 at its peak."""
    stock = world.rooms
    start = stock.start_ms[rooms]
    share = np.clip((at_ms - start) / (stock.end_ms[rooms] - start), 0, 1)
    peak = stock.peak[rooms]
    rising = np.where(share < peak, share / peak, (1 - share) / (1 - peak))
    lively: Floats = 1.2 * rising - 0.5
    return lively


def click_probability(appeals: Floats) -> Floats:
    """The chance of a click on a room at the top of the list, given its appeal."""
    chance: Floats = 1 / (1 + np.exp(-appeals))
    return chance


def join_probability(appeals: Floats) -> Floats:
    """The chance that a click becomes a join."""
    chance: Floats = 1 / (1 + np.exp(-(0.9 + 0.5 * (appeals + 1.5))))
    return chance


def chance_of_join(appeals: Floats) -> Floats:
    """The chance that a room seen at the top of the list is clicked and then joined."""
    return click_probability(appeals) * join_probability(appeals)


def attention(position: Ints) -> Floats:
    """How much of a click is left at a position (from 0) that was seen; it only falls."""
    left: Floats = 1 / (1 + 0.09 * position)
    return left


def median_stay_s(appeals: Floats) -> Floats:
    """Median seconds that a join lasts, if the room does."""
    seconds: Floats = np.exp(5.3 + 0.5 * np.clip(appeals + 1.5, -4, 4))
    return seconds


def true_join_probability(
    world: World,
    user: str,
    items: Sequence[str],
    at_ms: int,
    chronicle: Chronicle | None = None,
) -> Floats:
    """The chance that a person joins each item if it is seen at the top: float64[n_items].

    Whom the person follows and who listens where is in the chronicle; without one it is as the
    world began. For reports and for the oracle policy; no model may see it. Raises SimulatorError
    for a user or an item that is not of this world.

    >>> from liverank.simulator.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> true_join_probability(world, "u3", ["room0", "room1"], world.start_ms).shape
    (2,)
    """
    person = person_place(world, user)
    rooms = np.array([room_place(world, item) for item in items], dtype=np.int64)
    return chance_of_join(appeal(world, person, rooms, at_ms, chronicle or Chronicle(world)))
