"""Shown items and times of rankings, as hashes: 8 bytes for each item, 36 for each ranking.

Invariant: where several rankings have the same id, the first one counts, as in an import.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.events.checks.hashed import Hashes, HashIndex, hashes_of

_AT_ONCE = 4_000_000
"""Number of items compared in one step."""


class ShownPiece(NamedTuple):
    """Consecutive rankings from number ``first``; the i-th one's items are between its offsets."""

    first: int
    users: Hashes
    at_ms: NDArray[np.int64]
    offsets: NDArray[np.int64]
    items: Hashes


class Shown:
    """The rankings of events that come in pieces, numbered from 0."""

    def __init__(self) -> None:
        self.index = HashIndex()
        """Numbers of the rankings by the hash of their id."""
        self.pieces: list[ShownPiece] = []

    def feed(self, frame: pl.DataFrame) -> None:
        """Remember the rankings of the next piece."""
        rankings = frame.filter(pl.col("event") == "ranking").select("id", "user", "time", "items")
        first = self.index.size
        numbers = self.index.number(hashes_of(rankings["id"]))
        rankings = rankings.filter(
            pl.Series(numbers >= first) & pl.Series(numbers).is_first_distinct()
        )
        if rankings.is_empty():
            return
        lengths = rankings["items"].list.len().to_numpy()
        self.pieces.append(
            ShownPiece(
                first,
                hashes_of(rankings["user"]),
                rankings["time"].to_numpy(),
                np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
                hashes_of(rankings["items"].explode(empty_as_null=False)),
            )
        )

    def look_up(
        self, numbers: NDArray[np.int64], items: Hashes
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """When each ranking was shown (Unix ms) and whether it held the item of the same row."""
        at_ms = np.empty(len(numbers), np.int64)
        held = np.empty(len(numbers), bool)
        starts = np.array([piece.first for piece in self.pieces], np.int64)
        piece_of = np.searchsorted(starts, numbers, side="right") - 1
        for number in np.unique(piece_of).tolist():
            piece, rows = self.pieces[number], np.flatnonzero(piece_of == number)
            local = numbers[rows] - piece.first
            at_ms[rows] = piece.at_ms[local]
            for some in _stretches(np.diff(piece.offsets)[local]):
                held[rows[some]] = _holds(piece, local[some], items[rows[some]])
        return at_ms, held


def _stretches(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Cut rows into stretches whose lists hold about _AT_ONCE items in total."""
    steps = np.cumsum(lengths) // _AT_ONCE
    ends = np.flatnonzero(np.diff(steps, append=-1)) + 1
    start = 0
    for end in ends.tolist():
        yield slice(start, end)
        start = end


def _holds(piece: ShownPiece, rankings: NDArray[np.int64], items: Hashes) -> NDArray[np.bool_]:
    """Whether each ranking of the piece holds the item of the same row, bool[n]."""
    starts, lengths = piece.offsets[rankings], np.diff(piece.offsets)[rankings]
    rows = np.repeat(np.arange(len(rankings)), lengths)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    is_it = piece.items[np.repeat(starts, lengths) + within] == items[rows]
    held = np.zeros(len(rankings), bool)
    held[rows[is_it]] = True
    return held
