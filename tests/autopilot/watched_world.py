"""Simulated worlds as frames of a log, whole or broken, and what a monitor says of them by hour."""

from functools import cache

import polars as pl

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import HOUR_MS
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.config import Config, parse_config
from liverank.events.event import Event
from liverank.events.frame import frame_of
from liverank.simulator.faults import Fault, Faults
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.server.project import proposed_config
from liverank.simulator.simulate import play
from liverank.simulator.world.world import START_MS, build_world

STEP_MS = 600_000
DAY_MS = 24 * HOUR_MS


@cache
def config() -> Config:
    return parse_config(proposed_config())


@cache
def steps(seed: int, people: int, days: int) -> tuple[tuple[int, tuple[Event, ...]], ...]:
    """The events of each step of a world, with the time at which the step ends."""
    world = build_world(seed, people=people, days=days)
    life = Life(world, seed=seed, step_ms=STEP_MS)
    parts: dict[int, list[Event]] = {}
    for event in play(life, MostPopular(world, spread=0.5, seed=seed)):
        parts.setdefault(event.at_ms // STEP_MS, []).append(event)
    return tuple(((step + 1) * STEP_MS, tuple(part)) for step, part in sorted(parts.items()))


def frame(
    parts: tuple[tuple[int, tuple[Event, ...]], ...],
    faults: tuple[Fault, ...] = (),
    *,
    first_seq: int = 1,
) -> pl.DataFrame:
    """The steps as a frame of the log, in which each event arrives at the end of its step."""
    breaking = Faults(faults, seed=1)
    events: list[Event] = []
    arrived: list[int] = []
    for end_ms, part in parts:
        made = breaking.broken(part)
        events += made
        arrived += [end_ms] * len(made)
    made_frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    return made_frame.with_columns(arrived=pl.Series(arrived, dtype=pl.Int64))


def watch(
    monitor: Monitor, events: pl.DataFrame, *, from_ms: int, to_ms: int, every_h: int = 1
) -> list[tuple[int, list[Alarm]]]:
    """The alarms at the end of each hour or so; the monitor gets the events until then before."""
    found = []
    ends = events["arrived"].to_numpy()
    begin = 0
    for end_ms in range(from_ms + every_h * HOUR_MS, to_ms + 1, every_h * HOUR_MS):
        stop = int(ends.searchsorted(end_ms, side="left"))
        monitor.add(events[begin:stop])
        begin = stop
        found.append((end_ms, monitor.alarms(end_ms)))
    return found


def day_ms(day: float) -> int:
    """The time of a day since the beginning of the world, Unix ms."""
    return START_MS + round(day * DAY_MS)
