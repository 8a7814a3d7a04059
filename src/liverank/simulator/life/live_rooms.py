"""Tracks the live rooms, their speakers, and the hosts that are busy with a room.

Invariant: the live rooms are in order of their starts.
"""

import numpy as np

from liverank.simulator.life.agenda import ENDED, STARTED, Agenda, agenda_of
from liverank.simulator.life.kernel_inputs import NEVER_MS, State
from liverank.simulator.world.arrays import Ints
from liverank.simulator.world.rooms import speakers_at
from liverank.simulator.world.world import World


class LiveRooms:
    """Applies the agenda of a world to a state, up to a time."""

    def __init__(self, world: World, state: State) -> None:
        self._world = world
        self._agenda: Agenda = agenda_of(world)
        self._done = 0
        self._live: dict[int, None] = {}
        self._next_own_ms, first_own_ms = _own_starts(world)
        state.own_start_ms[world.hosts.person] = first_own_ms

    def rows(self) -> Ints:
        """The rows of the live rooms, oldest start first: int64[n_live]."""
        return np.fromiter(self._live, np.int64, len(self._live))

    def advance(self, until_ms: int, state: State) -> list[tuple[int, int, int]]:
        """Apply all changes before a time to the state; return (Unix ms, kind, row) of each."""
        last = int(np.searchsorted(self._agenda.at_ms, until_ms, side="left"))
        changes = list(
            zip(*(column[self._done : last].tolist() for column in self._agenda), strict=True)
        )
        self._done = last
        for at_ms, kind, room in changes:
            if kind == STARTED:
                self._live[room] = None
                self._begin(room, state)
            elif kind == ENDED:
                del self._live[room]
            self._seat(room, at_ms, state)
        return changes

    def copied(self) -> "LiveRooms":
        """A copy that shares nothing mutable with this one."""
        twin = object.__new__(LiveRooms)
        twin.__dict__.update(self.__dict__)
        twin._live = dict(self._live)
        return twin

    def _begin(self, room: int, state: State) -> None:
        """Mark the host as busy until the room ends."""
        person = self._world.hosts.person[self._world.rooms.host[room]]
        end_ms = self._world.rooms.end_ms[room]
        state.own_start_ms[person] = self._next_own_ms[room]
        state.busy_ms[person] = max(state.busy_ms[person], end_ms)
        state.next_ms[person] = max(state.next_ms[person], end_ms)

    def _seat(self, room: int, at_ms: int, state: State) -> None:
        """Record a room's speakers from now on; a room that is not live has none."""
        rooms, person = self._world.rooms, self._world.hosts.person
        guest = rooms.guests[room]
        known = rooms.speakers[room] if guest is None else (*rooms.speakers[room], guest)
        now = speakers_at(rooms, room, at_ms) if room in self._live else ()
        for host in known:
            seat = state.speaking[person[host]]
            if host in now and seat == -1:
                state.speaking[person[host]] = room
            elif host not in now and seat == room:
                state.speaking[person[host]] = -1


def _own_starts(world: World) -> tuple[Ints, Ints]:
    """For each room the start of its host's next room, and for each host that of the first."""
    rooms = world.rooms
    following = np.full(len(rooms.ids), NEVER_MS, np.int64)
    first = np.full(len(world.hosts.person), NEVER_MS, np.int64)
    order = np.lexsort((rooms.start_ms, rooms.host))
    same = rooms.host[order[1:]] == rooms.host[order[:-1]]
    following[order[:-1][same]] = rooms.start_ms[order[1:][same]]
    np.minimum.at(first, rooms.host, rooms.start_ms)
    return following, first
