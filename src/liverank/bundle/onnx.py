"""A whole model as one file of ONNX: encoder, parts, calibration and link.

Without an encoder the input is ``rows``, float32[n, f]. With one there is an input for each column,
under its name, in the form that ``onnx_columns`` gives. Outputs are ``margin`` float64[n, k];
``prediction``, float64[n] of probabilities or values, or float64[n, k] of the probabilities of
several classes; ``class`` string[n] where classes are named; and, if asked for, each column's
``attribution`` float64[n, c, k] and the ``attribution_base`` float64[k], which add up to the margin
before the steps of an isotonic calibration.
Invariant: margins equal those of our own kernels except for rounding, at most 1e-5 of their scale.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.onnx_attribution import add_attributions
from liverank.bundle.onnx_encoder import add_encoder
from liverank.bundle.onnx_graph import Graph
from liverank.bundle.onnx_models import add_forests, add_linears, add_mlp, stretch_and_shift
from liverank.errors import BundleError
from liverank.models.attribution.by_column import column_owners
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest, leaf_arrays, merge
from liverank.models.linear.model import Linear
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import ALL, Predictor, Term


def to_onnx(
    predictor: Predictor,
    about: Mapping[str, str] | None = None,
    *,
    attributions: bool = False,
) -> bytes:
    """Encode a model as a file; ``about`` is the file's metadata, texts by name.

    Raises BundleError for parts that ONNX cannot represent, or when the package onnx is not
    installed.
    """
    graph = Graph()
    owners = np.eye(predictor.n_features)
    if predictor.encoder is None:
        rows = graph.input("rows", np.float32, ("n", predictor.n_features))
    else:
        rows = add_encoder(graph, predictor.encoder)
        names, owners = column_owners(predictor.encoder)
        about = {"columns": json.dumps(names, ensure_ascii=False), **(about or {})}
    _add_outputs(graph, _add_margins(graph, rows, predictor), predictor)
    if attributions:
        _output_attributions(graph, rows, predictor, owners)
    return graph.to_bytes(about)


def _add_margins(graph: Graph, rows: str, predictor: Predictor) -> str:
    """Calibrated margins, float64[n, k]."""
    k = predictor.n_margins
    forests = [term for term in predictor.terms if isinstance(term.part, Forest)]
    linears = [term for term in predictor.terms if isinstance(term.part, Linear)]
    nets = [term for term in predictor.terms if isinstance(term.part, Mlp)]
    others = {type(term.part).__name__ for term in predictor.terms} - {"Forest", "Linear", "Mlp"}
    if others:
        raise BundleError(f"onnx: it has no form for a {min(others)}; export a model without it")
    sums = []
    if forests:
        sums.append(add_forests(graph, rows, _of_margins(forests, predictor.n_features, k)))
    if linears:
        parts = [term.part for term in linears if isinstance(term.part, Linear)]
        sums.append(_spread(graph, add_linears(graph, rows, parts), linears, k))
    for net in nets:
        assert isinstance(net.part, Mlp)
        added = add_mlp(graph, rows, net.part)
        if net.part.n_outputs == k and net.margin in (ALL, 0):
            sums.append(graph.add("Mul", added, graph.float64(net.weight)))
        else:
            sums.append(_spread(graph, added, [net], k))
    total = sums[0] if len(sums) == 1 else graph.add("Sum", *sums)
    return _add_calibrator(graph, total, predictor.calibrator)


def _of_margins(terms: Sequence[Term], n_features: int, k: int) -> list[Forest]:
    """A forest for each margin; it is 0 where none of the terms has that margin."""
    forests = []
    for margin in range(k):
        own = [term for term in terms if term.margin in (margin, ALL)]
        parts = [term.part for term in own if isinstance(term.part, Forest)]
        forests.append(
            merge(parts, [term.weight for term in own])
            if own
            else Forest.from_arrays(leaf_arrays(0.0), n_features)
        )
    return forests


def _spread(graph: Graph, columns: str, terms: Sequence[Term], k: int) -> str:
    """Add each term's column, weighted, to its margin: float64[n, k] of float64[n, n_terms]."""
    weights = np.zeros((len(terms), k))
    for index, term in enumerate(terms):
        weights[index, slice(None) if term.margin == ALL else term.margin] = term.weight
    return graph.add("MatMul", columns, graph.float64(weights))


def _add_calibrator(graph: Graph, margins: str, calibrator: Calibrator) -> str:
    scaled = stretch_and_shift(graph, margins, calibrator.slope, calibrator.offset)
    knots, levels = calibrator.knots, calibrator.levels
    if len(knots) == 0:
        return scaled
    if len(knots) == 1:
        nothing = graph.add("Mul", scaled, graph.float64(0))
        return graph.add("Add", nothing, graph.float64(levels))
    passed = graph.cast(graph.add("LessOrEqual", graph.float64(knots), scaled), np.int64)
    right = graph.add("ReduceSum", passed, graph.constant([1]), keepdims=1)
    right = graph.add("Clip", right, graph.constant(1), graph.constant(len(knots) - 1))
    left = graph.add("Sub", right, graph.constant(1))

    def at(values: NDArray[np.float64], index: str) -> str:
        return graph.add("Gather", graph.float64(values), index, axis=0)

    width = graph.add("Sub", at(knots, right), at(knots, left))
    share = graph.add("Div", graph.add("Sub", scaled, at(knots, left)), width)
    share = graph.add("Clip", share, graph.float64(0), graph.float64(1))
    rise = graph.add("Sub", at(levels, right), at(levels, left))
    return graph.add("Add", at(levels, left), graph.add("Mul", share, rise))


def _add_outputs(graph: Graph, margins: str, predictor: Predictor) -> None:
    k, link, classes = predictor.n_margins, predictor.link, predictor.classes
    graph.output("margin", margins, np.float64, ("n", k))
    linked = margins
    match link:
        case "sigmoid":
            linked = graph.add("Sigmoid", margins)
        case "softmax":
            linked = graph.add("Softmax", margins, axis=1)
        case "expm1":
            clipped = graph.add("Clip", margins, graph.float64(0), graph.float64(700))
            linked = graph.add("Sub", graph.add("Exp", clipped), graph.float64(1))
    if link == "softmax":
        graph.output("prediction", linked, np.float64, ("n", k))
        called = graph.add("ArgMax", linked, axis=1, keepdims=0)
    else:
        linked = graph.add("Squeeze", linked, graph.constant([1]))
        graph.output("prediction", linked, np.float64, ("n",))
        called = graph.cast(graph.add("Greater", linked, graph.float64(0.5)), np.int64)
    if classes:
        names = graph.constant(np.array(classes, object))
        graph.output("class", graph.add("Gather", names, called, axis=0), np.str_, ("n",))


def _output_attributions(
    graph: Graph, rows: str, predictor: Predictor, owners: NDArray[np.float64]
) -> None:
    effects, base = add_attributions(graph, rows, predictor.terms, owners, predictor.calibrator)
    shape = ("n", owners.shape[1], predictor.n_margins)
    graph.output("attribution", effects, np.float64, shape)
    graph.output("attribution_base", graph.float64(base), np.float64, base.shape)
