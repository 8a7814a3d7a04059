"""Candidates of a request: each item once, without excluded and ended items.

Invariant: an item that is known to have ended is not a candidate.
"""

import sys
from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id, hash_ids
from liverank.serving.http.messages import RankRequest
from liverank.serving.state.live_table import LiveTable

_MAX_HASHES = 1_000_000
_CHUNK = 8_192
"""Number of ids looked up at once; between two chunks of a long list other threads can run."""


class Candidates(Protocol):
    """Items to rank. ``hashes`` are uint64[n]; ids are looked up only for returned items."""

    hashes: NDArray[np.uint64]

    def names(self, positions: Sequence[int]) -> list[str]:
        """The ids of the candidates at these positions."""
        ...

    def all_names(self) -> list[str]:
        """The ids of all candidates."""
        ...


class NamedItems:
    """Candidates that the request named."""

    __slots__ = ("_ids", "hashes")

    def __init__(self, ids: list[str], hashes: NDArray[np.uint64]) -> None:
        self._ids = ids
        self.hashes = hashes

    def names(self, positions: Sequence[int]) -> list[str]:
        """The ids of the candidates at these positions."""
        if len(positions) < 2:
            return [self._ids[position] for position in positions]
        names: list[str] = []
        for start in range(0, len(positions), _CHUNK):
            some = positions[start : start + _CHUNK]
            names.extend(itemgetter(*some)(self._ids) if len(some) > 1 else [self._ids[some[0]]])
        return names

    def all_names(self) -> list[str]:
        """The ids of all candidates."""
        return self._ids


class LiveRows:
    """Candidates that are live items: rows of the table of live items."""

    __slots__ = ("_live", "_rows", "hashes")

    def __init__(
        self, live: LiveTable, rows: NDArray[np.int64], hashes: NDArray[np.uint64]
    ) -> None:
        self._live = live
        self._rows = rows
        self.hashes = hashes

    def names(self, positions: Sequence[int]) -> list[str]:
        """The ids of the candidates at these positions."""
        return self._live.names(self._rows[positions].tolist())

    def all_names(self) -> list[str]:
        """The ids of all candidates."""
        return self._live.names(self._rows.tolist())


class Hashes(dict[str, bytes]):
    """A cache of the hashes of ids: most requests name items that an earlier one named.

    Hashes of lists of more than 100,000 ids are not cached, since they would displace all others.

    >>> int(Hashes().of(["room9"])[0]) == hash_id("room9")
    True
    """

    def __missing__(self, name: str) -> bytes:
        if len(self) >= _MAX_HASHES:
            self.clear()
        hashed = self[name] = hash_id(name).to_bytes(8, sys.byteorder)
        return hashed

    def of(self, names: Sequence[str]) -> NDArray[np.uint64]:
        """The hashes of ids, uint64[n]."""
        if len(names) > _CHUNK:
            hash_chunk = hash_ids if len(names) > _MAX_HASHES // 10 else self.of
            starts = range(0, len(names), _CHUNK)
            return np.concatenate([hash_chunk(names[start : start + _CHUNK]) for start in starts])
        return np.frombuffer(bytearray().join(map(self.__getitem__, names)), np.uint64)


def candidates_of(
    request: RankRequest, live: LiveTable, hashes: Hashes, *, at_ms: float
) -> tuple[Candidates, dict[str, int]]:
    """The candidates to score, and the number of dropped items by reason."""
    dropped: dict[str, int] = {}
    if request.items is None:
        rows, found = live.candidates(at_ms=at_ms)
        if request.exclude:
            kept = ~np.isin(found, hashes.of(request.exclude))
            if not kept.all():
                dropped["excluded"] = int((~kept).sum())
                rows, found = rows[kept], found[kept]
        return LiveRows(live, rows, found), dropped
    names = request.items
    distinct = dict.fromkeys(names[:_CHUNK])
    for start in range(_CHUNK, len(names), _CHUNK):
        distinct |= dict.fromkeys(names[start : start + _CHUNK])
    if len(distinct) < len(names):
        names = list(distinct)
    found = hashes.of(names)
    ended = live.ended(found)
    if ended is not None:
        dropped["ended"] = int(ended.sum())
        names = [name for name, is_over in zip(names, ended.tolist(), strict=True) if not is_over]
        found = found[~ended]
    if request.exclude:
        excluded = set(request.exclude)
        left = [name not in excluded for name in names]
        if not all(left):
            dropped["excluded"] = left.count(False)
            names = [name for name, is_left in zip(names, left, strict=True) if is_left]
            found = found[left]
    return NamedItems(names, found), dropped
