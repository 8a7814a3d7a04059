"""LightGBM's text form of a model, read into a Forest without LightGBM.

LightGBM compares in float64 and our rows are float32, so a threshold is rounded down to float32:
then ``x <= t`` holds for the one exactly when it holds for the other. LightGBM also reads a value
within 1e-35 of zero as zero; a threshold inside that band is moved to its edge.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.models.forest import LEAF, Forest

_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_MISSING_IS_ZERO, _MISSING_IS_NAN = 1, 2
_ZERO_BAND = np.float32(1e-35)


def forest_from_lightgbm(text: str) -> Forest:
    r"""Read what ``Booster.model_to_string()`` wrote.

    Raises TrainingError for what a Forest cannot hold: categorical splits, linear trees, zero as
    missing, averaged output.

    >>> forest = forest_from_lightgbm(
    ...     "tree\nversion=v4\nnum_class=1\nmax_feature_idx=0\n"
    ...     "\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.1\n"
    ...     "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=-1 1\n"
    ...     "is_linear=0\n\nend of trees\n"
    ... )
    >>> forest.margin(np.array([[0.1], [0.0]], np.float32)).tolist()
    [1.0, -1.0]
    """
    head, *trees = text.split("\n\nend of trees")[0].split("\nTree=")
    header = _fields(head)
    if "average_output" in head.split("\n") or header.get("num_class") != "1":
        raise TrainingError("LightGBM model: only sums of trees with one output can be converted")
    parts = [_tree(_fields(tree), place) for place, tree in enumerate(trees)]
    if not parts:
        raise TrainingError("LightGBM model: it holds no trees")
    names = ("feature", "threshold", "left", "nan_left", "value")
    return Forest(
        n_features=int(header["max_feature_idx"]) + 1,
        starts=np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])]).astype(np.int32),
        **{name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)},
    )


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 at or below each float64.

    >>> round_down(np.array([0.1, 1e300])).tolist()
    [0.09999999403953552, 3.4028234663852886e+38]
    """
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
        down = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, down, nearest)


def outside_zero_band(thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thresholds that sort values within 1e-35 of zero as they sort zero.

    >>> outside_zero_band(np.array([0.0, -1e-36, 2.0], np.float32)) == 0
    array([False, False, False])
    """
    below = np.nextafter(-_ZERO_BAND, np.float32(-np.inf))
    moved = np.where(thresholds >= 0, _ZERO_BAND, below)
    return np.where(np.abs(thresholds) <= _ZERO_BAND, moved, thresholds)


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _tree(
    fields: dict[str, str], place: int
) -> tuple[
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int32],
    NDArray[np.bool_],
    NDArray[np.float64],
]:
    """Feature, threshold, left child, way of NaN and value of a tree's nodes, breadth first."""
    if fields.get("is_linear", "0") != "0":
        raise TrainingError(f"LightGBM model: tree {place} has linear leaves; train without them")
    leaf_value = np.array(fields["leaf_value"].split(), np.float64)
    if fields["num_leaves"] == "1":
        leaf = np.zeros(1, np.int32)
        return leaf + LEAF, leaf.astype(np.float32), leaf, leaf.astype(np.bool_), leaf_value
    kind = np.array(fields["decision_type"].split(), np.int64)
    missing = kind >> 2
    if (kind & _CATEGORICAL).any() or (missing == _MISSING_IS_ZERO).any():
        raise TrainingError(
            f"LightGBM model: tree {place} splits on categories or takes zero as missing; "
            "train on plain numbers with NaN as missing"
        )
    split_threshold = np.array(fields["threshold"].split(), np.float64)
    # Where training saw no NaN, LightGBM reads NaN as zero.
    split_nan_left = np.where(
        missing == _MISSING_IS_NAN, (kind & _DEFAULT_LEFT) != 0, split_threshold >= 0
    )
    children = np.stack(
        [
            np.array(fields["left_child"].split(), np.int64),
            np.array(fields["right_child"].split(), np.int64),
        ],
        axis=1,
    )
    source, left = _breadth_first(children)
    inner = source >= 0
    split = np.where(inner, source, 0)
    feature = np.array(fields["split_feature"].split(), np.int32)[split]
    return (
        np.where(inner, feature, LEAF).astype(np.int32),
        np.where(inner, outside_zero_band(round_down(split_threshold))[split], 0).astype(
            np.float32
        ),
        left,
        inner & split_nan_left[split],
        np.where(inner, 0.0, leaf_value[np.where(inner, 0, ~source)]),
    )


def _breadth_first(children: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """LightGBM's number of each node (a leaf's is negative) and where its left child now stands."""
    pairs = children.tolist()
    source, left = [0], []
    for node in source:  # grows as it is read
        left.append(len(source) if node >= 0 else 0)
        if node >= 0:
            source.extend(pairs[node])
    return np.array(source, np.int64), np.array(left, np.int32)
