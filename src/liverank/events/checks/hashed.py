"""Sets of 64-bit hashes, for checks that must remember every id of a log in a few bytes each.

Hashes are kept in a few sorted runs. Neighbouring runs of similar size are merged, so adding n
hashes takes n log n steps in all. Invariant: a hash is in one run only.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hashes_of(texts: pl.Series) -> Hashes:
    """Hashes of texts, uint64[n]: equal for equal texts, within this process only.

    >>> a, b, c = hashes_of(pl.Series(["x", "y", "x"]))
    >>> a == c != b
    np.True_
    """
    return texts.hash(seed=7).to_numpy()


class HashIndex:
    """Numbers distinct hashes from 0, in the order of first occurrence. Takes 12 bytes for each.

    >>> index = HashIndex()
    >>> index.number(np.array([7, 5, 7], np.uint64)), index.find(np.array([5, 9], np.uint64))
    (array([0, 1, 0]), array([ 1, -1]))
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, NDArray[np.uint32]]] = []
        self.size = 0
        """Number of distinct hashes."""

    def find(self, hashes: Hashes) -> NDArray[np.int64]:
        """The number of each hash, int64[n]; -1 for those not yet added."""
        found = np.full(len(hashes), -1, np.int64)
        if self._runs and len(hashes):
            order = np.argsort(hashes)
            needles = hashes[order]  # with sorted needles a long run is read in order
            for keys, numbers in self._runs:
                positions = np.minimum(np.searchsorted(keys, needles), len(keys) - 1)
                is_there = keys[positions] == needles
                found[order[is_there]] = numbers[positions[is_there]]
        return found

    def number(self, hashes: Hashes) -> NDArray[np.int64]:
        """The number of each hash, int64[n]; new hashes get the next numbers."""
        numbers = self.find(hashes)
        is_new = numbers < 0
        if is_new.any():
            keys, first, which = np.unique(hashes[is_new], return_index=True, return_inverse=True)
            given = np.empty(len(keys), np.uint32)
            given[np.argsort(first)] = self.size + np.arange(len(keys), dtype=np.uint32)
            numbers[is_new] = given[which]
            self.size += len(keys)
            self._add(keys, given)
        return numbers

    def _add(self, keys: Hashes, numbers: NDArray[np.uint32]) -> None:
        self._runs.append((keys, numbers))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            (first, of_first), (last, of_last) = self._runs.pop(-2), self._runs.pop()
            both = np.concatenate([first, last])
            order = np.argsort(both, kind="stable")
            self._runs.append((both[order], np.concatenate([of_first, of_last])[order]))


class HashSet:
    """A set of hashes. Takes 8 bytes for each.

    >>> hashes = HashSet()
    >>> hashes.add(np.array([7, 5, 7], np.uint64)), 5 in hashes.all().tolist(), len(hashes.all())
    (array([ True,  True, False]), True, 2)
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def has(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of the hashes are in the set, bool[n]."""
        found = np.zeros(len(hashes), bool)
        if self._runs and len(hashes):
            order = np.argsort(hashes)
            needles = hashes[order]
            for keys in self._runs:
                positions = np.minimum(np.searchsorted(keys, needles), len(keys) - 1)
                found[order[keys[positions] == needles]] = True
        return found

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Add hashes; returns bool[n]: the first occurrence of each new one."""
        is_new = ~self.has(hashes)
        keys, first = np.unique(hashes[is_new], return_index=True)
        is_first = np.zeros(len(hashes), bool)
        is_first[np.flatnonzero(is_new)[first]] = True
        if len(keys):
            self._runs.append(keys)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            merged = np.concatenate([self._runs.pop(), self._runs.pop()])
            merged.sort(kind="stable")
            self._runs.append(merged)
        return is_first

    def all(self) -> Hashes:
        """All hashes of the set, uint64[n], in no particular order."""
        return np.concatenate([np.empty(0, np.uint64), *self._runs])
