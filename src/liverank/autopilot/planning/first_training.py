"""Plans the first training of a product without history: what there is, and when it is enough.

Until then lists are by popularity, with some in random order to learn from. What is enough was
measured in simulated worlds (benchmarks/bench_cold_start.py). Invariant: a plan counts what a
training at that time would learn from, and nothing that came later.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import look_at
from liverank.autopilot.scope import Scope
from liverank.autopilot.training_lists import TrainingLists
from liverank.config import Config
from liverank.features.layout.derived_layout import layout_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
RATE_OVER_MS = DAY_MS
"""The newest time over which rates are measured: a day, as hours of a day differ."""


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """What a first training needs."""

    successes: int = 300
    """Four times the number from which on each model was clearly better in the bench's usual
    worlds; and so that a fifth of them are enough to judge a model by."""
    people: int = 50
    """People with a list; intervals are drawn over people. The bench had no world of fewer."""
    days: float = 1.0
    """History from the first list on, so that each hour of a day was seen."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to learn from, what is enough, and when it will be."""

    at_ms: int
    lists: int
    """Lists of which someone saw an item."""
    successes: int
    people: int
    """People with such a list."""
    days: float
    """Days since the first of them."""
    enough: Enough
    successes_per_hour: float
    """Over the last day, or since the first list; 0 where nothing came."""
    people_per_hour: float
    """People whose first list was then."""
    ready_at_ms: int | None
    """When there will be enough, if things go on as they do; None if nothing comes."""

    @property
    def is_ready(self) -> bool:
        """Whether there is enough now."""
        return self.ready_at_ms is not None and self.ready_at_ms <= self.at_ms

    @property
    def reason(self) -> str:
        """The plan in one sentence."""
        who = f"of {self.people:,} people in {self.days:.1f} days"
        if self.is_ready:
            return f"There is enough for a first model: {self.successes:,} successes {who}"
        need = self.enough
        text = (
            f"A first model needs {need.successes:,} successes of {need.people:,} people over "
            f"{need.days:g} {'day' if need.days == 1 else 'days'} or more; there are "
            f"{self.successes:,} {who}"
        )
        if self.ready_at_ms is None:
            return f"{text}, and too few come to say when there will be enough"
        when = datetime.fromtimestamp(self.ready_at_ms / 1000, UTC).strftime("%A %d %B, %H:%M UTC")
        return f"{text}, {self.successes_per_hour:.3g} an hour: about {when}"


class History(NamedTuple):
    """The lists of a log of which someone saw an item, in order of time.

    ``at`` float64[r] Unix ms; ``users`` uint64[r] hashes; ``successes`` int64[r] of each list;
    ``open_ms``: lists of the last so many milliseconds are not among them, as their label's window
    is not over.
    """

    at: NDArray[np.float64]
    users: NDArray[np.uint64]
    successes: NDArray[np.int64]
    open_ms: float = 0.0


def plan_first_training(
    frames: Frames, config: Config, at_ms: int, enough: Enough | None = None
) -> Plan:
    """Plan the first training as of ``at_ms`` (Unix ms), from the log's events before it.

    Reads the log twice. Raises ConfigError where the log contradicts the config.
    """
    return plan_of(history_of(frames, config, at_ms), at_ms, enough or Enough())


def history_of(frames: Frames, config: Config, at_ms: int) -> History:
    """The lists before a time that a training would learn from, or would once windows are over."""
    gathering = TrainingLists(config, Scope(before_ms=at_ms))
    for frame in frames():
        gathering.add(frame)
    layout = layout_of(look_at(frames, config, before_ms=at_ms), config)
    lists = gathering.so_far(layout)
    starts = lists.reads.offsets[:-1]
    if not len(starts):
        return History(np.empty(0), np.empty(0, np.uint64), np.empty(0, np.int64))
    seen = np.add.reduceat(lists.seen.astype(np.int64), starts)
    successes = np.add.reduceat((lists.labels.astype(bool) & lists.seen).astype(np.int64), starts)
    kept = seen > 0
    open_ms = 0.0
    if config.candidates is None and lists.until_ms.max() < at_ms:
        open_ms = float(config.label.known_after_ms)
    return History(lists.reads.at[kept], lists.reads.user[kept], successes[kept], open_ms)


def plan_of(history: History, at_ms: int, enough: Enough) -> Plan:
    """The plan for a history.

    >>> nothing = History(np.empty(0), np.empty(0, np.uint64), np.empty(0, np.int64))
    >>> plan_of(nothing, 5, Enough()).ready_at_ms is None
    True
    """
    at, users, successes, open_ms = history
    newcomers = at[np.sort(np.unique(users, return_index=True)[1])]
    first_ms = float(at[0]) if len(at) else float(at_ms)
    span_ms = min(RATE_OVER_MS, at_ms - open_ms - first_ms)
    since_ms = at_ms - open_ms - span_ms
    total = int(successes.sum())
    came = float(successes[at >= since_ms].sum())
    per_ms, new_per_ms = (
        number / span_ms if span_ms > 0 else 0.0
        for number in (came, float(np.count_nonzero(newcomers >= since_ms)))
    )
    times = (
        _reached_ms(enough.successes - total, per_ms, at_ms),
        _reached_ms(enough.people - len(newcomers), new_per_ms, at_ms),
        first_ms + enough.days * DAY_MS if len(at) else None,
    )
    known = [time for time in times if time is not None]
    return Plan(
        at_ms=at_ms,
        lists=len(at),
        successes=total,
        people=len(newcomers),
        days=float(at_ms - first_ms) / DAY_MS,
        enough=enough,
        successes_per_hour=float(per_ms) * HOUR_MS,
        people_per_hour=float(new_per_ms) * HOUR_MS,
        ready_at_ms=int(np.ceil(max(known))) if len(known) == len(times) else None,
    )


def _reached_ms(missing: int, per_ms: float, at_ms: int) -> float | None:
    """When so many more will have come; None if none come."""
    if missing <= 0:
        return float(at_ms)
    return at_ms + missing / per_ms if per_ms > 0 else None
