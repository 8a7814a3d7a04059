"""A small generated world: people with tastes, hosts, a follow graph, and the rooms to come.

Invariant: the same arguments build the same world, down to the last bit.
"""

from dataclasses import dataclass

import numpy as np

from liverank.errors import SimulatorError
from liverank.simulator.hosts import Hosts, draw_follows, draw_hosts
from liverank.simulator.people import Floats, People, draw_people
from liverank.simulator.rooms import Rooms, draw_rooms
from liverank.simulator.traits import person_traits, room_traits

START_MS = 1_704_067_200_000
"""Where a world's time begins unless it is told otherwise: Monday, 2024-01-01, midnight UTC.

Long past, because an event of the future is odd; who needs a world that lasts until now says so.
"""

DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False)
class World:
    """All that is true in the world, hidden or not; ``simulate`` makes its events."""

    start_ms: int
    days: int
    people: People
    hosts: Hosts
    rooms: Rooms
    follows: tuple[frozenset[int], ...]  # for each person, places among the hosts
    person_traits: Floats  # [n_people, n_traits]
    room_traits: Floats  # [n_rooms, n_traits]
    person_of: dict[str, int]  # a person's id to its place
    room_of: dict[str, int]  # an item's id to its place
    host_ids: tuple[str, ...]  # the ids of the people who host
    host_of: dict[str, int]  # a person's id to the place among the hosts, if there is one


def build_world(
    seed: int,
    *,
    people: int = 2000,
    hosts: int | None = None,
    days: int = 7,
    start_ms: int = START_MS,
) -> World:
    """Draw a world. Without ``hosts``, one person in ten opens rooms (at least five do).

    Raises SimulatorError when there are fewer than ten people, five hosts or one day.

    >>> world = build_world(7, people=100, days=2)
    >>> len(world.people.ids), len(world.hosts.person)
    (100, 10)
    >>> world.rooms.ids[0]
    'room0'
    """
    hosts = max(5, people // 10) if hosts is None else hosts
    if people < 10:
        raise SimulatorError(f"`people` is {people}; a world needs at least 10")
    if not 5 <= hosts <= people:
        raise SimulatorError(f"`hosts` is {hosts}; give 5 to {people}, the number of people")
    if days < 1:
        raise SimulatorError(f"`days` is {days}; a world lasts at least 1")
    if seed < 0:
        raise SimulatorError(f"`seed` is {seed}; give 0 or more")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    everyone = draw_people(streams[0], people, start_ms=start_ms)
    speaking = draw_hosts(streams[1], everyone, hosts)
    rooms = draw_rooms(streams[2], everyone, speaking, days=days, start_ms=start_ms)
    host_ids = tuple(everyone.ids[person] for person in speaking.person.tolist())
    return World(
        start_ms=start_ms,
        days=days,
        people=everyone,
        hosts=speaking,
        rooms=rooms,
        follows=draw_follows(streams[3], everyone, speaking),
        person_traits=person_traits(everyone),
        room_traits=room_traits(rooms, speaking),
        person_of={user: place for place, user in enumerate(everyone.ids)},
        room_of={item: place for place, item in enumerate(rooms.ids)},
        host_ids=host_ids,
        host_of={user: host for host, user in enumerate(host_ids)},
    )


def person_place(world: World, user: str) -> int:
    """The place of a person among the people. Raises SimulatorError for a stranger."""
    if user not in world.person_of:
        raise SimulatorError(
            f"no person {user!r} in this world; it has u0 to u{len(world.person_of) - 1}"
        )
    return world.person_of[user]


def room_place(world: World, item: str) -> int:
    """The place of an item among the rooms. Raises SimulatorError for one of elsewhere."""
    if item not in world.room_of:
        raise SimulatorError(
            f"no item {item!r} in this world; it has room0 to room{len(world.room_of) - 1}"
        )
    return world.room_of[item]
