"""What a person makes of a room: the hidden truth that every model tries to learn.

Invariant: these are pure functions of the world and the time, so a report can compare any ranking
with the best one there could be.
"""

from collections.abc import Sequence

import numpy as np

from liverank.errors import SimulatorError
from liverank.simulator.people import Floats, Ints
from liverank.simulator.world import World

FOLLOWED = 1.1


def appeal(world: World, person: int, rooms: Ints, at_ms: int) -> Floats:
    """How much these rooms appeal to a person now: the log-odds of a click on one that is seen.

    Taste for the topics, the language, a liking for the host, the room's quality and the host's
    fame (see ``traits``), a follow, and how lively the room is at this point of its life.
    """
    follows = world.follows[person]
    followed = [FOLLOWED if host in follows else 0.0 for host in world.rooms.host[rooms].tolist()]
    lasting = world.room_traits[rooms] @ world.person_traits[person]
    log_odds: Floats = lasting + followed + liveliness(world, rooms, at_ms)
    return log_odds


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


def true_join_probability(world: World, user: str, items: Sequence[str], at_ms: int) -> Floats:
    """The chance that a person joins each item if it is seen at the top: float64[n_items].

    For reports and for the oracle policy; no model may see it. Raises SimulatorError for a user or
    an item that is not of this world.

    >>> from liverank.simulator.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> true_join_probability(world, "u3", ["room0", "room1"], world.start_ms).shape
    (2,)
    """
    if user not in world.person_of:
        raise SimulatorError(
            f"no person {user!r} in this world; it has u0 to u{len(world.follows) - 1}"
        )
    for item in items:
        if item not in world.room_of:
            raise SimulatorError(
                f"no item {item!r} in this world; it has room0 to room{len(world.room_of) - 1}"
            )
    rooms = np.array([world.room_of[item] for item in items], dtype=np.int64)
    return chance_of_join(appeal(world, world.person_of[user], rooms, at_ms))
