"""Attributions of the margins to the columns, as operations of ONNX.

The arithmetic is that of ``liverank.models.attribution.tree_shap_kernel``: a leaf's path has a
demand (a range of values) for each of its features, and a feature's attribution is an integral that
Gauss's rule computes exactly.
Invariant: parts and base are those of ``liverank.models.attribution.by_column`` except for rounding
in float64.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.onnx_graph import Graph
from liverank.bundle.onnx_models import add_linear_terms, known_values
from liverank.errors import BundleError
from liverank.models.attribution.tree_shap import LeafPaths, gauss_rules, leaf_paths
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest
from liverank.models.linear.model import Linear
from liverank.models.predictor import Term

_NO_ROWS = 1e-30
"""Used in place of a share of 0, so that a product can be divided by each of its factors. Results
do not depend on it: where it is a factor, it is divided out or makes the product negligible."""


def add_attributions(
    graph: Graph,
    rows: str,
    terms: Sequence[Term],
    owners: NDArray[np.float64],
    calibrator: Calibrator,
) -> tuple[str, NDArray[np.float64]]:
    """Attributions before isotonic steps: the name of float64[n, c, k], and the base float64[k].

    ``rows`` are float32[n, f], ``owners`` float64[f, c]. Raises BundleError for a model that
    contains a net.
    """
    k = len(calibrator.slope)
    parts: list[list[str]] = [[] for _ in range(k)]
    base = np.zeros(k)
    for term in terms:
        weight = term.weight * calibrator.slope[term.margin]
        if isinstance(term.part, Forest):
            paths = leaf_paths(term.part)
            effects, begins = _add_paths(graph, rows, paths), paths.base
        elif isinstance(term.part, Linear):
            effects = add_linear_terms(graph, *known_values(graph, rows), term.part)
            begins = float(term.part.intercept[0])
        else:
            raise BundleError(
                "onnx: the model holds a neural net, and a graph has no gradients to attribute its "
                "answers by; export it without attributions, or train with a smaller serving budget"
            )
        parts[term.margin].append(graph.add("MatMul", effects, graph.float64(weight * owners)))
        base[term.margin] += weight * begins
    none = graph.add("Mul", _zeros(graph, rows), graph.float64(0))
    columns = []
    for own in parts:
        if not own:
            own.append(graph.add("MatMul", none, graph.float64(np.zeros_like(owners))))
        total = own[0] if len(own) == 1 else graph.add("Sum", *own)
        columns.append(graph.add("Unsqueeze", total, graph.constant([2])))
    joined = columns[0] if k == 1 else graph.add("Concat", *columns, axis=2)
    return joined, base + calibrator.offset


def _zeros(graph: Graph, rows: str) -> str:
    return graph.add("Expand", graph.float64(0), graph.add("Shape", rows))


def _add_paths(graph: Graph, rows: str, paths: LeafPaths) -> str:
    """Each feature's part in a forest's margin: float64[n, f]."""
    total = _zeros(graph, rows)
    lengths = np.diff(paths.leaf_starts)
    points, weights = gauss_rules(int(lengths.max() + 1) // 2)
    for length in np.unique(lengths[lengths > 0]).tolist():
        leaves = np.flatnonzero(lengths == length)
        at = paths.leaf_starts[leaves][:, None] + np.arange(length)
        rule = (length + 1) // 2
        effects = _add_leaves(
            graph, rows, paths, leaves, at, points[rule, :rule], weights[rule, :rule]
        )
        features = paths.path_feature[at].reshape(1, -1).astype(np.int64)
        shape = graph.add("Shape", effects)
        targets = graph.add("Expand", graph.constant(features), shape)
        total = graph.add("ScatterElements", total, targets, effects, axis=1, reduction="add")
    return total


def _add_leaves(
    graph: Graph,
    rows: str,
    paths: LeafPaths,
    leaves: NDArray[np.int64],
    at: NDArray[np.int64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> str:
    """Parts by leaf and demand, float64[n, n_leaves x length], of leaves with paths of one length.

    ``at`` is int64[n_leaves, length], the indexes of their demands.
    """
    flat = at.ravel()
    x = graph.add("Gather", rows, graph.constant(paths.path_feature[flat].astype(np.int64)), axis=1)
    beyond = graph.add(
        "Or",
        graph.add("LessOrEqual", x, graph.constant(paths.low[flat])),
        graph.add("Greater", x, graph.constant(paths.high[flat])),
    )
    unknown = graph.add("And", graph.add("IsNaN", x), graph.constant(~paths.nan_passes[flat]))
    fails = graph.add("Or", beyond, unknown)
    one = graph.add("Sub", graph.float64(1), graph.cast(fails, np.float64))
    one = graph.add("Reshape", one, graph.constant([0, *at.shape]))
    share = paths.share[at][None]
    nonzero = np.maximum(share, _NO_ROWS)
    means = []
    for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
        factor = graph.add("Mul", one, graph.float64(point))
        factor = graph.add("Add", factor, graph.float64(nonzero * (1 - point)))
        product = graph.add("ReduceProd", factor, graph.constant([2]), keepdims=1)
        product = graph.add("Mul", product, graph.float64(weight))
        means.append(graph.add("Div", product, factor))
    mean = means[0] if len(means) == 1 else graph.add("Sum", *means)
    gap = graph.add("Sub", one, graph.float64(share))
    value = paths.value[leaves][None, :, None]
    effects = graph.add("Mul", graph.add("Mul", gap, mean), graph.float64(value))
    return graph.add("Reshape", effects, graph.constant([0, at.size]))
