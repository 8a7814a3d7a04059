"""Scores a forest by the kernel that is fastest for the number of rows.

Both kernels give the same bits, so a row's margin does not depend on which one is used.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.models.forest.bit_parallel import BitForest, pack_bits, score_bits
from liverank.models.forest.simd_kernel import BLOCK
from liverank.models.forest.traversal_kernel import LANES, pack_walk, score_walk


class ForestScorer:
    """The arrays of a sound ``Forest``, packed for either kernel. Safe to use from several threads.

    Raises TrainingError when the forest is too large for both.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._walk = pack_walk(**arrays)

    @cached_property
    def _bits(self) -> BitForest | None:
        """The arrays, packed at the first use: many forests of a search are never scored."""
        return pack_bits(**self._arrays)

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Margins of rows, float32[n, n_features] that cover every feature in use: float64[n]."""
        bits = self._bits
        if bits is None:
            return score_walk(self._walk, rows)
        # A block of 64 rows takes as long for few rows, unless all trees are symmetric.
        last = len(rows) % BLOCK
        few = 0 if bits.all_symmetric or last > LANES else last
        if few == 0:
            return score_bits(bits, rows)
        if few == len(rows):
            return score_walk(self._walk, rows)
        return np.concatenate([score_bits(bits, rows[:-few]), score_walk(self._walk, rows[-few:])])


def compile_kernels() -> None:
    """Compile both kernels, so that the first forest on a machine is scored at full speed."""
    arrays: dict[str, NDArray[Any]] = {
        "starts": np.array([0, 1], np.int32),
        "feature": np.array([-1], np.int32),
        "threshold": np.zeros(1, np.float32),
        "left": np.zeros(1, np.int32),
        "nan_left": np.zeros(1, np.bool_),
        "value": np.zeros(1),
    }
    rows, bits = np.zeros((1, 1), np.float32), pack_bits(**arrays)
    assert bits is not None
    score_bits(bits, rows)
    score_walk(pack_walk(**arrays), rows)
