"""A Forest as LightGBM's text form of a model, so that LightGBM predicts with the same trees."""

import numpy as np

from liverank.models.forest.forest import LEAF, Forest

_NAN_RIGHT, _NAN_LEFT = 8, 10
"""LightGBM's ``decision_type`` of a split of numbers that sends NaN right, or left."""


def lightgbm_text(forest: Forest) -> str:
    """What ``lightgbm.Booster(model_str=...)`` reads; its raw scores are the forest's margins."""
    names = " ".join(f"f{column}" for column in range(forest.n_features))
    trees = [_tree(forest, tree) for tree in range(forest.n_trees)]
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={forest.n_features - 1}",
        "objective=binary sigmoid:1",
        f"feature_names={names}",
        f"feature_infos={' '.join(['[-inf:inf]'] * forest.n_features)}",
        f"tree_sizes={' '.join(str(len(tree)) for tree in trees)}",
        "",
        "",
    ]
    return "\n".join(head) + "".join(trees) + "end of trees\n\nparameters:\nend of parameters\n"


def _tree(forest: Forest, tree: int) -> str:
    begin, end = forest.starts[tree], forest.starts[tree + 1]
    feature, left = forest.feature[begin:end], forest.left[begin:end]
    inner, leaf = np.flatnonzero(feature != LEAF), np.flatnonzero(feature == LEAF)
    number = np.zeros(end - begin, np.int64)
    number[inner], number[leaf] = np.arange(len(inner)), -1 - np.arange(len(leaf))
    fields = {
        "num_leaves": [len(leaf)],
        "num_cat": [0],
        "split_feature": feature[inner],
        "split_gain": np.ones(len(inner), np.int64),
        "threshold": [repr(float(each)) for each in forest.threshold[begin:end][inner]],
        "decision_type": np.where(forest.nan_left[begin:end][inner], _NAN_LEFT, _NAN_RIGHT),
        "left_child": number[left[inner]],
        "right_child": number[left[inner] + 1],
        "leaf_value": [repr(float(each)) for each in forest.value[begin:end][leaf]],
        "leaf_weight": np.ones(len(leaf), np.int64),
        "leaf_count": np.ones(len(leaf), np.int64),
        "internal_value": np.zeros(len(inner), np.int64),
        "internal_weight": np.ones(len(inner), np.int64),
        "internal_count": np.ones(len(inner), np.int64),
        "is_linear": [0],
        "shrinkage": [1],
    }
    lines = [f"{name}={' '.join(map(str, values))}" for name, values in fields.items()]
    return f"Tree={tree}\n" + "\n".join(lines) + "\n\n\n"
