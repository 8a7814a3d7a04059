"""Collects interactions that some metric needs, in compact columns until all exposures are known.

An interaction may precede the ranking that exposed its user in the log, so counting starts only
at the log's end. Each takes 14 bytes, 8 more where values are summed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Rows:
    """Interactions, or items of rankings; all arrays have an element for each."""

    user: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    type: NDArray[np.int16]
    value: NDArray[np.float64] | None
    """Sum of values; None if no metric sums them."""
    count: NDArray[np.int32] | None
    """Number of interactions that a row represents; None if each is one."""


class Interactions:
    """Collects interactions of the wanted types."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._with_values = "value" in wanted.columns
        self._types: dict[str, int] = {}
        self._pieces: list[Rows] = []
        self.counts: dict[str, int] = {}
        """Number of interactions by wanted type."""
        self.without_value = 0
        """Number of interactions whose value is needed but missing."""

    def take(self, interactions: pl.DataFrame, users: NDArray[np.int32]) -> None:
        """Add interaction events; ``users`` are the codes of their users."""
        types = {
            text: self._types.setdefault(text, len(self._types))
            for text in interactions["type"].unique(maintain_order=True).to_list()
            if self._wanted.takes(text)
        }
        codes = interactions["type"].replace_strict(types, default=-1, return_dtype=pl.Int16)
        times, kinds = interactions["time"].to_numpy(), codes.to_numpy()
        kept = (kinds >= 0) & self._in_time(times)
        value = None
        if self._with_values:
            value = interactions["value"].cast(pl.Float64).to_numpy()[kept]
            self.without_value += int(np.isnan(value).sum())
            value = np.nan_to_num(value, nan=0.0)
        self._keep(Rows(users[kept], times[kept], kinds[kept], value, None))

    def take_listed(self, rankings: pl.DataFrame, users: NDArray[np.int32]) -> None:
        """Add each item of a ranking as an interaction one millisecond after it."""
        assert self._wanted.listed_as is not None
        code = self._types.setdefault(self._wanted.listed_as, len(self._types))
        # one millisecond later, so that the list that exposed a unit counts as after its exposure
        times = rankings["time"].to_numpy() + 1
        kept = self._in_time(times)
        lengths = rankings["items"].list.len().fill_null(0).cast(pl.Int32).to_numpy()
        kinds = np.full(int(kept.sum()), code, np.int16)
        zeros = np.zeros(len(kinds)) if self._with_values else None
        self._keep(Rows(users[kept], times[kept], kinds, zeros, lengths[kept]))

    def _in_time(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        kept = np.ones(len(times), bool)
        if self._wanted.from_ms is not None:
            kept &= times >= self._wanted.from_ms - self._wanted.pre_ms
        if self._wanted.until_ms is not None:
            kept &= times <= self._wanted.until_ms
        return kept

    def _keep(self, rows: Rows) -> None:
        names = list(self._types)
        weights = rows.count
        for code, number in enumerate(np.bincount(rows.type, weights, minlength=len(names))):
            self.counts[names[code]] = self.counts.get(names[code], 0) + int(number)
        if len(rows.user):
            self._pieces.append(rows)

    def types_of(self, wanted: tuple[str, ...]) -> list[int]:
        """The codes of these types; of all types if empty."""
        return [code for text, code in self._types.items() if not wanted or text in wanted]

    def pieces(self) -> Iterator[Rows]:
        """All rows in the log's order; each piece is yielded once and then freed."""
        while self._pieces:
            yield self._pieces.pop(0)
