"""A forest of regression trees as arrays, whichever library trained it.

A row goes left at a node when its feature is at most the threshold, or when it is NaN and the node
sends NaN left. Its margin is the sum of the values of the leaves it reaches, one a tree.
Invariant: a Forest that exists is sound (every path ends in a leaf, every index is in range), and a
row's margin does not depend on the rows scored with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError, TrainingError
from liverank.models.forest.scorer import ForestScorer
from liverank.models.rows_check import check_rows

LEAF = -1
"""The ``feature`` of a leaf."""

ARRAYS = {
    "starts": np.dtype(np.int32),
    "feature": np.dtype(np.int32),
    "threshold": np.dtype(np.float32),
    "left": np.dtype(np.int32),
    "nan_left": np.dtype(np.bool_),
    "value": np.dtype(np.float64),
}
"""Names and types of the arrays that make a forest."""
COVER = np.dtype(np.float32)
"""Type of ``cover``, which is optional."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees laid out one after another, breadth first, the two children of a node side by side.

    n_features  the width of the rows it scores
    starts      int32[n_trees + 1], the first node of each tree, and the end
    feature     int32[n_nodes], the column a node reads; ``LEAF`` for a leaf
    threshold   float32[n_nodes]
    left        int32[n_nodes], index of the left child in its tree; the right one follows it
    nan_left    bool[n_nodes], whether NaN goes left
    value       float64[n_nodes], what a leaf adds to the margin
    cover       float32[n_nodes], the weight of the training rows that reached a node; None where
                it is unknown. Attributions need it, scoring does not

    Raises BundleError when the arrays do not make a forest.

    >>> stump = Forest(
    ...     n_features=1,
    ...     starts=np.array([0, 3], np.int32),
    ...     feature=np.array([0, LEAF, LEAF], np.int32),
    ...     threshold=np.array([0.5, 0, 0], np.float32),
    ...     left=np.array([1, 0, 0], np.int32),
    ...     nan_left=np.array([True, False, False]),
    ...     value=np.array([0.0, -1.0, 2.0]),
    ... )
    >>> stump.margin(np.array([[0.5], [0.6], [np.nan]], np.float32)).tolist()
    [-1.0, 2.0, -1.0]
    """

    n_features: int
    starts: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    cover: NDArray[np.float32] | None = None
    _scorer: ForestScorer = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_forest(self)
        object.__setattr__(self, "_scorer", ForestScorer(self._arrays()))

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.starts) - 1

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns that some node reads, in rising order."""
        return np.unique(self.feature[self.feature != LEAF]).astype(np.int64)

    def margin(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows, float32[n, n_features]: float64[n]. Safe to call from several threads.

        Raises ServingError when the rows are of another type or width.
        """
        check_rows(rows, self.n_features)
        return self._scorer.margins(rows)

    def on_columns(self, columns: NDArray[np.int64], n_features: int) -> "Forest":
        """The same trees for wider rows: old column i is new column ``columns[i]``."""
        leaf = self.feature == LEAF
        feature = np.where(leaf, LEAF, columns[np.where(leaf, 0, self.feature)])
        return Forest(n_features, **{**self.to_arrays(), "feature": feature.astype(np.int32)})

    def keep_columns(self, columns: NDArray[np.int64]) -> "Forest":
        """The same trees for narrower rows: new column i is old column ``columns[i]``."""
        new_columns = np.zeros(self.n_features, np.int64)
        new_columns[columns] = np.arange(len(columns))
        return self.on_columns(new_columns, len(columns))

    def first_trees(self, n: int) -> "Forest":
        """The first ``n`` trees alone, such as those of the first rounds of boosting."""
        if n >= self.n_trees:
            return self
        starts = self.starts[: n + 1]
        arrays = {name: array[: starts[-1]] for name, array in self.to_arrays().items()}
        return Forest(self.n_features, **{**arrays, "starts": starts})

    def rescaled(self, scale: float, shift: float) -> "Forest":
        """The forest whose margin is this one's times ``scale``, plus ``shift``."""
        if (scale, shift) == (1.0, 0.0) or self.n_trees == 0:
            return self
        value = self.value * scale
        first = slice(0, self.starts[1])
        value[first] += np.where(self.feature[first] == LEAF, shift, 0.0)
        return Forest(self.n_features, **{**self.to_arrays(), "value": value})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in ``ARRAYS``, and ``cover`` where there is one."""
        return self._arrays() | ({} if self.cover is None else {"cover": self.cover})

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in ARRAYS}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]], n_features: int) -> "Forest":
        """The opposite of ``to_arrays``. Raises BundleError."""
        return Forest(n_features, **arrays)


def merge(forests: Sequence[Forest], weights: Sequence[float]) -> Forest:
    """One forest whose margin is the weighted sum of the margins.

    Raises TrainingError when there is none, or the widths differ.

    >>> tree = Forest.from_arrays(leaf_arrays(3.0), n_features=2)
    >>> merge([tree, tree], [0.5, 2.0]).margin(np.zeros((1, 2), np.float32)).tolist()
    [7.5]
    """
    widths = {forest.n_features for forest in forests}
    if len(widths) != 1 or len(forests) != len(weights):
        raise TrainingError(
            f"forests merge with one weight each and rows of one width: "
            f"got {len(forests)} forests, {len(weights)} weights, widths {sorted(widths)}"
        )
    arrays = {
        name: np.concatenate([getattr(forest, name) for forest in forests])
        for name in ("feature", "threshold", "left", "nan_left")
    }
    covers = [forest.cover for forest in forests if forest.cover is not None]
    if len(covers) == len(forests):
        arrays["cover"] = np.concatenate(covers)
    sizes = np.concatenate([np.diff(forest.starts) for forest in forests])
    return Forest(
        n_features=widths.pop(),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        value=np.concatenate(
            [forest.value * weight for forest, weight in zip(forests, weights, strict=True)]
        ),
        **arrays,
    )


def leaf_arrays(value: float) -> dict[str, NDArray[Any]]:
    """The arrays of a forest that gives every row the same margin."""
    return {
        "starts": np.array([0, 1], np.int32),
        "feature": np.array([LEAF], np.int32),
        "threshold": np.zeros(1, np.float32),
        "left": np.zeros(1, np.int32),
        "nan_left": np.zeros(1, np.bool_),
        "value": np.array([value], np.float64),
    }


def _check_forest(forest: Forest) -> None:
    n_nodes = len(forest.feature)
    given = ARRAYS if forest.cover is None else ARRAYS | {"cover": COVER}
    for name, dtype in given.items():
        array = getattr(forest, name)
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
            raise BundleError(f"forest: `{name}` is not a flat array of {dtype}")
        if name != "starts" and len(array) != n_nodes:
            raise BundleError(f"forest: `{name}` holds {len(array)} nodes, `feature` {n_nodes}")
    starts = forest.starts
    if len(starts) == 0 or starts[0] != 0 or starts[-1] != n_nodes or (np.diff(starts) < 1).any():
        raise BundleError(f"forest: `starts` must rise from 0 to {n_nodes}, the number of nodes")
    sizes = np.diff(starts)
    root = np.repeat(starts[:-1], sizes)
    index = np.arange(n_nodes) - root
    inner = forest.feature != LEAF
    misplaced = (forest.left <= index) | (forest.left + 1 >= np.repeat(sizes, sizes))
    if (inner & misplaced).any():
        raise BundleError("forest: a child stands before its parent or outside its tree")
    lefts = (root + forest.left)[inner]
    n_parents = np.bincount(np.concatenate([lefts, lefts + 1]), minlength=n_nodes)
    if (n_parents != (index > 0)).any():
        raise BundleError("forest: a node has two parents, or is not a root and has none")
    if (forest.feature < LEAF).any() or (forest.feature >= forest.n_features).any():
        raise BundleError(f"forest: a node reads a column outside 0 to {forest.n_features - 1}")
    if np.isnan(forest.threshold).any() or not np.isfinite(forest.value).all():
        raise BundleError("forest: a threshold is NaN or a leaf's value is not finite")
