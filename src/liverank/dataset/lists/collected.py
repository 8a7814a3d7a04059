"""Collects the rankings and interactions for past lists, as hashes, frame by frame.

Memory is bounded by the number of rows wanted, not by the log: the newest rankings are kept, and
interactions no older than them. Where a whole period is wanted, a share of the users is kept.
Invariant: the result does not depend on the order of events or on how they are cut into frames.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.lists.requests import Requests
from liverank.events.clock import right_times
from liverank.features.hashing import hash_column
from liverank.features.stream.ragged import offsets_of, taken
from liverank.features.stream.time_order import TimeBounds, bounds_of
from liverank.quantities import duration_ms

AS_OF_TIME = -1
"""Marks a ranking without a cut, which is read as of its own time."""


class Rankings(NamedTuple):
    """``r`` rankings with ``k`` scored items; in each, the served items come first.

    ``id``, ``user`` uint64[r]; ``at`` float64[r] Unix ms; ``before`` int64[r]: the seq of the first
    event that a served ranking did not see, or AS_OF_TIME; ``request`` int64[r]: row numbers of the
    table of requests; ``served`` int64[r]: how many of its items were served; ``offsets``
    int64[r + 1] and ``items`` uint64[k]; ``chances`` float64[k]: the probability of each item
    at its position, NaN where it is unknown; ``whole`` bool[r]: whether the ranking names all
    scored items, as far as is known.
    """

    id: NDArray[np.uint64]
    user: NDArray[np.uint64]
    at: NDArray[np.float64]
    before: NDArray[np.int64]
    request: NDArray[np.int64]
    served: NDArray[np.int64]
    offsets: NDArray[np.int64]
    items: NDArray[np.uint64]
    chances: NDArray[np.float64]
    whole: NDArray[np.bool_]

    def take(self, numbers: NDArray[np.int64]) -> "Rankings":
        """The rankings with these numbers, int64[m], in that order."""
        offsets, elements = taken(self.offsets, numbers)
        return Rankings(
            self.id[numbers],
            self.user[numbers],
            self.at[numbers],
            self.before[numbers],
            self.request[numbers],
            self.served[numbers],
            offsets,
            self.items[elements],
            self.chances[elements],
            self.whole[numbers],
        )


class Collector:
    """Collects rankings, and the interactions that label them, from frames.

    Rankings from ``from_ms`` to ``before_ms`` are kept: the newest ones with ``newest_rows`` items
    in total, including all of the oldest millisecond; or, with ``people_rows``, all rankings of as
    many users as have at most that many items. None is no limit.
    """

    def __init__(
        self,
        config: Config,
        *,
        from_ms: float = -np.inf,
        before_ms: float = np.inf,
        newest_rows: int | None = None,
        people_rows: int | None = None,
    ) -> None:
        self.requests = Requests()
        self.total = 0
        """Number of rankings of the period, kept or not."""
        self.last_ms = -np.inf
        """The latest time of any event."""
        self._config = config
        self._from_ms, self._before_ms = from_ms, before_ms
        self._newest_rows, self._people_rows = newest_rows, people_rows
        self._oldest_ms, self._people_below = from_ms, 1 << 64
        self._kept: list[Rankings] = []
        self._rows = 0
        self._acts: list[pl.DataFrame] = []
        self._stretches: list[tuple[int, float]] = []
        types = {config.impressions.interaction}
        types |= {label.interaction for label in config.heads.values()}
        if any(label.min_duration is not None for label in config.heads.values()):
            types.add(config.presence.leave)
        self._types = sorted(types)
        self._max_future_ms = duration_ms(config.features.max_future)

    def add(self, frame: pl.DataFrame, *, wanted: NDArray[np.bool_] | None = None) -> None:
        """Collect from the next events of the log, but not from rankings without ``wanted``."""
        if frame.is_empty():
            return
        at, _ = right_times(frame, self._max_future_ms)
        frame = frame.with_columns(time=pl.Series(at))
        self._stretches.append((int(frame["seq"][-1] or 0), float(at.min())))
        self.last_ms = max(self.last_ms, float(at.max()))
        self._add_rankings(frame if wanted is None else frame.filter(pl.Series(wanted)))
        self._add_acts(frame)
        if self._newest_rows is not None and self._rows > 2 * self._newest_rows:
            self._forget_oldest(self._newest_rows)
        while self._people_rows is not None and self._rows > self._people_rows:
            if not self._forget_people():
                break

    def rankings(self) -> Rankings:
        """The rankings in order of time, and of their ids within a millisecond."""
        if self._newest_rows is not None and self._rows > self._newest_rows:
            self._forget_oldest(self._newest_rows)
        both = _joined(self._kept)
        return both.take(np.lexsort((both.id, both.at)))

    def acts(self) -> pl.DataFrame:
        """The interactions that labels and impressions need, in order of time.

        Columns: type, user, item, time, ranking, value; ids are hashes, and ``ranking`` is null
        where an interaction names none.
        """
        acts = pl.concat(self._acts) if self._acts else no_acts()
        return acts.sort("time", "user", "item", "type", "ranking", "value")

    def bounds(self) -> TimeBounds:
        """Time bounds of the log: how far its order differs from the order of time."""
        return bounds_of(self._stretches)

    def _add_rankings(self, frame: pl.DataFrame) -> None:
        wanted = (
            (pl.col("event") == "ranking")
            & (pl.col("items").list.len() > 0)
            & pl.col("time").is_between(
                max(self._from_ms, -1e18), min(self._before_ms, 1e18), closed="left"
            )
        )
        rankings = frame.filter(wanted)
        self.total += rankings.height
        if rankings.is_empty():
            return
        rankings = rankings.filter(pl.col("time") >= self._oldest_ms)
        users = hash_column(rankings["user"])
        if self._people_below < 1 << 64:
            mine = users < np.uint64(self._people_below)
            rankings, users = rankings.filter(pl.Series(mine)), users[mine]
        if rankings.is_empty():
            return
        scored = rankings.select(
            pl.col("items").list.concat(
                pl.col("candidates").list.set_difference("items").fill_null([])
            )
        ).to_series()
        served = rankings["items"].list.len().cast(pl.Int64).to_numpy(writable=True)
        offsets = offsets_of(scored.list.len().to_numpy())
        self._keep(
            Rankings(
                hash_column(rankings["id"]),
                users,
                rankings["time"].to_numpy(writable=True),
                seen_before(rankings),
                self.requests.numbered(rankings),
                served,
                offsets,
                hash_column(scored.explode()),
                _chances(rankings, served, offsets),
                _names_all(rankings, offsets),
            )
        )

    def _add_acts(self, frame: pl.DataFrame) -> None:
        acts = frame.filter(
            pl.col("type").is_in(self._types)
            & (pl.col("time") >= self._oldest_ms)
            & (pl.col("time") < min(self._before_ms, 1e18))
        )
        acts = acts.select(
            "type",
            pl.Series("user", hash_column(acts["user"])),
            pl.Series("item", hash_column(acts["item"])),
            "time",
            pl.Series("ranking", hash_column(acts["ranking"])).replace(0, None),
            "value",
        )
        if self._people_below < 1 << 64:
            acts = acts.filter(pl.col("user") < self._people_below)
        if acts.height:
            self._acts.append(acts)

    def _keep(self, rankings: Rankings) -> None:
        self._kept.append(rankings)
        self._rows += len(rankings.items)

    def _replace(self, kept: Rankings) -> None:
        self._kept, self._rows = [kept], len(kept.items)

    def _forget_oldest(self, rows: int) -> None:
        """Drop all but the newest rankings with ``rows`` items in total."""
        both = _joined(self._kept)
        order = np.argsort(-both.at, kind="stable")
        newest = np.cumsum(np.diff(both.offsets)[order])
        last = min(int(np.searchsorted(newest, rows)), len(order) - 1)
        self._oldest_ms = float(both.at[order[last]])
        self._replace(both.take(np.flatnonzero(both.at >= self._oldest_ms)))
        recent = pl.col("time") >= self._oldest_ms
        self._acts = [acts.filter(recent) for acts in self._acts]

    def _forget_people(self) -> bool:
        """Drop about half of the users, by their hashes; False where none would be left."""
        both = _joined(self._kept)
        if len(np.unique(both.user)) < 2:
            return False
        mine = both.user < np.uint64(self._people_below >> 1)
        if not mine.any():
            return False
        self._people_below >>= 1
        self._replace(both.take(np.flatnonzero(mine)))
        self._acts = [acts.filter(pl.col("user") < self._people_below) for acts in self._acts]
        return True


def seen_before(rankings: pl.DataFrame) -> NDArray[np.int64]:
    """The seq of the first event that each ranking did not see, int64[r]; AS_OF_TIME without a cut.

    ``rankings`` has the columns cut and seq. A cut at or after the ranking's own seq is impossible
    and ignored.

    >>> seen_before(pl.DataFrame({"seq": [5, 9, 12], "cut": [None, 3, 99]})).tolist()
    [-1, 4, -1]
    """
    cut = pl.col("cut")
    before = pl.when(cut < pl.col("seq")).then(cut + 1).fill_null(AS_OF_TIME)
    return rankings.select(before.alias("before"))["before"].to_numpy(writable=True)


def _joined(kept: list[Rankings]) -> Rankings:
    if not kept:
        none, empty = np.empty(0, np.uint64), np.empty(0, np.int64)
        nothing = np.empty(0)
        no_flags, no_offsets = np.empty(0, np.bool_), np.zeros(1, np.int64)
        return Rankings(
            none, none, nothing, empty, empty, empty, no_offsets, none, nothing, no_flags
        )
    return Rankings(
        np.concatenate([one.id for one in kept]),
        np.concatenate([one.user for one in kept]),
        np.concatenate([one.at for one in kept]),
        np.concatenate([one.before for one in kept]),
        np.concatenate([one.request for one in kept]),
        np.concatenate([one.served for one in kept]),
        offsets_of(np.concatenate([np.diff(one.offsets) for one in kept])),
        np.concatenate([one.items for one in kept]),
        np.concatenate([one.chances for one in kept]),
        np.concatenate([one.whole for one in kept]),
    )


def _chances(
    rankings: pl.DataFrame, served: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The propensities of the scored items of rankings, float64[k]; NaN where unknown."""
    chances = np.full(offsets[-1], np.nan)
    if "propensities" not in rankings.columns:
        return chances
    given = rankings["propensities"].is_not_null().arg_true().to_numpy().astype(np.int64)
    sizes = served[given]
    starts = offsets_of(sizes)
    rows = np.repeat(offsets[given] - starts[:-1], sizes) + np.arange(starts[-1])
    chances[rows] = rankings["propensities"].drop_nulls().explode().to_numpy()
    return chances


def _names_all(rankings: pl.DataFrame, offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether rankings name all scored items, bool[r]; true without a count of candidates."""
    if "candidate_count" not in rankings.columns:
        return np.ones(rankings.height, np.bool_)
    named = pl.Series(np.diff(offsets))
    return (rankings["candidate_count"].fill_null(0) <= named).to_numpy(writable=True)


def no_acts() -> pl.DataFrame:
    """A frame of no interactions: type, user, item, time, ranking and value; ids as hashes."""
    return pl.DataFrame(
        schema={
            "type": pl.String,
            "user": pl.UInt64,
            "item": pl.UInt64,
            "time": pl.Float64,
            "ranking": pl.UInt64,
            "value": pl.Float64,
        }
    )
