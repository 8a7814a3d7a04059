"""Counts what the people of two arms did, from frames of the log, as they come.

Labels and impressions belong to lists as in training (``dataset/labels``), but count as soon as
they happen, in both arms alike: harm must show within minutes. A list stays open until its label's
window is over; then it is added to the totals of its person and forgotten. Memory: the open lists,
and about 60 bytes a person; above ``most_rows`` a share of the people is kept.
Invariant: the counts do not depend on how the log is cut into frames.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.releasing.arms import CONTROL, NEITHER, TREATED, Arms
from liverank.autopilot.releasing.counts import COLUMNS, Evidence
from liverank.config import Config
from liverank.dataset.labels.labels import label_items, long_stays, successes_of
from liverank.dataset.labels.seen import seen_by_events
from liverank.dataset.lists.collected import no_acts
from liverank.events.clock import right_times
from liverank.experiments.statistics.moments import Moments
from liverank.features.hashing import hash_column
from liverank.quantities import duration_ms

LOG_COLUMNS = (
    "seq",
    "event",
    "arrived",
    "time",
    "id",
    "user",
    "item",
    "type",
    "ranking",
    "value",
    "variant",
    "model",
    "items",
)
"""Columns of the log that are read."""
LATE_MS = 600_000
"""Interactions may arrive this long after the window of their list is over."""
HOUR_MS = 3_600_000
_CLOSE_ROWS = 50_000
"""Items of lists whose window is over, from which on they are added up."""


class ArmCounts:
    """The counts of the people of two arms, from rankings of ``from_ms`` (Unix ms) on.

    Without ``has_impressions``, every item of a list counts as seen.
    """

    def __init__(
        self,
        config: Config,
        arms: Arms,
        *,
        from_ms: float,
        has_impressions: bool,
        most_rows: int = 4_000_000,
    ) -> None:
        self._config, self._label, self._arms = config, config.label, arms
        self._from_ms, self._has_impressions = from_ms, has_impressions
        self._most_rows, self._people_below = most_rows, 1 << 64
        self._max_future_ms = duration_ms(config.features.max_future)
        self._last_ms = -np.inf
        self._lists = _lists_schema()
        self._acts = no_acts()
        self._people = _totals_schema("user", pl.UInt64())
        self._hours = _totals_schema("hour", pl.Int64())

    def add(self, frame: pl.DataFrame) -> None:
        """Count the next events of the log; the frame has LOG_COLUMNS."""
        if frame.is_empty():
            return
        at, _ = right_times(frame, self._max_future_ms)
        frame = frame.with_columns(time=pl.Series(at))
        self._last_ms = max(self._last_ms, float(at.max()))
        self._add_lists(frame)
        self._add_acts(frame)
        over = self._lists.filter(self._is_over())
        rows = int(over["items"].list.len().sum())
        if rows >= _CLOSE_ROWS:
            self._close()
        while int(self._lists["items"].list.len().sum()) > self._most_rows:
            if not self._forget_people():
                break

    def evidence(
        self, share: float | None, tightest_at: float, *, against_heuristic: bool = False
    ) -> Evidence:
        """The people of both arms so far; the arguments are those of ``Evidence``."""
        people = _added(self._people, _totals(self._open(), "user"), "user")
        arms = [
            Moments.of(people.filter(arm=arm).select(COLUMNS).to_numpy().astype(np.float64))
            for arm in (CONTROL, TREATED)
        ]
        return Evidence(arms[0], arms[1], share, tightest_at, against_heuristic)

    def hours(self) -> pl.DataFrame:
        """Totals by arm and hour of the ranking: arm, hour (since 1970), and COLUMNS."""
        return _added(self._hours, _totals(self._open(), "hour"), "hour").sort("arm", "hour")

    def _add_lists(self, frame: pl.DataFrame) -> None:
        rankings = frame.filter(
            (pl.col("event") == "ranking")
            & (pl.col("items").list.len() > 0)
            & (pl.col("time") >= self._from_ms)
        )
        if rankings.is_empty():
            return
        arm, fell_back = self._arms.of(rankings)
        users = hash_column(rankings["user"])
        lists = pl.DataFrame(
            {
                "id": hash_column(rankings["id"]),
                "user": users,
                "time": rankings["time"],
                "arm": arm,
                "fell_back": fell_back,
                "items": _hashed_lists(rankings["items"]),
            },
            schema=self._lists.schema,
        )
        self._lists = pl.concat([self._lists, self._mine(lists)])

    def _add_acts(self, frame: pl.DataFrame) -> None:
        types = {self._label.interaction}
        if self._has_impressions:
            types.add(self._config.impressions.interaction)
        if self._label.min_duration is not None:
            types.add(self._config.presence.leave)
        acts = frame.filter(pl.col("type").is_in(types) & (pl.col("time") >= self._from_ms))
        acts = acts.select(
            "type",
            pl.Series("user", hash_column(acts["user"])),
            pl.Series("item", hash_column(acts["item"])),
            "time",
            pl.Series("ranking", hash_column(acts["ranking"])).replace(0, None),
            "value",
        )
        self._acts = pl.concat([self._acts, self._mine(acts)])

    def _mine(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self._people_below == 1 << 64:
            return rows
        return rows.filter(pl.col("user") < self._people_below)

    def _is_over(self) -> pl.Expr:
        """Whether nothing about a list changes any more."""
        return pl.col("time") + self._label.known_after_ms + LATE_MS < self._last_ms

    def _close(self) -> None:
        """Add the lists whose window is over to the totals, and forget them."""
        over = self._open().filter(self._is_over())
        self._people = _added(self._people, _totals(over, "user"), "user")
        self._hours = _added(self._hours, _totals(over, "hour"), "hour")
        self._lists = self._lists.filter(~self._is_over())
        oldest_ms = self._lists["time"].min()
        if oldest_ms is not None:
            self._acts = self._acts.filter(pl.col("time") >= oldest_ms)

    def _forget_people(self) -> bool:
        """Keep about half of the people, by their hashes; False where none would be left."""
        half = self._people_below >> 1
        if not (self._lists["user"] < half).any():
            return False
        self._people_below = half
        self._lists, self._acts = self._mine(self._lists), self._mine(self._acts)
        self._people = self._mine(self._people)
        return True

    def _open(self) -> pl.DataFrame:
        """A row for each open list of an arm: user, arm, time, hour, and COLUMNS."""
        lists = self._lists.sort("time", "id").with_row_index("list")
        items = self._touched(lists)
        labels = self._labels(items)
        seen = labels == 1
        if self._has_impressions:
            shown = self._acts.filter(type=self._config.impressions.interaction)
            seen |= seen_by_events(items, shown, self._config)
        sums = (
            items.select("list", successes=pl.Series(labels), seen=pl.Series(seen))
            .group_by("list")
            .agg(pl.col("successes", "seen").cast(pl.Int64).sum())
        )
        length = pl.col("items").list.len().cast(pl.Int64)
        successes = pl.col("successes").fill_null(0)
        return (
            lists.filter(pl.col("arm") != NEITHER)
            .join(sums, on="list", how="left")
            .select(
                "user",
                "arm",
                "time",
                hour=(pl.col("time") // HOUR_MS).cast(pl.Int64),
                rankings=pl.lit(1, pl.Int64),
                impressions=pl.col("seen").fill_null(0) if self._has_impressions else length,
                successes=successes,
                fallbacks=pl.col("fell_back").cast(pl.Int64),
                empty=(successes == 0).cast(pl.Int64),
            )
        )

    def _touched(self, lists: pl.DataFrame) -> pl.DataFrame:
        """The items of lists that some interaction may be about: list, id, user, time, item.

        Most items of a list are none, and the join by time is the costly one.
        """
        items = lists.select("list", "id", "user", "time", item="items").explode("item")
        named = self._acts.filter(pl.col("ranking").is_not_null())
        by_user = items.join(self._acts, on=["user", "item"], how="semi")
        by_name = items.join(named.select("item", id="ranking"), on=["id", "item"], how="semi")
        return pl.concat([by_user, by_name]).unique().sort("list", "item")

    def _labels(self, items: pl.DataFrame) -> NDArray[np.uint8]:
        """Successes so far, uint8[k]; a stay counts until the person is seen to leave."""
        successes = successes_of(self._acts, self._label)
        leaves = self._acts.filter(type=self._config.presence.leave)
        if not leaves.is_empty():
            successes = long_stays(successes, leaves, self._label)
        return label_items(items, successes, self._label)


def _hashed_lists(items: pl.Series) -> pl.Series:
    """A column of lists of ids as lists of their hashes."""
    table = pl.DataFrame({"row": np.arange(len(items)), "item": items}).explode("item")
    hashed = table.select("row", pl.Series("item", hash_column(table["item"])))
    return hashed.group_by("row", maintain_order=True).agg("item")["item"]


def _totals(lists: pl.DataFrame, by: str) -> pl.DataFrame:
    return lists.group_by(by, "arm").agg(pl.col(name).sum() for name in COLUMNS)


def _added(first: pl.DataFrame, second: pl.DataFrame, by: str) -> pl.DataFrame:
    both = pl.concat([first, second.select(first.columns)])
    return both.group_by(by, "arm").agg(pl.col(name).sum() for name in COLUMNS).sort(by, "arm")


def _totals_schema(by: str, kind: pl.DataType) -> pl.DataFrame:
    columns: Sequence[tuple[str, pl.DataType]] = [(name, pl.Int64()) for name in COLUMNS]
    return pl.DataFrame(schema=dict([(by, kind), ("arm", pl.Int8()), *columns]))


def _lists_schema() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "id": pl.UInt64,
            "user": pl.UInt64,
            "time": pl.Float64,
            "arm": pl.Int8,
            "fell_back": pl.Boolean,
            "items": pl.List(pl.UInt64),
        }
    )
