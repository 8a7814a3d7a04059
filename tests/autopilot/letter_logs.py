"""Logs of some weeks with a permanent holdout and a known lift, for tests of letters."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.letter.period import DAY_MS, WEEK_MS
from liverank.config import Config, parse_config
from liverank.config_experiments import BUCKETS
from liverank.events.autopilot_steps import step_of
from liverank.events.event import Event
from liverank.events.frame import SCHEMA, in_import_order
from liverank.events.log import Log
from liverank.experiments.assignment.buckets import bucket_of

MONDAY = round(datetime(2026, 9, 7, tzinfo=UTC).timestamp() * 1000)
"""The start of the first week; a Monday."""
HOUR_MS = 3_600_000
MODEL = "3f6c363547619096"

TEXT = """
[label]
interaction = "join"
[autopilot]
holdout = 0.1
"""
CONFIG = parse_config(TEXT)


@dataclass(frozen=True)
class Weeks:
    """A product over some weeks, from MONDAY on."""

    people: int = 400
    weeks: int = 3
    lift: float = 0.3
    """Relative lift of the chance of a join, for those who are not held out."""
    holdout: float = 0.1
    holdout_from: int = 0
    """Week in which the holdout begins."""
    holdout_later: float | None = None
    """Its share from week 3 on, where it changes."""
    visits: float = 2.5
    """Of a person in a week, on average."""
    seed: int = 0
    impressions: bool = True
    model: str = MODEL
    growth: float = 0.0
    """Of the number of visits, by week."""
    variants: dict[str, float] = field(default_factory=dict)
    """Labels of an experiment, with shares of those who are not held out."""


def frame_of_weeks(weeks: Weeks) -> pl.DataFrame:
    """All events as one frame of SCHEMA, in their order."""
    rng = np.random.default_rng(weeks.seed)
    names = np.array([f"user{number}" for number in range(weeks.people)])
    draws = np.array([bucket_of("autopilot:holdout", name) for name in names]) / BUCKETS
    later = weeks.holdout if weeks.holdout_later is None else weeks.holdout_later
    label = np.full(weeks.people, "", object)
    ends = np.cumsum(list(weeks.variants.values()))
    draw = rng.random(weeks.people)
    for name, end, share in zip(weeks.variants, ends, weeks.variants.values(), strict=True):
        label[(draw < end) & (draw >= end - share)] = name
    activity = rng.gamma(2.0, 0.5, weeks.people)
    rows = []
    for week in range(weeks.weeks):
        mean = weeks.visits * activity * (1 + weeks.growth) ** week
        who = np.repeat(np.arange(weeks.people), rng.poisson(mean))
        at = MONDAY + week * WEEK_MS + rng.integers(0, WEEK_MS - HOUR_MS, len(who))
        share = weeks.holdout if week < 3 else later
        is_held = (draws[who] < share) & (week >= weeks.holdout_from)
        variant = np.where(is_held, "autopilot:holdout", label[who])
        shown = rng.integers(3, 9, len(who))
        lists = {
            "event": "ranking",
            "time": at,
            "user": names[who],
            "id": np.array([f"q{week}-{number}" for number in range(len(who))]),
            "variant": pl.Series(variant.astype(str)).replace("", None),
            "model": np.where(is_held, "popular", weeks.model),
            "items": pl.Series([[f"r{item}" for item in range(count)] for count in shown.tolist()]),
        }
        rows.append(_rows(**lists))
        each = np.repeat(np.arange(len(who)), shown)
        seen_at = at[each] + rng.integers(1_000, 60_000, len(each))
        item = np.array([f"r{n}" for n in rng.integers(0, 9, len(each))])
        if weeks.impressions:
            rows.append(_acts("impression", seen_at, names[who[each]], item))
        rate = 0.1 * np.where(is_held[each], 1.0, 1 + weeks.lift)
        joins = rng.random(len(each)) < rate
        rows.append(_acts("join", (seen_at + 5_000)[joins], names[who[each]][joins], item[joins]))
        starts = MONDAY + week * WEEK_MS + np.arange(20 + week) * HOUR_MS
        rows.append(
            _rows(
                event="item",
                time=starts,
                item=np.array([f"new{week}-{number}" for number in range(len(starts))]),
                state="started",
            )
        )
    frame = pl.concat(rows)
    return in_import_order(
        frame.with_columns(id=pl.coalesce("id", pl.format("e{}", pl.int_range(frame.height))))
    )


def _acts(kind: str, at: np.ndarray, users: np.ndarray, items: np.ndarray) -> pl.DataFrame:
    return _rows(event="interaction", time=at, user=users, item=items, type=kind)


def _rows(**given: object) -> pl.DataFrame:
    height = len(given["time"])
    return pl.DataFrame(
        [
            (
                pl.Series(name, [given[name]] * height, kind)
                if isinstance(given[name], str)
                else pl.Series(name, given[name]).cast(kind)
            )
            if name in given
            else pl.Series(name, [None] * height, kind)
            for name, kind in SCHEMA.items()
        ]
    )


def log_of_weeks(folder: Path, weeks: Weeks, steps: list[Event] | None = None) -> Log:
    """An open log of these weeks, with events of autopilot at its end."""
    log = Log.open(folder, syncs=False)
    end = MONDAY + weeks.weeks * WEEK_MS
    log.import_frame(frame_of_weeks(weeks), arrived_ms=end)
    if steps:
        log.append(steps, arrived_ms=end)
    return log


def alarm(key: str, since_ms: int, **changed: object) -> Alarm:
    return Alarm(
        **{
            "key": key,
            "kind": key.partition(":")[0],
            "title": f"Something is wrong with {key}",
            "cause": "A cause.",
            "consequence": "A consequence.",
            "next_step": f"Mend {key}.",
            "since_ms": since_ms,
            **changed,
        }
    )


def eventful(week: int) -> list[Event]:
    """A week with a release, a refusal, a rollback, an alarm that ended and one that goes on."""
    begin = MONDAY + week * WEEK_MS

    def at(day: float) -> int:
        return round(begin + day * DAY_MS)

    volume = alarm(
        "volume:impression", at(3.4), title="Impressions fell by 61 %", severity="critical"
    )
    disk = alarm("disk", at(5), kind="disk", title="The disk is full in 9 days")
    return [
        step_of("training_started", at_ms=at(0.1), reason="due"),
        step_of("accepted", at_ms=at(0.2), reason="log-loss 1.2 % lower", model="aaaa"),
        step_of("canary_started", at_ms=at(0.3), reason="shadow was fine", model="aaaa"),
        step_of("released", at_ms=at(1.3), reason="no harm in a day", model="aaaa"),
        step_of("refused", at_ms=at(2.2), reason="no better than the champion", model="bbbb"),
        step_of("alarm_raised", at_ms=at(3.5), reason=volume.title, detail=volume),
        step_of("returned", at_ms=at(3.6), reason="18 % fewer joins", model="aaaa"),
        step_of("alarm_quiet", at_ms=at(3.9), reason=volume.title, detail=volume),
        step_of("alarm_ended", at_ms=at(4.1), reason=volume.title, detail=volume),
        step_of("alarm_raised", at_ms=at(5.1), reason=disk.title, detail=disk),
    ]


def config_of(text: str) -> Config:
    return parse_config(text)
