"""Changes of rooms that do not depend on people: announcement, start, change, pause, end.

Invariant: the agenda is in time order, and a room starts before it changes or ends.
"""

from typing import NamedTuple

import numpy as np

from liverank.simulator.world.arrays import Ints
from liverank.simulator.world.world import World

SCHEDULED, STARTED, UPDATED, ENDED = range(4)


class Agenda(NamedTuple):
    """One row a change: its time (Unix ms), its kind, and the row of the room."""

    at_ms: Ints
    kind: Ints
    room: Ints


def agenda_of(world: World) -> Agenda:
    """All changes of all rooms of a world, in time order."""
    rooms = world.rooms
    every = np.arange(len(rooms.ids))
    planned = np.flatnonzero(rooms.scheduled_ms < rooms.start_ms)
    paused = np.flatnonzero(rooms.pause_ms < rooms.end_ms)
    with_guest = np.flatnonzero([guest is not None for guest in rooms.guests])
    with_leaver = np.flatnonzero([leaver is not None for leaver in rooms.leavers])
    parts = [
        (rooms.scheduled_ms[planned], SCHEDULED, planned),
        (rooms.start_ms, STARTED, every),
        (rooms.guest_ms[with_guest], UPDATED, with_guest),
        (rooms.pause_ms[paused], ENDED, paused),
        (rooms.resume_ms[paused], STARTED, paused),
        (rooms.leaver_ms[with_leaver], UPDATED, with_leaver),
        (rooms.end_ms, ENDED, every),
    ]
    at_ms = np.concatenate([times for times, _, _ in parts])
    kind = np.concatenate([np.full(len(times), kind) for times, kind, _ in parts])
    room = np.concatenate([which for _, _, which in parts])
    order = np.argsort(at_ms, kind="stable")
    return Agenda(at_ms[order], kind[order], room[order])
