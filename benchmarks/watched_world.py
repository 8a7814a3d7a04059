"""Simulated worlds as frames of a log, whole or broken, and what a monitor says of them by hour.

Lists have the version of a bundle and made scores, and a server reports every hour, so that all
checks have something to look at.
"""

from functools import cache
from zlib import crc32

import msgspec
import polars as pl

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import HOUR_MS
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.config import Config, parse_config
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep, Event, Ranking
from liverank.events.frame import frame_of
from liverank.serving.reports import ServerReport
from liverank.simulator.faults import Fault, Faults
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.server.project import proposed_config
from liverank.simulator.simulate import play
from liverank.simulator.world.world import START_MS, build_world

STEP_MS = 600_000
VERSION = "0123456789abcdef"
DAY_MS = 24 * HOUR_MS


@cache
def config() -> Config:
    """The config that `liverank init` proposes for a world."""
    return parse_config(proposed_config())


def scored(ranking: Ranking) -> Ranking:
    """The list as if a bundle had ranked it: scores by position and item."""
    scores = [
        0.12 / (1 + position / 5) * (0.5 + crc32(item.encode()) / 2**32)
        for position, item in enumerate(ranking.items)
    ]
    return msgspec.structs.replace(ranking, model=VERSION, scores=scores)


def report(end_ms: int, hour: int, **other: object) -> AutopilotStep:
    """What a healthy server reports at the end of an hour."""
    given = {
        "from_ms": end_ms - HOUR_MS,
        "to_ms": end_ms,
        "rankings": {"model": 98, "popular": hour % 3},
        "late": hour % 3,
        "shed": 0,
        "rankings_lost": 0,
        "events_accepted": 1000,
        "events_rejected": int(hour % 50 == 0),
        "last_rejected": "Expected a text - at `$.user`",
        "p50_ms": 2.0,
        "p99_ms": 10.0,
        "lag_s": 0.5,
        "log_bytes": 10**9 + hour * 10**6 - (hour % 24) * 10**5,
        "disk_free_bytes": 10**11 - hour * 10**6,
        "memory_bytes": 2 * 10**9 - int(10**9 * 0.9**hour) + (hour % 5) * 10**7,
        "memory_free_bytes": 10**10,
        **other,
    }
    detail = msgspec.convert(given, ServerReport)
    return step_of("reported", at_ms=end_ms - 1, reason="", detail=detail)


@cache
def steps(seed: int, people: int, days: int) -> tuple[tuple[int, tuple[Event, ...]], ...]:
    """The events of each step of a world, with the time at which the step ends."""
    world = build_world(seed, people=people, days=days)
    life = Life(world, seed=seed, step_ms=STEP_MS)
    parts: dict[int, list[Event]] = {}
    for event in play(life, MostPopular(world, spread=0.5, seed=seed)):
        part = parts.setdefault(event.at_ms // STEP_MS, [])
        part.append(scored(event) if isinstance(event, Ranking) else event)
    for hour, end_ms in enumerate(range(START_MS + HOUR_MS, day_ms(days), HOUR_MS)):
        parts.setdefault(end_ms // STEP_MS, []).append(report(end_ms, hour))
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
