"""LightGBM's text form of a model, read into a Forest without LightGBM.

LightGBM compares in float64 and our rows are float32, so a threshold is rounded down to float32:
then ``x <= t`` has the same result for both thresholds. LightGBM also reads a value
within 1e-35 of zero as zero; a threshold inside that band is moved to its edge.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.models.forest.build import Tree, join, leaf_tree
from liverank.models.forest.forest import Forest

_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_MISSING_IS_ZERO, _MISSING_IS_NAN = 1, 2
_ZERO_BAND = np.float32(1e-35)


def forest_from_lightgbm(text: str) -> Forest:
    r"""Read the text of ``Booster.model_to_string()`` for a model of one output.

    Raises TrainingError for what a Forest cannot represent: several classes, categorical splits,
    linear trees, zero as missing, averaged output.

    >>> forest = forest_from_lightgbm(
    ...     "tree\nversion=v4\nnum_class=1\nmax_feature_idx=0\n"
    ...     "\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.1\n"
    ...     "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=-1 1\n"
    ...     "is_linear=0\n\nend of trees\n"
    ... )
    >>> forest.margin(np.array([[0.1], [0.0]], np.float32)).tolist()
    [1.0, -1.0]
    """
    forests = forests_from_lightgbm(text)
    if len(forests) != 1:
        raise TrainingError(f"LightGBM model: it has {len(forests)} classes; expected one output")
    return forests[0]


def forests_from_lightgbm(text: str) -> tuple[Forest, ...]:
    """One Forest for each class, or a single one; otherwise as ``forest_from_lightgbm``."""
    head, *blocks = text.split("\n\nend of trees")[0].split("\nTree=")
    header = _fields(head)
    if "average_output" in head.split("\n"):
        raise TrainingError("LightGBM model: only sums of trees can be converted, not averages")
    trees = [_tree(_fields(block), number) for number, block in enumerate(blocks)]
    if not trees:
        raise TrainingError("LightGBM model: it holds no trees")
    classes, n_features = int(header["num_class"]), int(header["max_feature_idx"]) + 1
    return tuple(join(trees[which::classes], n_features) for which in range(classes))


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
    """Thresholds that send values within 1e-35 of zero the same way as zero.

    >>> outside_zero_band(np.array([0.0, -1e-36, 2.0], np.float32)) == 0
    array([False, False, False])
    """
    below = np.nextafter(-_ZERO_BAND, np.float32(-np.inf))
    moved = np.where(thresholds >= 0, _ZERO_BAND, below)
    return np.where(np.abs(thresholds) <= _ZERO_BAND, moved, thresholds)


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _tree(fields: dict[str, str], number: int) -> Tree:
    """A tree's splits, numbered as in LightGBM, and after them its leaves."""
    if fields.get("is_linear", "0") != "0":
        raise TrainingError(f"LightGBM model: tree {number} has linear leaves; train without them")
    leaf_value = _numbers(fields["leaf_value"])
    n_leaves = int(fields["num_leaves"])
    leaf_cover = _numbers(fields.get("leaf_count", "0 " * n_leaves))
    if n_leaves == 1:
        return leaf_tree(leaf_value[0], leaf_cover[0] if len(leaf_cover) else 0.0)
    kind = _numbers(fields["decision_type"]).astype(np.int64)
    missing = kind >> 2
    if (kind & _CATEGORICAL).any() or (missing == _MISSING_IS_ZERO).any():
        raise TrainingError(
            f"LightGBM model: tree {number} splits on categories or takes zero as missing; "
            "train on plain numbers with NaN as missing"
        )
    threshold = _numbers(fields["threshold"])
    # Where training saw no NaN, LightGBM reads NaN as zero.
    nan_left = np.where(missing == _MISSING_IS_NAN, (kind & _DEFAULT_LEFT) != 0, threshold >= 0)
    children = np.column_stack([_numbers(fields["left_child"]), _numbers(fields["right_child"])])
    n_splits = n_leaves - 1
    # LightGBM numbers leaves -1, -2, ...
    numbered = np.where(children < 0, n_splits - 1 - children, children).astype(np.int64)
    none = np.zeros(n_leaves)
    return Tree(
        children=np.concatenate([numbered, np.full((n_leaves, 2), -1)]),
        feature=np.concatenate([_numbers(fields["split_feature"]), none]).astype(np.int64),
        threshold=np.concatenate([outside_zero_band(round_down(threshold)), none]).astype(
            np.float32
        ),
        nan_left=np.concatenate([nan_left, none == 1]),
        value=np.concatenate([none[1:], leaf_value]),
        cover=np.concatenate([_numbers(fields.get("internal_count", "0 " * n_splits)), leaf_cover]),
    )


def _numbers(field: str) -> NDArray[np.float64]:
    return np.array(field.split(), np.float64)
