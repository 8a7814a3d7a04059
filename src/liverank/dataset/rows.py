"""Rows to train on: one per impression, in order of time.

Invariant: the rows of one ranking are adjacent and times never decrease, so a split by row number
is a split by time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from liverank.errors import DatasetError


@dataclass(frozen=True)
class Rows:
    """Features and labels of impressions.

    features  float32[n, f], C-contiguous; NaN is unknown
    labels    uint8[n], 1 for a success
    rankings  int64[n], the ranking that a row belongs to
    at_ms     int64[n], when that ranking was made, in Unix milliseconds
    names     of the f features
    directions  monotone constraints of the f features: 1 where a success can only become likelier
                as the feature grows, -1 where less likely, 0 (the default) for no constraint
    base      float64[n], known log-odds, such as the effect of an item's position in its list:
              models are trained on top of them, and serving leaves them out; None means 0

    Raises DatasetError when a shape or type differs, a label is neither 0 nor 1, a base is not
    finite, the rows of a ranking are not adjacent, or times decrease.

    >>> rows = Rows(
    ...     features=np.zeros((3, 1), np.float32),
    ...     labels=np.array([0, 1, 0], np.uint8),
    ...     rankings=np.array([7, 7, 8]),
    ...     at_ms=np.array([10, 10, 20]),
    ...     names=("item_age",),
    ... )
    >>> len(rows), rows.positives
    (3, 1)
    """

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    rankings: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    names: tuple[str, ...]
    directions: tuple[int, ...] = ()
    base: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.directions and len(self.directions) != len(self.names):
            raise DatasetError(
                f"`directions` are {len(self.directions)}; expected one for each of "
                f"{len(self.names)} features, or none"
            )
        _expect("features", self.features, np.float32, (n, len(self.names)))
        _expect("labels", self.labels, np.uint8, (n,))
        _expect("rankings", self.rankings, np.int64, (n,))
        _expect("at_ms", self.at_ms, np.int64, (n,))
        if self.base is not None:
            _expect("base", self.base, np.float64, (n,))
            _expect_finite("base", self.base)
        if not self.features.flags.c_contiguous:
            raise DatasetError("`features` is laid out by column; pass np.ascontiguousarray(...)")
        if n and self.labels.max() > 1:
            raise DatasetError(f"`labels` are 0 or 1, got {self.labels.max()}")
        if (np.diff(self.at_ms) < 0).any():
            row = int(np.argmax(np.diff(self.at_ms) < 0)) + 1
            raise DatasetError(f"`at_ms` runs backwards at row {row}; sort the rows by time first")
        starts = self.rankings[list_offsets(self.rankings)[:-1]]
        if len(np.unique(starts)) != len(starts):
            raise DatasetError("the rows of a ranking are apart; keep each ranking's rows together")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        """Number of rows that are a success."""
        return int(self.labels.sum(dtype=np.int64))

    def take(self, where: NDArray[np.bool_] | slice) -> "Rows":
        """The rows where the mask (bool[n]) is true, or of the slice, which copies nothing."""
        return self._with(
            features=np.ascontiguousarray(self.features[where]),
            labels=self.labels[where],
            rankings=self.rankings[where],
            at_ms=self.at_ms[where],
            base=None if self.base is None else self.base[where],
        )

    def keep_columns(self, kept: Sequence[bool]) -> "Rows":
        """The same rows with some of the features."""
        if all(kept):
            return self
        return self._with(
            features=np.ascontiguousarray(self.features[:, np.array(kept, np.bool_)]),
            names=tuple(compress(self.names, kept)),
            directions=tuple(compress(self.directions, kept)),
        )

    def _with(self, **parts: object) -> "Rows":
        """The rows with some fields replaced, unchecked: a part of valid rows is valid."""
        changed = object.__new__(Rows)
        changed.__dict__.update(self.__dict__ | parts)
        return changed


def list_offsets(rankings: NDArray[np.int64]) -> NDArray[np.int64]:
    """The start of each list, and the end: int64[n_lists + 1]; list i is ``[o[i], o[i + 1])``.

    >>> list_offsets(np.array([7, 7, 9])).tolist()
    [0, 2, 3]
    """
    n = len(rankings)
    if n == 0:
        return np.zeros(1, np.int64)
    starts = np.flatnonzero(rankings[1:] != rankings[:-1]) + 1
    return np.concatenate([[0], starts, [n]]).astype(np.int64)


def _expect(
    name: str, array: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise DatasetError(
            f"`{name}` is {array.dtype}{list(array.shape)}; expected {np.dtype(dtype)}{list(shape)}"
        )


def _expect_finite(name: str, array: NDArray[np.float64]) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DatasetError(
            f"`{name}` of row {row} is {array[row]}; give a finite number, 0 for none"
        )
