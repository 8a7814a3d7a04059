"""Builds a world: people with tastes, hosts, a follow graph, and all rooms.

Invariant: the same arguments build exactly the same world.
"""

from dataclasses import dataclass

import numpy as np

from liverank.errors import SimulatorError
from liverank.simulator.world.arrays import Floats
from liverank.simulator.world.constants import Constants
from liverank.simulator.world.graph import Graph, draw_graph
from liverank.simulator.world.habits import weekly_curves
from liverank.simulator.world.hosts import Hosts, draw_hosts
from liverank.simulator.world.people import People, draw_people
from liverank.simulator.world.rooms import Rooms, draw_rooms
from liverank.simulator.world.schedule import draw_schedule

START_MS = 1_704_067_200_000
"""Default start of a world's time: Monday, 2024-01-01, midnight UTC.

It is in the past, because an event in the future is an error; it can be set to a recent time.
"""

DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False)
class World:
    """All facts that are fixed in advance, hidden or visible; ``Life`` simulates the rest."""

    start_ms: int
    days: int
    constants: Constants
    people: People
    hosts: Hosts
    rooms: Rooms
    graph: Graph
    curves: Floats  # [n_habits, 169] see ``habits.weekly_curves``
    person_of: dict[str, int]  # a person's id to its row
    room_of: dict[str, int]  # an item's id to its row
    host_ids: tuple[str, ...]  # the ids of the people who host
    host_of: dict[str, int]  # a person's id to the row of the hosts, if there is one


def build_world(
    seed: int,
    *,
    people: int = 2000,
    hosts: int | None = None,
    days: int = 7,
    start_ms: int = START_MS,
    constants: Constants | None = None,
) -> World:
    """Draw a world. Without ``hosts``, one person in ten is a host (at least five are).

    Raises SimulatorError for fewer than ten people, five hosts or one day.

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
    c = constants or Constants()
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)]
    everyone = draw_people(streams[0], people, start_ms=start_ms, constants=c.people)
    speaking = draw_hosts(streams[1], everyone, hosts, c)
    schedule = draw_schedule(
        streams[2], everyone, speaking, days=days, began_ms=start_ms, constants=c.rooms
    )
    rooms = draw_rooms(streams[3], speaking, schedule, start_ms=start_ms, constants=c.rooms)
    host_ids = tuple(everyone.ids[person] for person in speaking.person.tolist())
    return World(
        start_ms=start_ms,
        days=days,
        constants=c,
        people=everyone,
        hosts=speaking,
        rooms=rooms,
        graph=draw_graph(streams[4], everyone, speaking, c.graph),
        curves=weekly_curves(c.people, start_ms=start_ms),
        person_of={user: person for person, user in enumerate(everyone.ids)},
        room_of={item: room for room, item in enumerate(rooms.ids)},
        host_ids=host_ids,
        host_of={user: host for host, user in enumerate(host_ids)},
    )


def person_row(world: World, user: str) -> int:
    """The row of a person. Raises SimulatorError for an unknown person."""
    if user not in world.person_of:
        raise SimulatorError(
            f"no person {user!r} in this world; it has u0 to u{len(world.person_of) - 1}"
        )
    return world.person_of[user]


def room_row(world: World, item: str) -> int:
    """The row of a room. Raises SimulatorError for an unknown room."""
    if item not in world.room_of:
        raise SimulatorError(
            f"no item {item!r} in this world; it has room0 to room{len(world.room_of) - 1}"
        )
    return world.room_of[item]
