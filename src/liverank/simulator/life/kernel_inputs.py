"""The arrays that the kernels of a life read and write: columns of the world, and its state.

Invariant: only the kernels and ``Life`` change a ``State``; a ``Fixed`` never changes.
"""

from typing import NamedTuple

import numpy as np

from liverank.simulator.world.arrays import Bools, Floats, Ints, Rows, Singles
from liverank.simulator.world.names import OPENINGS
from liverank.simulator.world.world import World

NEVER_MS = 2**62
REMEMBERED = 64
"""Number of the latest unclicked rooms that a person's fatigue depends on."""
SPARE_FOLLOWS = 24
"""Maximum number of follows that a person can gain."""

RECORD = np.dtype(
    [
        ("at_ms", np.int64),
        ("kind", np.int32),
        ("person", np.int32),
        ("room", np.int32),
        ("part", np.int32),  # the number within its list
        ("list", np.int64),  # the number of the list
        ("value", np.float64),  # seconds stayed, for a leave
    ],
    align=True,
)
"""A person's action; it becomes an event when the simulated time reaches its time."""


def most_records(n_shown: int) -> int:
    """Maximum number of records of one visit: impressions, clicks, join, follow, leave."""
    return 2 * n_shown + 3


class Times(NamedTuple):
    """The times at which rooms are live (Unix ms), and their peaks of liveliness."""

    start_ms: Ints  # [n_rooms]
    pause_ms: Ints  # [n_rooms]
    end_ms: Ints  # [n_rooms]
    peak: Floats  # [n_rooms]


class Fixed(NamedTuple):
    """Columns of a world that never change."""

    taste: Singles  # [n_people, n_topics]
    leaning: Singles  # [n_people, LEANINGS]
    understands: Bools  # [n_people, n_languages]
    wording: Singles  # [n_people, n_openings + n_closings]
    eagerness: Floats  # [n_people]
    keep_on: Floats  # [n_people] probability of examining one more room
    visits_per_day: Floats  # [n_people]
    habit: Rows  # [n_people]
    phase_ms: Floats  # [n_people]
    host_of: Rows  # [n_people] row of the hosts, or -1
    host_person: Rows  # [n_hosts]
    host_leaning: Singles  # [n_hosts, LEANINGS]
    log_fame: Floats  # [n_hosts]
    host_language: Rows  # [n_hosts]
    room_host: Rows  # [n_rooms]
    topics: Rows  # [n_rooms, 3]
    opening: Rows  # [n_rooms]
    closing: Rows  # [n_rooms] column of ``wording``
    quality: Floats  # [n_rooms]
    times: Times
    curves: Floats  # [n_habits, 169]
    world_start_ms: int


class State(NamedTuple):
    """Everything that changes during a life."""

    inside: Rows  # [n_people] the room that a person listens to, or -1
    speaking: Rows  # [n_people] the room that a person speaks in, or -1
    listeners: Rows  # [n_rooms]
    follow_start: Ints  # [n_people + 1] start of each person's follows in ``follow``
    follow_count: Rows  # [n_people]
    follow: Rows  # [...] followed people, with space left for more
    shown: Rows  # [n_people, REMEMBERED] a ring of rooms shown and not clicked, or -1
    shown_count: Rows  # [n_people] number of rooms written to the ring so far
    mood: Floats  # [n_people] -1 to 1, at ``mood_ms``
    mood_ms: Ints  # [n_people]
    visits: Rows  # [n_people] visits so far
    next_ms: Ints  # [n_people] time of the next visit
    busy_ms: Ints  # [n_people] end of the last visit
    own_start_ms: Ints  # [n_people] when the person's own next room starts
    room_mark: Rows  # [n_rooms] -1; scratch space of a kernel
    host_mark: Rows  # [n_hosts] -1; scratch space of a kernel

    def copied(self) -> "State":
        """A copy that shares no array with this one."""
        return State._make([column.copy() for column in self])


def fixed_of(world: World) -> Fixed:
    """The columns of a world that kernels read."""
    people, hosts, rooms = world.people, world.hosts, world.rooms
    host_of = np.full(len(people.ids), -1, np.int32)
    host_of[hosts.person] = np.arange(len(hosts.person))
    return Fixed(
        taste=people.taste,
        leaning=people.leaning,
        understands=people.understands,
        wording=people.wording,
        eagerness=people.eagerness,
        keep_on=1 - 1 / people.patience,
        visits_per_day=people.visits_per_day,
        habit=people.habit.astype(np.int32),
        phase_ms=people.phase_h * 3_600_000,
        host_of=host_of,
        host_person=hosts.person.astype(np.int32),
        host_leaning=hosts.leaning,
        log_fame=np.log(hosts.fame),
        host_language=hosts.language.astype(np.int32),
        room_host=rooms.host.astype(np.int32),
        topics=rooms.topics.astype(np.int32),
        opening=rooms.opening.astype(np.int32),
        closing=(len(OPENINGS) + rooms.closing).astype(np.int32),
        quality=rooms.quality,
        times=Times(rooms.start_ms, rooms.pause_ms, rooms.end_ms, rooms.peak),
        curves=world.curves,
        world_start_ms=world.start_ms,
    )


def first_state(world: World) -> State:
    """The state at the start: nobody is in a room, and every mood is neutral."""
    number, n_rooms = len(world.people.ids), len(world.rooms.ids)
    graph = world.graph
    count = np.diff(graph.start)
    start = graph.start + SPARE_FOLLOWS * np.arange(number + 1)
    follow = np.full(int(start[-1]), -1, np.int32)
    follow[np.arange(len(graph.target)) + np.repeat(start[:-1] - graph.start[:-1], count)] = (
        graph.target
    )
    began = np.full(number, world.start_ms, np.int64)
    return State(
        inside=np.full(number, -1, np.int32),
        speaking=np.full(number, -1, np.int32),
        listeners=np.zeros(n_rooms, np.int32),
        follow_start=start,
        follow_count=count.astype(np.int32),
        follow=follow,
        shown=np.full((number, REMEMBERED), -1, np.int32),
        shown_count=np.zeros(number, np.int32),
        mood=np.zeros(number),
        mood_ms=began.copy(),
        visits=np.zeros(number, np.int32),
        next_ms=began.copy(),
        busy_ms=began.copy(),
        own_start_ms=np.full(number, NEVER_MS, np.int64),
        room_mark=np.full(n_rooms, -1, np.int32),
        host_mark=np.full(len(world.hosts.person), -1, np.int32),
    )
