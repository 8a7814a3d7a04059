"""Encodes texts as small integers, consistently over all frames of the log."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.numbers_kernel import number_hashes

NONE = -1
"""Code of a missing value."""


class Numbers:
    """Numbers many distinct ids, from 0 in order of arrival.

    Only a 64-bit hash of each is stored, 24 bytes an id: two of a million ids share one with a
    probability of 3e-8 (birthday bound).

    >>> users = Numbers()
    >>> users.of(pl.Series(["a", "b", None, "a"])).tolist(), users.of(pl.Series(["c"])).tolist()
    ([0, 1, -1, 0], [2])
    """

    def __init__(self) -> None:
        self._keys: NDArray[np.uint64] = np.zeros(1 << 12, np.uint64)
        self._numbers: NDArray[np.int32] = np.zeros(1 << 12, np.int32)
        self._count = 0

    def of(self, ids: pl.Series) -> NDArray[np.int32]:
        """The numbers of a String column, ``int32[n]``; NONE for null."""
        hashes = ids.hash(0).to_numpy()
        hashes = np.where(hashes == 0, np.uint64(1), hashes)
        hashes[ids.is_null().to_numpy()] = 0
        self._grow(len(ids))
        found = np.empty(len(ids), np.int32)
        self._count = number_hashes(hashes, self._keys, self._numbers, self._count, found)
        return found

    def __len__(self) -> int:
        return self._count

    def _grow(self, more: int) -> None:
        if 2 * (self._count + more) <= len(self._keys):
            return
        taken = np.flatnonzero(self._keys)
        in_order = self._keys[taken[np.argsort(self._numbers[taken])]]
        size = 1 << int(4 * (self._count + more)).bit_length()
        self._keys, self._numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        number_hashes(in_order, self._keys, self._numbers, 0, np.empty(len(in_order), np.int32))


class Codes:
    """Numbers a few distinct texts, from 0 in order of arrival.

    The texts themselves are compared, so two texts never share a number.

    >>> codes = Codes()
    >>> (
    ...     codes.of(pl.Series(["a", "b", None, "a"])).tolist(),
    ...     codes.of(pl.Series(["c", "b"])).tolist(),
    ... )
    ([0, 1, -1, 0], [2, 1])
    >>> len(codes), codes.texts()
    (3, ['a', 'b', 'c'])
    """

    def __init__(self) -> None:
        self._type = pl.Categorical(pl.Categories.random())
        # polars drops the texts of categories that no series refers to
        self._texts = pl.Series([], dtype=pl.String).cast(self._type)
        self._count = 0

    def of(self, texts: pl.Series) -> NDArray[np.int32]:
        """The codes of a String column, ``int32[n]``; NONE for null."""
        coded = texts.cast(self._type)
        codes: NDArray[np.int32] = coded.to_physical().cast(pl.Int32).fill_null(NONE).to_numpy()
        if len(codes):
            self._count = max(self._count, int(codes.max()) + 1)
        return codes

    def texts(self) -> list[str]:
        """All texts so far, in the order of their codes."""
        numbers = pl.Series(range(self._count), dtype=pl.UInt32)
        return numbers.cat.to(self._type).cast(pl.String).to_list()

    def __len__(self) -> int:
        return self._count
