"""Counts the rankings of a log that led to a success, by label, in bounded memory.

Successes are kept as hashes (32 bytes each), rankings by ``events.checks.shown``. Both are matched
by the rules of training (``labels``), for a share of the users at a time.
Invariant: the counts do not depend on how events are cut into pieces.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config, Label
from liverank.dataset.labels.labels import label_items, long_stays, successes_of
from liverank.events.checks.hashed import hashes_of
from liverank.events.checks.shown import Shown, ShownPiece

_AT_ONCE = 2_000_000
"""Number of items of rankings matched in one step."""
_HASHED = {
    "user": pl.UInt64(),
    "item": pl.UInt64(),
    "ranking": pl.UInt64(),
    "time": pl.Int64(),
}


class LabelledRankings:
    """Counts the rankings of ``shown`` that led to a success, for each label of the config.

    ``feed`` takes the pieces that ``shown`` is fed; ``count`` is called after the last one.
    """

    def __init__(self, config: Config, shown: Shown) -> None:
        self._config = config
        self._shown = shown
        self._successes = {name: [pl.DataFrame(schema=_HASHED)] for name in config.heads}
        self._leaves = [pl.DataFrame(schema=_HASHED)]

    def feed(self, frame: pl.DataFrame) -> None:
        """Remember the successes of the next piece."""
        for name, label in self._config.heads.items():
            self._successes[name].append(_hashed(successes_of(frame, label)))
        if any(label.min_duration is not None for label in self._config.heads.values()):
            left = frame.filter(pl.col("type") == self._config.presence.leave)
            self._leaves.append(_hashed(left))

    def count(self, name: str) -> int:
        """The number of rankings that led to a success of a label.

        Raises DatasetError where the length of stays is unknown.
        """
        label = self._config.heads[name]
        successes = long_stays(pl.concat(self._successes[name]), pl.concat(self._leaves), label)
        labelled = np.zeros(self._shown.index.size, bool)
        self._mark_named(successes, label, labelled)
        self._mark_last(successes, label, labelled)
        return int(labelled.sum())

    def _mark_named(
        self, successes: pl.DataFrame, label: Label, labelled: NDArray[np.bool_]
    ) -> None:
        """Mark rankings by the successes that name them."""
        named = successes.filter(pl.col("ranking").is_not_null())
        numbers = self._shown.index.find(named["ranking"].to_numpy())
        named = named.with_columns(ranking=pl.Series(numbers, dtype=pl.Int64)).sort("ranking")
        for piece in self._shown.pieces:
            first, last = piece.first, piece.first + len(piece.users)
            start = named["ranking"].search_sorted(first)
            own = named.slice(start, named["ranking"].search_sorted(last) - start)
            wanted = np.unique(own["ranking"].to_numpy()) - first
            for items in _items_of(piece, wanted):
                _mark(labelled, items, own, label)

    def _mark_last(
        self, successes: pl.DataFrame, label: Label, labelled: NDArray[np.bool_]
    ) -> None:
        """Mark, for each success without a ranking, the last one that showed the item."""
        unnamed = successes.filter(pl.col("ranking").is_null())
        if unnamed.is_empty():
            return
        unnamed = unnamed.with_columns(ranking=pl.lit(None, pl.Int64))
        users = unnamed["user"].unique().sort().to_numpy()
        for share in self._shares_of(users):
            items = [
                part
                for piece in self._shown.pieces
                for part in _items_of(piece, np.flatnonzero(np.isin(piece.users, share)))
            ]
            if items:
                own = unnamed.filter(pl.col("user").is_in(pl.Series(share).implode()))
                _mark(labelled, pl.concat(items), own, label)

    def _shares_of(self, users: NDArray[np.uint64]) -> list[NDArray[np.uint64]]:
        """The users in groups whose rankings have about _AT_ONCE items each."""
        items = sum(len(piece.items) for piece in self._shown.pieces)
        return np.array_split(users, min(1 + items // _AT_ONCE, len(users)))


def _mark(
    labelled: NDArray[np.bool_], items: pl.DataFrame, successes: pl.DataFrame, label: Label
) -> None:
    rows = label_items(items, successes, label) == 1
    labelled[items["list"].to_numpy()[rows]] = True


def _items_of(piece: ShownPiece, rankings: NDArray[np.int64]) -> Iterator[pl.DataFrame]:
    """The items of some rankings of a piece, as ``label_items`` takes them, some at a time."""
    lengths = np.diff(piece.offsets)
    ends = np.cumsum(lengths[rankings]) // _AT_ONCE
    for some in np.split(rankings, np.flatnonzero(np.diff(ends)) + 1):
        count = lengths[some]
        total = int(count.sum())
        if not total:
            continue
        within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
        rows_of_items = np.repeat(piece.offsets[some], count) + within
        number = np.repeat(piece.first + some, count)
        yield pl.DataFrame(
            {
                "list": number,
                "id": number,
                "user": np.repeat(piece.users[some], count),
                "time": np.repeat(piece.at_ms[some], count),
                "item": piece.items[rows_of_items],
            }
        )


def _hashed(events: pl.DataFrame) -> pl.DataFrame:
    """Interactions as hashes, with the columns of _HASHED."""
    named = events["ranking"]
    return pl.DataFrame(
        {
            "user": hashes_of(events["user"]),
            "item": hashes_of(events["item"]),
            "ranking": pl.select(
                pl.when(named.is_not_null()).then(pl.Series(hashes_of(named)))
            ).to_series(),
            "time": events["time"],
        },
        schema=_HASHED,
    )
