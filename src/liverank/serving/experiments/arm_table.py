"""Popularity of items within each variant, in memory shared by all processes of a server.

The folding process adds, the workers read. A success at time t has the weight
2 ** ((t - reference) / half-life), so that late events count correctly, and no value must be
decayed. Invariant: a reader gets the sum of the weights of everything added so far.
"""

import math
import time

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from liverank.features.state.shared_memory import SharedArrays
from liverank.serving.experiments.arm_kernel import add_weights, find_weights, keys_of

SLOTS = 1 << 20
"""Number of slots for pairs of a variant and an item; at most half are used."""
_SHAPES: list[tuple[npt.DTypeLike, int]] = [
    (np.int64, 8),
    (np.float64, 1),
    (np.uint64, SLOTS),
    (np.float64, SLOTS),
]
_VERSION, _USED = 0, 1
_MAX_HALF_LIVES = 400.0
"""Half-lives since the reference at which weights are rescaled, below float64's 2 ** 1024."""
_MIN_WEIGHT = 2.0**-20
_CHUNK = SLOTS // 8
_PAUSE_S, _PATIENCE_S = 5e-5, 0.05


class ArmTable:
    """The table; a reader passes ``fd``, the file descriptor from the writing process.

    ``half_life_ms`` is the time after which a success counts half; it may be infinite.

    >>> table = ArmTable(half_life_ms=1000.0)
    >>> one = np.array([7], np.uint64)
    >>> table.add(np.array([1, 1], np.uint64), np.array([7, 7], np.uint64), np.array([0.0, 1000.0]))
    >>> table.read(1, one, at_ms=1000.0).tolist(), table.read(2, one, at_ms=1000.0).tolist()
    ([1.5], [0.0])
    """

    def __init__(self, *, half_life_ms: float, fd: int | None = None) -> None:
        """Raises StateError if the memory cannot be reserved."""
        self._shared = SharedArrays(_SHAPES, fd=fd)
        self._half_life_ms = half_life_ms
        self._header, self._reference, self._keys, self._values = self._shared.arrays
        if fd is None:
            self._reference[0] = math.nan

    @property
    def fd(self) -> int:
        """File descriptor with which another process maps this table."""
        return self._shared.fd

    def add(
        self, arms: NDArray[np.uint64], items: NDArray[np.uint64], at_ms: NDArray[np.float64]
    ) -> None:
        """Count successes of items within arms, uint64[m] each, at times in Unix ms, float64[m]."""
        for start in range(0, len(arms), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            self._add(arms[chunk], items[chunk], at_ms[chunk])

    def _add(
        self, arms: NDArray[np.uint64], items: NDArray[np.uint64], at_ms: NDArray[np.float64]
    ) -> None:
        newest_ms = float(at_ms.max())
        if math.isnan(self._reference[0]):
            self._reference[0] = newest_ms
        if (newest_ms - self._reference[0]) / self._half_life_ms > _MAX_HALF_LIVES:
            self._rebuild(newest_ms)
        if 2 * (int(self._header[_USED]) + len(arms)) > SLOTS:
            self._rebuild(newest_ms)
        weights = np.exp2((at_ms - self._reference[0]) / self._half_life_ms)
        self._header[_USED] += add_weights(self._keys, self._values, keys_of(arms, items), weights)

    def read(self, arm: int, items: NDArray[np.uint64], *, at_ms: float) -> NDArray[np.float64]:
        """Popularity of ``items`` uint64[n] within an arm at ``at_ms``: float64[n]."""
        out, reference = np.empty(len(items)), math.nan
        until = time.monotonic() + _PATIENCE_S
        while True:
            version = int(self._header[_VERSION])
            if version % 2 == 0 or time.monotonic() > until:
                find_weights(self._keys, self._values, np.uint64(arm), items, out)
                reference = float(self._reference[0])
                if int(self._header[_VERSION]) == version:
                    break
            time.sleep(_PAUSE_S)
        if math.isnan(reference):
            return np.zeros(len(items))
        scaled: NDArray[np.float64] = out * 2.0 ** ((reference - at_ms) / self._half_life_ms)
        return scaled

    def close(self) -> None:
        """Close the file descriptor; the memory is freed when its last array is deleted."""
        self._shared.close()

    def _rebuild(self, reference_ms: float) -> None:
        """Change the reference, and drop pairs of negligible weight.

        If many pairs remain, those with the smallest weights are dropped until a quarter of the
        slots is used.
        """
        scale = 2.0 ** ((self._reference[0] - reference_ms) / self._half_life_ms)
        weights = self._values * scale
        kept = np.flatnonzero((self._keys != 0) & (weights > _MIN_WEIGHT))
        if 4 * len(kept) > SLOTS:
            kept = kept[np.argsort(-weights[kept], kind="stable")[: SLOTS // 4]]
        keys, weights = self._keys[kept], weights[kept]
        self._header[_VERSION] += 1
        try:
            self._keys[:] = 0
            self._values[:] = 0.0
            self._reference[0] = reference_ms
            self._header[_USED] = add_weights(self._keys, self._values, keys, weights)
        finally:
            self._header[_VERSION] += 1
