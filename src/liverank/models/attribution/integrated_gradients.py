"""Attributions of a neural net's margin: integrated gradients from a baseline row.

The path is the straight line, in the space of the embeddings, from the baseline, whose values are
the middle values of training, to the row itself. A feature's attribution is the net's gradient
along its vector, integrated over the path (Sundararajan et al., 2017: Axiomatic attribution for
deep networks). Between embeddings and margin the net is piecewise linear, so few steps are nearly
exact; the remainder is shared among the features in proportion to their attributions.
Invariant: base + the sum of the attributions is the margin; a feature with its middle value gets 0.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.models.mlp.model import Mlp, squash

STEPS = 32
"""Number of points of the path at which gradients are computed."""
_ROWS = 64

Floats = NDArray[np.float32]


class NetAttributions(NamedTuple):
    """Attributions of k margins: ``effects`` float64[n, f, k], and ``base`` float64[k]."""

    effects: NDArray[np.float64]
    base: NDArray[np.float64]


def attribute_mlp(net: Mlp, rows: Floats, steps: int = STEPS) -> NetAttributions:
    """Attributions of the margins of rows, float32[n, n_features].

    Raises ServingError for rows of another shape.

    >>> net = Mlp.constant(2, np.array([0.5]))
    >>> parts = attribute_mlp(net, np.array([[1, np.nan]], np.float32))
    >>> parts.base.tolist(), parts.effects.tolist()
    ([0.5], [[[0.0], [0.0]]])
    """
    margins = net.margin(rows).reshape(len(rows), net.n_outputs)
    middle = _embed(net, np.zeros((1, net.n_features), np.float32))[0]
    base = _outputs(net, middle) * net.stretch + net.shift
    effects = np.zeros((len(rows), net.n_features, net.n_outputs))
    for first in range(0, len(rows), _ROWS):
        block = slice(first, first + _ROWS)
        way = _embed(net, squash(rows[block], net.centre, net.scale)) - middle
        for member in range(len(net.member)):
            effects[block] += _along(net, member, middle, way, steps)
    effects *= net.stretch / len(net.member)
    remainder = margins - base - effects.sum(axis=1)
    sizes = np.abs(effects)
    total = sizes.sum(axis=1, keepdims=True)
    even = 1 / max(net.n_features, 1)
    shares = np.divide(sizes, total, out=np.full_like(sizes, even), where=total > 0)
    return NetAttributions(effects + shares * remainder[:, None, :], base)


def _embed(net: Mlp, squashed: Floats) -> Floats:
    """Vectors of values as the net reads them, float32[n, f]: float32[n, f, d]."""
    z = squashed[:, :, None]
    share = np.clip((z - net.knot) * net.inverse_width, 0, 1)
    known = z * net.slope + np.einsum("nfb,fbd->nfd", share, net.bins)
    return np.asarray(net.at_zero + np.where(np.isnan(z), net.missing, known), np.float32)


def _outputs(net: Mlp, vectors: Floats) -> NDArray[np.float64]:
    """Mean outputs of the members for one row's vectors, float32[f, d]: float64[k]."""
    outputs = np.zeros(net.n_outputs)
    for member, head, head_bias in zip(net.member, net.head, net.head_bias, strict=True):
        x = (vectors * member).ravel()
        for weight, bias in zip([_first(net), *net.hidden], net.bias, strict=True):
            x = np.maximum(x @ weight + bias, 0)
        outputs += x @ head + head_bias
    return outputs / len(net.member)


def _along(net: Mlp, member: int, middle: Floats, way: Floats, steps: int) -> NDArray[np.float64]:
    """Attributions of one member's outputs, float64[b, f, k].

    ``way`` float32[b, f, d] leads from the vectors ``middle``, float32[f, d], to each row.
    """
    scale, first = net.member[member], _first(net)
    begin = (middle * scale).ravel() @ first + net.bias[0]
    rise = (way * scale).reshape(len(way), -1) @ first
    shares = (np.arange(steps, dtype=np.float32) + np.float32(0.5)) / np.float32(steps)
    x = begin + shares[:, None, None] * rise
    passing = [x > 0]
    for weight, bias in zip(net.hidden, net.bias[1:], strict=True):
        x = np.maximum(x, 0) @ weight + bias
        passing.append(x > 0)
    effects = np.empty((*way.shape[:2], net.n_outputs))
    for output in range(net.n_outputs):
        slope = passing[-1] * net.head[member, :, output]
        for weight, passes in zip(net.hidden[::-1], passing[-2::-1], strict=True):
            slope = (slope @ weight.T) * passes
        of_inputs = (slope.mean(axis=0) @ first.T).reshape(way.shape)
        effects[:, :, output] = (of_inputs * scale * way).sum(axis=2)
    return effects


def _first(net: Mlp) -> Floats:
    return net.first.reshape(-1, net.first.shape[2])
