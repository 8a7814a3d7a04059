"""Forests, linear models and nets as operations of ONNX.

Each function takes the name of rows, float32[n, f], and returns that of margins, float64[n, k].
Invariant: trees compare thresholds and add leaves in float64, and the other models follow the
arithmetic of their kernels, so only rounding differs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.onnx_graph import ML, Graph
from liverank.models.forest.forest import LEAF, Forest
from liverank.models.linear.model import Linear
from liverank.models.mlp.kernel import FURTHEST
from liverank.models.mlp.model import Mlp


def add_forests(graph: Graph, rows: str, forests: Sequence[Forest]) -> str:
    """Margins of k forests, one for each output."""
    precise = graph.cast(rows, np.float64)
    attributes = forest_attributes(forests)
    margins = graph.add("TreeEnsembleRegressor", precise, domain=ML, **attributes)
    return graph.cast(margins, np.float64)


def forest_attributes(forests: Sequence[Forest]) -> dict[str, Any]:
    """Attributes of the operation ``TreeEnsembleRegressor`` for k forests."""
    trees = [_tree_attributes(forest) for forest in forests]
    counts = [0, *np.cumsum([forest.n_trees for forest in forests]).tolist()]
    joined = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    tree_ids = np.concatenate(
        [tree["tree"] + count for tree, count in zip(trees, counts, strict=False)]
    )
    output = np.repeat(np.arange(len(forests)), [len(tree["tree"]) for tree in trees])
    leaf = joined["leaf"]
    return {
        "n_targets": len(forests),
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": joined["node"].tolist(),
        "nodes_featureids": joined["feature"].tolist(),
        "nodes_values_as_tensor": joined["threshold"].astype(np.float64),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": joined["left"].tolist(),
        "nodes_falsenodeids": joined["right"].tolist(),
        "nodes_missing_value_tracks_true": joined["nan_left"].tolist(),
        "target_treeids": tree_ids[leaf].tolist(),
        "target_nodeids": joined["node"][leaf].tolist(),
        "target_ids": output[leaf].tolist(),
        "target_weights_as_tensor": joined["value"][leaf],
    }


def add_linears(graph: Graph, rows: str, linears: Sequence[Linear]) -> str:
    """Margins of k linear models, one for each output."""
    known, unknown = known_values(graph, rows)
    columns = [_add_linear(graph, known, unknown, linear) for linear in linears]
    return columns[0] if len(columns) == 1 else graph.add("Concat", *columns, axis=1)


def known_values(graph: Graph, rows: str) -> tuple[str, str]:
    """Values, float64[n, f], 0 where unknown, and the mask of the unknown ones."""
    values = graph.cast(rows, np.float64)
    unknown = graph.add("IsNaN", values)
    return graph.add("Where", unknown, graph.float64(0), values), unknown


def add_linear_terms(graph: Graph, known: str, unknown: str, linear: Linear) -> str:
    """The term of each value in a linear model's margin: float64[n, f]."""
    held = graph.add("Max", known, graph.float64(linear.low))
    held = graph.add("Min", held, graph.float64(linear.high))
    # Linear between powers of two and continuous, so a wrongly rounded exponent does no harm.
    size = graph.add("Add", graph.add("Abs", held), graph.float64(1))
    power = graph.add("Div", graph.add("Log", size), graph.float64(np.log(2)))
    power = graph.add("Floor", power)
    share = graph.add("Div", size, graph.add("Pow", graph.float64(2), power))
    curved = graph.add("Add", power, graph.add("Sub", share, graph.float64(1)))
    curved = graph.add("Mul", curved, graph.add("Sign", held))
    value = graph.add("Where", graph.constant(linear.logarithmic), curved, held)
    centred = graph.add("Sub", value, graph.float64(linear.mean))
    term = graph.add("Mul", centred, graph.float64(linear.weight))
    return graph.add("Where", unknown, graph.float64(linear.missing_weight), term)


