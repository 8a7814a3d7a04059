"""CatBoost's JSON form of a model, read into one Forest a class without CatBoost.

A symmetric tree has one split at each depth; their outcomes are the bits of a leaf's number, that
of the first split the lowest bit. A bit is 1 where ``x > border`` in float32; for NaN it depends on
the column's ``nan_value_treatment``. The bias becomes a first tree of a single leaf.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.models.forest.build import Tree, join, leaf_tree
from liverank.models.forest.forest import Forest

_NAN_IS_ABOVE = "AsTrue"


def forests_from_catboost(text: str | bytes) -> tuple[Forest, ...]:
    """Read the file of ``save_model(path, format="json")``: a Forest a class, or a single one.

    Raises TrainingError for what a Forest cannot represent: trees that are not symmetric, splits on
    categories, texts or embeddings.
    """
    model = json.loads(text)
    if "oblivious_trees" not in model:
        raise TrainingError("CatBoost model: its trees are not symmetric; train SymmetricTree")
    columns = model["features_info"].get("float_features", [])
    column_of = {column["feature_index"]: column["flat_feature_index"] for column in columns}
    above = {
        column["feature_index"]
        for column in columns
        if column["nan_value_treatment"] == _NAN_IS_ABOVE
    }
    scale, bias = model["scale_and_bias"]
    forests = []
    for which in range(len(bias)):
        trees = [
            _tree(tree, number, which, len(bias), column_of, above)
            for number, tree in enumerate(model["oblivious_trees"])
        ]
        scaled = [tree._replace(value=tree.value * scale) for tree in trees]
        rows = float(trees[0].cover[0]) if trees else 0.0
        forests.append(join([leaf_tree(bias[which], rows), *scaled], len(columns)))
    return tuple(forests)


def _tree(
    tree: dict[str, Any],
    number: int,
    which: int,
    classes: int,
    column_of: dict[int, int],
    above: set[int],
) -> Tree:
    """The values of one class, as a full tree: node i has children 2 i + 1 and 2 i + 2."""
    questions = tree["splits"] or []
    if any(question["split_type"] != "FloatFeature" for question in questions):
        raise TrainingError(f"CatBoost model: tree {number} splits on more than plain numbers")
    weights = np.array(tree["leaf_weights"], np.float64)
    n_inner, n_leaves = (1 << len(questions)) - 1, 1 << len(questions)
    depth_of = np.repeat(np.arange(len(questions)), 1 << np.arange(len(questions)))
    # The split of the highest bit comes first, so that leaves are in the order of their numbers.
    asked = [questions[-1 - depth] for depth in depth_of]
    nodes = np.arange(n_inner)[:, None]
    return Tree(
        children=np.concatenate([2 * nodes + [1, 2], np.full((n_leaves, 2), -1)]),
        feature=_with_leaves([column_of[each["float_feature_index"]] for each in asked], n_leaves),
        threshold=_with_leaves([each["border"] for each in asked], n_leaves).astype(np.float32),
        nan_left=_with_leaves(
            [each["float_feature_index"] not in above for each in asked], n_leaves
        ).astype(np.bool_),
        value=np.concatenate([np.zeros(n_inner), tree["leaf_values"][which::classes]]),
        cover=_sums_upward(weights),
    )


def _with_leaves(of_nodes: list[Any], n_leaves: int) -> NDArray[Any]:
    return np.array(of_nodes + [0] * n_leaves)


def _sums_upward(leaves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of the leaves below each node of a full tree, root first."""
    levels = [leaves]
    while len(levels[0]) > 1:
        levels.insert(0, levels[0].reshape(-1, 2).sum(axis=1))
    return np.concatenate(levels)
