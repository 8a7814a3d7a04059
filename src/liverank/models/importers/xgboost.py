"""XGBoost's JSON form of a model, read into one Forest a class without XGBoost.

XGBoost goes left where ``x < t`` in float32; that is ``x <= `` the float32 below ``t``. XGBoost
adds trees in float32, so its margin is less exact than the Forest's. Its base score becomes a first
tree of a single leaf.
"""

import json
import math
from typing import Any

import numpy as np

from liverank.errors import TrainingError
from liverank.models.forest.build import Tree, join, leaf_tree
from liverank.models.forest.forest import Forest

_PROBABILITY = frozenset({"binary:logistic", "reg:logistic", "binary:logitraw"})
_PLAIN = frozenset({"multi:softprob", "multi:softmax", "reg:squarederror", "reg:absoluteerror"})
"""Objectives whose base score is written as a margin."""


def forests_from_xgboost(text: str | bytes) -> tuple[Forest, ...]:
    """Read ``Booster.save_raw("json")``: one Forest for each class, or a single one.

    Raises TrainingError for what a Forest cannot represent: other boosters than trees, categorical
    splits, several targets, objectives whose base score has a scale of its own.
    """
    learner = json.loads(text)["learner"]
    booster, objective = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] != "gbtree" or objective not in _PROBABILITY | _PLAIN:
        raise TrainingError(
            f"XGBoost model: {booster['name']} with {objective} cannot be converted; "
            f"train gbtree with one of {', '.join(sorted(_PROBABILITY | _PLAIN))}"
        )
    shape = learner["learner_model_param"]
    if shape.get("num_target", "1") != "1":
        raise TrainingError("XGBoost model: it has several targets; train one model for each")
    classes = max(int(shape["num_class"]), 1)
    bases = _bases(shape["base_score"], classes, objective in _PROBABILITY)
    class_of = booster["model"]["tree_info"]
    trees = [_tree(tree, number) for number, tree in enumerate(booster["model"]["trees"])]
    forests = []
    for which, base in enumerate(bases):
        own = [tree for tree, its in zip(trees, class_of, strict=True) if its == which]
        rows = float(own[0].cover[0]) if own else 0.0
        forests.append(join([leaf_tree(base, rows), *own], int(shape["num_feature"])))
    return tuple(forests)


def _bases(written: str, classes: int, is_probability: bool) -> list[float]:
    """The margin that each class starts from, written as ``[5E-1]`` or as a number a class."""
    scores = [float(score) for score in written.strip("[]").split(",")]
    if is_probability:
        scores = [math.log(score / (1 - score)) for score in scores]
    return scores * (classes // len(scores))


def _tree(tree: dict[str, Any], number: int) -> Tree:
    if any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise TrainingError(
            f"XGBoost model: tree {number} splits on categories or has leaves of several values; "
            "train on plain numbers, one output a tree"
        )
    condition = np.array(tree["split_conditions"], np.float32)
    below = np.nextafter(condition, np.float32(-np.inf))
    return Tree(
        children=np.column_stack([tree["left_children"], tree["right_children"]]).astype(np.int64),
        feature=np.array(tree["split_indices"], np.int64),
        threshold=below,
        nan_left=np.array(tree["default_left"], np.bool_),
        value=condition.astype(np.float64),  # of a leaf: its value
        cover=np.array(tree["sum_hessian"], np.float64),
    )
