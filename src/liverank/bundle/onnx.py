"""A whole model as one file of ONNX: encoder, parts, calibration and link.

Without an encoder the input is ``rows``, float32[n, f]. With one there is an input for each column,
under its name, in the form that ``onnx_columns`` gives. Outputs are ``margin`` float64[n, k] and
``prediction``: probabilities float64[n, 1] or [n, k], or values float64[n, 1].
Invariant: margins are those of our own kernels but for rounding, 1e-5 at most on usual scales.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.onnx_encoder import add_encoder
from liverank.bundle.onnx_graph import Graph
from liverank.bundle.onnx_models import add_forests, add_linears, add_mlp, stretch_and_shift
from liverank.errors import BundleError
from liverank.models.encoder import Encoder
from liverank.models.forest import Forest
from liverank.models.linear import Linear
from liverank.models.mlp import Mlp
from liverank.models.model import Model

Link = Literal["sigmoid", "softmax", "identity"]
Term = Sequence[Forest] | Sequence[Linear] | Sequence[Mlp]
"""A model of k margins: one Forest or one Linear for each, or one Mlp for all."""


def to_onnx(
    terms: Sequence[Term],
    *,
    link: Link,
    slope: NDArray[np.float64] | float = 1.0,
    offset: NDArray[np.float64] | float = 0.0,
    encoder: Encoder | None = None,
) -> bytes:
    """Write link(slope x (sum of the terms' margins) + offset).

    Slope and offset are float64[k] or one number. Raises BundleError when terms differ in width or
    margins, or the package onnx is not installed.
    """
    n_features, n_margins = _sizes(terms)
    graph = Graph()
    if encoder is None:
        rows = graph.input("rows", np.float32, ("n", n_features))
    elif encoder.n_features == n_features:
        rows = add_encoder(graph, encoder)
    else:
        raise BundleError(
            f"onnx: the encoder makes {encoder.n_features} features, the model reads {n_features}"
        )
    margins = [_add_term(graph, rows, term) for term in terms]
    total = margins[0] if len(margins) == 1 else graph.add("Sum", *margins)
    calibrated = stretch_and_shift(graph, total, *(_each(x, n_margins) for x in (slope, offset)))
    graph.output("margin", calibrated, np.float64, ("n", n_margins))
    prediction = _add_link(graph, calibrated, link)
    graph.output("prediction", prediction, np.float64, ("n", n_margins))
    return graph.to_bytes()


def model_to_onnx(model: Model, encoder: Encoder | None = None) -> bytes:
    """Write a model of probabilities: forest, linear part, calibration. Raises BundleError."""
    terms: list[Term] = []
    if model.forest is not None:
        terms.append((model.forest,))
    if model.linear is not None:
        terms.append((model.linear,))
    return to_onnx(terms, link="sigmoid", slope=model.slope, offset=model.offset, encoder=encoder)


def _sizes(terms: Sequence[Term]) -> tuple[int, int]:
    """The width of the rows, and the margins of a row, which all terms agree on."""
    sizes = {
        (
            part.n_features,
            part.n_outputs if isinstance(part, Mlp) else len(term),
        )
        for term in terms
        for part in term
    }
    if len(sizes) != 1:
        raise BundleError(
            f"onnx: the parts of a model agree on features and margins; got {sorted(sizes)}"
        )
    return sizes.pop()


def _add_term(graph: Graph, rows: str, term: Term) -> str:
    if all(isinstance(part, Forest) for part in term):
        return add_forests(graph, rows, term)  # type: ignore[arg-type]  # all are, as just seen
    if all(isinstance(part, Linear) for part in term):
        return add_linears(graph, rows, term)  # type: ignore[arg-type]  # all are, as just seen
    if len(term) == 1 and isinstance(term[0], Mlp):
        return add_mlp(graph, rows, term[0])
    kinds = sorted({type(part).__name__ for part in term})
    raise BundleError(f"onnx: a term is forests, linear models or one net; got {kinds}")


def _add_link(graph: Graph, margins: str, link: Link) -> str:
    if link == "sigmoid":
        return graph.add("Sigmoid", margins)
    return graph.add("Softmax", margins, axis=1) if link == "softmax" else margins


def _each(value: NDArray[np.float64] | float, n_margins: int) -> NDArray[np.float64]:
    each: NDArray[np.float64] = np.broadcast_to(np.asarray(value, np.float64), (n_margins,))
    return each
