"""What a log says of people and items until a time: when each was first seen, and people's fields.

Invariant: nothing depends on the order of events or on how they are cut into frames.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.json_fields import field_of
from liverank.features.hashing import hash_column

_MOST_PIECES = 32
"""Pieces that are merged at once, which bounds the memory by the number of people and items."""


class FirstSeen:
    """The time of the first event that names each person, or each item."""

    def __init__(self, column: str) -> None:
        """``column`` of the events: ``user`` or ``item``."""
        self._column = column
        self._pieces: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame, at: NDArray[np.float64]) -> None:
        """Add events of the log; ``at`` float64[n] are their times, Unix ms."""
        names = frame[self._column]
        first = (
            pl.DataFrame({"name": names, "at": at})
            .drop_nulls("name")
            .group_by("name")
            .agg(pl.col("at").min())
        )
        self._pieces.append(first.select(hash=pl.Series(hash_column(first["name"])), at="at"))
        if len(self._pieces) >= _MOST_PIECES:
            self._pieces = [self._merged()]

    def of(self, hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
        """When each was first seen, float64[n] Unix ms; NaN for one that no event names."""
        if not self._pieces:
            return np.full(len(hashes), np.nan)
        wanted = pl.DataFrame({"hash": hashes})
        found = wanted.join(self._merged(), on="hash", how="left", maintain_order="left")
        return found["at"].fill_null(np.nan).to_numpy(writable=True)

    def _merged(self) -> pl.DataFrame:
        return pl.concat(self._pieces).group_by("hash").agg(pl.col("at").min())


class PeoplesFields:
    """Values of some fields of people over time."""

    def __init__(self, names: Sequence[str]) -> None:
        self._pieces: dict[str, list[pl.DataFrame]] = {name: [] for name in names}

    def add(self, frame: pl.DataFrame, at: NDArray[np.float64]) -> None:
        """Add events of the log; ``at`` float64[n] are their times, Unix ms."""
        of_users = frame["event"] == "user"
        users = frame.filter(of_users)
        if users.is_empty():
            return
        hashes, times = hash_column(users["user"]), at[of_users.to_numpy()]
        for name, pieces in self._pieces.items():
            values = pl.DataFrame(
                {"hash": hashes, "at": times, "value": field_of(users["fields"], name)}
            )
            pieces.append(values.drop_nulls("value"))

    def of(self, name: str, users: NDArray[np.uint64], at: NDArray[np.float64]) -> list[str | None]:
        """The value that a field of each user had at a time; None where it was unknown."""
        if not self._pieces[name]:
            return [None] * len(users)
        known = pl.concat(self._pieces[name]).sort("at", "value")
        wanted = pl.DataFrame({"row": np.arange(len(users)), "hash": users, "at": at}).sort("at")
        found = wanted.join_asof(known, on="at", by="hash", check_sortedness=False)
        return found.sort("row")["value"].to_list()
