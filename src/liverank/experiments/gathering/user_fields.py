"""The fields of users as known at the time of each one's exposure."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.codes import NONE, Codes
from liverank.experiments.gathering.json_fields import field_of


class UserFields:
    """Collects the values of some fields from user events."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._codes = {name: Codes() for name in names}
        self._pieces: dict[
            str, list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]]
        ]
        self._pieces = {name: [] for name in names}

    def take(self, events: pl.DataFrame, users: NDArray[np.int32]) -> None:
        """Add user events; ``users`` are the codes of their users."""
        times = events["time"].to_numpy()
        for name in self._names:
            codes = self._codes[name].of(field_of(events["fields"], name))
            known = codes != NONE
            self._pieces[name].append((users[known], times[known], codes[known]))

    def at(self, name: str, exposed_ms: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int32]]:
        """The texts of a field, and for each user the code of the latest one up to ``exposed_ms``.

        ``exposed_ms`` is int64[n_users]; NONE if nothing was known by then.
        """
        found = np.full(len(exposed_ms), NONE, np.int32)
        pieces = self._pieces[name]
        if pieces:
            users, times, codes = (np.concatenate(part) for part in zip(*pieces, strict=True))
            in_time = times <= exposed_ms[users]
            users, times, codes = users[in_time], times[in_time], codes[in_time]
            order = np.argsort(times, kind="stable")
            # NumPy keeps the last value of an index that occurs twice
            found[users[order]] = codes[order]
        return self._codes[name].texts(), found