def add_mlp(graph: Graph, rows: str, net: Mlp) -> str:
    """Margins of a net."""
    n_members, f, d = net.member.shape
    inputs = graph.add("Mul", _add_embedding(graph, rows, net), graph.constant(net.member[None]))
    x = graph.add("Reshape", inputs, graph.constant([0, n_members, f * d]))
    weights = [net.first.reshape(f * d, -1), *net.hidden]
    for weight, bias in zip(weights, net.bias, strict=True):
        product = graph.add("MatMul", x, graph.constant(weight))
        x = graph.add("Relu", graph.add("Add", product, graph.constant(bias)))
    by_member = graph.add("Transpose", x, perm=[1, 0, 2])
    outputs = graph.add("MatMul", by_member, graph.constant(net.head))
    outputs = graph.add("Add", outputs, graph.constant(net.head_bias[:, None]))
    mean = graph.add("ReduceMean", graph.cast(outputs, np.float64), graph.constant([0]), keepdims=0)
    return stretch_and_shift(graph, mean, net.stretch, net.shift)


def stretch_and_shift(
    graph: Graph, margins: str, stretch: NDArray[np.float64], shift: NDArray[np.float64]
) -> str:
    """Margins x stretch + shift, each float64[k]."""
    stretched = graph.add("Mul", margins, graph.float64(stretch))
    return graph.add("Add", stretched, graph.float64(shift))


def _tree_attributes(forest: Forest) -> dict[str, NDArray[np.generic]]:
    """Attributes with an entry for each node; indexes of nodes begin at 0 in each tree."""
    sizes = np.diff(forest.starts)
    leaf = forest.feature == LEAF
    return {
        "tree": np.repeat(np.arange(forest.n_trees), sizes),
        "node": np.arange(len(leaf)) - np.repeat(forest.starts[:-1], sizes),
        "leaf": leaf,
        "feature": np.where(leaf, 0, forest.feature),
        "threshold": forest.threshold,
        "left": np.where(leaf, 0, forest.left),
        "right": np.where(leaf, 0, forest.left + 1),
        "nan_left": forest.nan_left.astype(np.int64),
        "value": forest.value,
    }


def _add_linear(graph: Graph, known: str, unknown: str, linear: Linear) -> str:
    """Margins, float64[n, 1], of values with 0 where they are unknown."""
    terms = add_linear_terms(graph, known, unknown, linear)
    total = graph.add("ReduceSum", terms, graph.constant([1]), keepdims=1)
    return graph.add("Add", total, graph.float64(linear.intercept))


def _add_embedding(graph: Graph, rows: str, net: Mlp) -> str:
    """Each feature's vector, float32[n, 1, f, d]."""
    u = graph.add("Sub", graph.cast(rows, np.float64), graph.float64(net.centre))
    u = graph.add("Mul", u, graph.float64(net.scale))
    unknown = graph.add("IsNaN", u)
    u = graph.add("Where", unknown, graph.float64(0), u)
    u = graph.add("Clip", u, graph.float64(-FURTHEST), graph.float64(FURTHEST))
    square = graph.add("Div", graph.add("Mul", u, u), graph.float64(9))
    root = graph.add("Sqrt", graph.add("Add", square, graph.float64(1)))
    z = graph.cast(graph.add("Div", u, root), np.float32)
    z = graph.add("Unsqueeze", z, graph.constant([2]))
    shares = graph.add(
        "Mul", graph.add("Sub", z, _of(graph, net.knot)), _of(graph, net.inverse_width)
    )
    zero, one = graph.constant(0, np.float32), graph.constant(1, np.float32)
    shares = graph.add("Clip", shares, zero, one)
    by_feature = graph.add("Transpose", shares, perm=[1, 0, 2])
    steps = graph.add("MatMul", by_feature, graph.constant(net.bins))
    steps = graph.add("Transpose", steps, perm=[1, 0, 2])
    known = graph.add("Add", graph.add("Mul", z, _of(graph, net.slope)), steps)
    unknown = graph.add("Unsqueeze", unknown, graph.constant([2]))
    vectors = graph.add("Where", unknown, _of(graph, net.missing), known)
    vectors = graph.add("Add", vectors, _of(graph, net.at_zero))
    return graph.add("Unsqueeze", vectors, graph.constant([1]))


def _of(graph: Graph, array: NDArray[np.float32]) -> str:
    return graph.constant(array[None])
