"""Draws the starts and ends of rooms: weekly slots that repeat, and unplanned rooms.

Invariant: a host has at most one room at a time, and every room ends after it starts.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Bools, Floats, Ints
from liverank.simulator.world.constants import RoomConstants
from liverank.simulator.world.habits import HOUR_MS
from liverank.simulator.world.hosts import Hosts
from liverank.simulator.world.people import People

_GRID = 96
"""Number of quarters of an hour in a day, the grid of start times."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """One row a room, in order of start; times in ms from the start of the world."""

    host: Ints  # [n_rooms] row of the hosts
    start_ms: Ints  # [n_rooms]
    end_ms: Ints  # [n_rooms] after the start
    planned: Bools  # [n_rooms] whether it is one of the host's weekly slots


def draw_schedule(
    rng: np.random.Generator,
    people: People,
    hosts: Hosts,
    *,
    days: int,
    began_ms: int,
    constants: RoomConstants,
) -> Schedule:
    """Draw all rooms of a world that begins at ``began_ms`` (Unix ms).

    A room that would overlap its host's previous one does not take place.
    """
    c = constants
    peak_hour = (people.peak_hour[hosts.person] - began_ms / HOUR_MS) % 24
    slot_host, slot_ms = _slots(rng, hosts, peak_hour, days, c)
    counts = rng.poisson(hosts.unplanned_per_day * days)
    free_host = np.repeat(np.arange(len(hosts.person)), counts)
    day = rng.integers(days, size=len(free_host))
    hour = _start_hours(rng, peak_hour[free_host], c)
    free_ms = ((day * 24 + hour) * HOUR_MS).astype(np.int64)

    host = np.concatenate([slot_host, free_host])
    start_ms = np.concatenate([slot_ms, free_ms])
    planned = np.arange(len(host)) < len(slot_host)
    end_ms = start_ms + _durations_ms(rng, len(host), c)
    order = np.lexsort((host, start_ms))
    kept = order[_apart(host[order], start_ms[order], end_ms[order])]
    return Schedule(host[kept], start_ms[kept], end_ms[kept], planned[kept])


def _slots(
    rng: np.random.Generator, hosts: Hosts, peak_hour: Floats, days: int, constants: RoomConstants
) -> tuple[Ints, Ints]:
    """The host and start of each slot that takes place within the days of the world."""
    owner = np.repeat(np.arange(len(hosts.person)), hosts.slots)
    hour = _start_hours(rng, peak_hour[owner], constants)
    weekday = rng.integers(7, size=len(owner))
    weeks = -(-days // 7)
    takes_place = rng.random((weeks, len(owner))) < constants.slot_kept
    late_ms = rng.exponential(3 * 60_000, (weeks, len(owner))).astype(np.int64)
    week, slot = np.nonzero(takes_place)
    day = week * 7 + weekday[slot]
    start_ms = ((day * 24 + hour[slot]) * HOUR_MS).astype(np.int64) + late_ms[week, slot]
    within = start_ms < days * 24 * HOUR_MS
    return owner[slot][within], start_ms[within]


def _start_hours(rng: np.random.Generator, peak_hour: Floats, constants: RoomConstants) -> Floats:
    """Hours since the start of the world's day, by two harmonics around peaks: float64[n]."""
    apart = (np.arange(_GRID) + 0.5) * (24 / _GRID)
    turn = 2 * np.pi * apart / 24
    density = 1 + constants.first_harmonic * np.cos(turn)
    density += constants.second_harmonic * np.cos(2 * turn)
    chances = np.cumsum(np.maximum(density, 0))
    cell = np.searchsorted(chances, rng.random(len(peak_hour)) * chances[-1], side="right")
    hours: Floats = (peak_hour + (cell + rng.random(len(peak_hour))) * (24 / _GRID)) % 24
    return hours


def _durations_ms(rng: np.random.Generator, number: int, constants: RoomConstants) -> Ints:
    """Draw durations with a lognormal half on either side of the median, int64[number]."""
    c = constants
    normal = rng.normal(0, 1, number)
    minutes = c.median_min * np.exp(normal * np.where(normal < 0, c.log_sd_short, c.log_sd_long))
    clipped: Ints = (np.clip(minutes, c.least_min, c.most_min) * 60_000).astype(np.int64)
    return clipped


def _apart(host: Ints, start_ms: Ints, end_ms: Ints) -> list[int]:
    """Rows of the rooms that start after the end of their host's previous one, by start."""
    kept: list[int] = []
    free_at: dict[int, int] = {}
    rooms = zip(host.tolist(), start_ms.tolist(), end_ms.tolist(), strict=True)
    for row, (who, starts, ends) in enumerate(rooms):
        if starts > free_at.get(who, -1):
            free_at[who] = ends
            kept.append(row)
    return kept
