"""Past lists with known propensities, from which other policies can be estimated.

Only events of the users who got such a list are kept, so that a small share of explored lists costs
little memory in a long log.
Invariant: each list names all its candidates, the window of its label is over, and no list is from
a tester whose variant was forced.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames, only_columns
from liverank.config import Config
from liverank.dataset.lists.collected import Collector
from liverank.dataset.lists.lists import Lists, lists_of
from liverank.errors import DatasetError
from liverank.events.clock import right_times
from liverank.features.hashing import hash_column
from liverank.features.layout.layout import Layout
from liverank.features.stream.time_order import TimeBounds, bounds_of
from liverank.quantities import duration_ms

HOW_TO_EXPLORE = (
    'serve a small share of the lists in random order first: a variant with `rank = "random"` in '
    "an experiment of liverank.toml logs them with their propensities; imported rankings may have "
    "`propensities` of their own"
)

_EXPLORATION_COLUMNS = ("seq", "arrived", "event", "time", "user", "variant", "propensities")
"""Columns needed to find users with an explored ranking."""
_FORCED = "!"
"""Suffix of a ranking's variant if it was forced for a tester."""
_IS_FORCED = pl.col("variant").str.ends_with(_FORCED).fill_null(value=False)
_IS_EXPLORED = pl.col("propensities").is_not_null() & ~_IS_FORCED


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which lists to estimate from: their label, their earliest time, and their surface."""

    label: str
    since_ms: float = -np.inf
    surface: str | None = None


@dataclass(frozen=True, slots=True)
class ExploredLists:
    """Lists with a propensity for each served item, and counts of those left out."""

    lists: Lists
    labels: NDArray[np.uint8]
    """uint8[k]: the queried label."""
    counts: dict[str, int]
    """Number of rankings of the queried time and surface, of those with propensities, and of
    those not used, by reason."""


@dataclass(slots=True)
class Exploration:
    """The rankings with propensities, found in one pass over the log."""

    query: ListQuery
    users: NDArray[np.uint64]
    """Hashes of the users who got such a ranking, sorted."""
    bounds: TimeBounds
    last_ms: float
    _collected: Collector | None = field(default=None, repr=False)

    def lists(self, frames: Frames, layout: Layout, config: Config) -> ExploredLists:
        """The lists usable for estimates, read once for all layouts.

        Raises DatasetError where there are none.
        """
        query = self.query
        if self._collected is None:
            self._collected = Collector(config, from_ms=query.since_ms)
            for frame in _of_users(frames, self.users):
                self._collected.add(frame)
        collector = self._collected
        lists = replace(lists_of(collector, layout, config), bounds=self.bounds)
        labels, until_ms = _outcome(lists, query.label)
        surfaces = collector.requests.table()["surface"].to_numpy()
        here = np.ones(len(lists), np.bool_)
        if query.surface is not None:
            here = surfaces[collector.rankings().request] == query.surface
        known = here & _know_propensities(lists)
        over = until_ms <= self.last_ms
        whole = np.ones(len(lists), np.bool_) if lists.whole is None else lists.whole
        used = known & over & whole
        counts = {
            "of_people_who_explored": int(here.sum()),
            "with_propensities": int(known.sum()),
            "label_still_open": int((known & ~over).sum()),
            "candidates_not_named": int((known & over & ~whole).sum()),
            "used": int(used.sum()),
        }
        if not used.any():
            raise DatasetError(_why_none(counts, query))
        return ExploredLists(lists.take(used), labels[np.repeat(used, lists.sizes)], counts)


def find_exploration(frames: Frames, config: Config, query: ListQuery) -> Exploration:
    """Read the log once to find the users who got a ranking with propensities.

    Raises DatasetError where there is none.
    """
    max_future_ms = duration_ms(config.features.max_future)
    users, stretches, last_ms = [np.empty(0, np.uint64)], [], -np.inf
    rankings = 0
    for frame in only_columns(frames, _EXPLORATION_COLUMNS)():
        if frame.is_empty():
            continue
        at, _ = right_times(frame, max_future_ms)
        stretches.append((int(frame["seq"][-1] or 0), float(at.min())))
        last_ms = max(last_ms, float(at.max()))
        of_frame = frame.filter(pl.col("event") == "ranking")
        rankings += of_frame.height
        explored = of_frame.filter(_IS_EXPLORED)
        users.append(np.unique(hash_column(explored["user"])))
    found = np.unique(np.concatenate(users))
    if not len(found):
        raise DatasetError(
            f"none of the {rankings:,} rankings of the log has `propensities`, so other lists "
            f"cannot be estimated; {HOW_TO_EXPLORE}"
        )
    return Exploration(query, found, bounds_of(stretches), last_ms)


def _of_users(frames: Frames, users: NDArray[np.uint64]) -> Iterator[pl.DataFrame]:
    for frame in frames():
        mine = np.isin(hash_column(frame["user"]), users)
        yield frame.filter(pl.Series(mine)).with_columns(
            pl.when(_IS_EXPLORED).then(pl.col("propensities")).alias("propensities")
        )


def _outcome(lists: Lists, label: str) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    if label in lists.others:
        return lists.others[label]
    if label in lists.unavailable:
        raise DatasetError(f"the label `{label}` is not available: {lists.unavailable[label]}")
    return lists.labels, lists.until_ms


def _know_propensities(lists: Lists) -> NDArray[np.bool_]:
    """Whether each list has a propensity for every served item, bool[r]."""
    if lists.chances is None or not len(lists):
        return np.zeros(len(lists), np.bool_)
    known = np.isfinite(lists.chances) | ~lists.served
    return np.logical_and.reduceat(known, lists.reads.offsets[:-1])


def _why_none(counts: dict[str, int], query: ListQuery) -> str:
    if not counts["with_propensities"]:
        where = "" if query.surface is None else f" on the surface `{query.surface}`"
        return f"no ranking of that time{where} has `propensities`; {HOW_TO_EXPLORE}"
    if counts["candidates_not_named"]:
        return (
            f"{counts['candidates_not_named']:,} rankings have propensities but do not name all "
            "their candidates, so it is unknown what another policy would have shown; set "
            "`serving.log_candidates` higher, or send `candidates` with imported rankings"
        )
    return (
        f"the label `{query.label}` of all {counts['with_propensities']:,} rankings with "
        "propensities is still open; come back when its window is over"
    )
