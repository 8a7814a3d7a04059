"""Preparation for the neural net: scales, bins, first weights; and its conversion to an Mlp.

Values are scaled by the interquartile range of the training rows, and bins have equal shares of the
rows.
Invariant: the net that is trained and the Mlp that scores read a row through the same kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.mlp.model import Mlp, squash

Params = dict[str, Any]
Arrays = dict[str, NDArray[np.float32]]

MOST_ROWS = 20_000
"""Number of rows used to measure scales and bins; more change them little."""


@dataclass(frozen=True)
class Scales:
    """Scales of features, targets and outputs; see ``liverank.models.mlp.model.Mlp``."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    knot: NDArray[np.float32]
    inverse_width: NDArray[np.float32]
    stretch: NDArray[np.float64]
    shift: NDArray[np.float64]

    def rows(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features as the net reads them: float32[n, f]."""
        return squash(features, self.centre, self.scale)

    def target(self, matrix: Matrix) -> NDArray[Any]:
        """Targets in the form that the net is trained on: int32[n] for classes, else float32[n]."""
        if matrix.task == "multiclass":
            return matrix.target.astype(np.int32)
        scaled: NDArray[np.float64] = (matrix.target - self.shift[0]) / self.stretch[0]
        return scaled.astype(np.float32)


class NetStart(NamedTuple):
    """Scales of the rows, and the weights before the first step."""

    scales: Scales
    weights: Arrays


@dataclass(frozen=True)
class Trained:
    """Weights, the rounds they were trained for, all rounds that ran, and whether time ran out."""

    weights: Arrays
    rounds: int
    rounds_run: int
    out_of_time: bool


def find_scales(train: Matrix, n_bins: int) -> Scales:
    """Measure scales and bins on the training rows."""
    sample = evenly_spread_rows(len(train), MOST_ROWS, floor=True)
    features = train.features[sample]
    centre, scale = _middles(features)
    knot, inverse_width = _bins(squash(features, centre, scale), n_bins)
    shift, stretch = np.zeros(train.classes), np.ones(train.classes)
    if train.task == "regression":
        shift[0] = np.average(train.target, weights=train.weight)
        spread = np.sqrt(np.average((train.target - shift[0]) ** 2, weights=train.weight))
        stretch[0] = spread if spread > 0 else 1.0
    return Scales(centre, scale, knot, inverse_width, stretch, shift)


def first_weights(train: Matrix, params: Params, generator: np.random.Generator) -> Arrays:
    """Random weights, except that outputs start at the mean of the target and bins at zero."""
    f, d, h = train.n_features, params["embedding"], params["width"]
    m, k, n_layers = params["members"], train.classes, params["layers"]
    signs = generator.choice([-1.0, 1.0], (m, f, 1))
    arrays = {
        "slope": generator.uniform(-1, 1, (f, d)),
        "bins": np.zeros((f, params["bins"], d)),
        "at_zero": generator.uniform(-1, 1, (f, d)),
        "missing": np.zeros((f, d)),
        "member": np.broadcast_to(signs, (m, f, d)),
        "first": generator.standard_normal((f, d, h)),
        "hidden": generator.standard_normal((n_layers - 1, h, h)),
        "bias": generator.uniform(-0.5, 0.5, (n_layers, h)),
        "head": generator.standard_normal((m, h, k)),
        "head_bias": np.broadcast_to(_prior(train), (m, k)),
    }
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def batches(n_rows: int, size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """An endless sequence of batches of row numbers; a row is repeated once all others were drawn.

    >>> some = batches(5, 2, np.random.default_rng(0))
    >>> sorted(np.concatenate([next(some) for _ in range(5)]).tolist())
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    """
    left = np.zeros(0, np.int64)
    while True:
        while len(left) < size:
            left = np.concatenate([left, generator.permutation(n_rows)])
        yield left[:size]
        left = left[size:]


def layer_factors(n_inputs: int, width: int) -> dict[str, float]:
    """Factor of each layer's weights: the square root of 2 / inputs or 1 / inputs.

    >>> layer_factors(8, 2)
    {'first': 0.5, 'hidden': 1.0, 'head': 0.7071067811865476}
    """
    return {
        "first": (2 / n_inputs) ** 0.5,
        "hidden": (2 / width) ** 0.5,
        "head": (1 / width) ** 0.5,
    }


def to_mlp(scales: Scales, weights: Arrays) -> Mlp:
    """The Mlp of trained weights; columns that never varied are not read."""
    n_features, d, width = weights["first"].shape
    factors = layer_factors(max(n_features * d, 1), width)
    arrays: dict[str, NDArray[Any]] = {
        name: (array * np.float32(factors.get(name, 1.0))).astype(np.float32)
        for name, array in weights.items()
    }
    still = scales.scale == 0
    for name in ("slope", "bins", "missing"):
        arrays[name][still] = 0
    read = {name: getattr(scales, name) for name in Scales.__dataclass_fields__}
    return Mlp.from_arrays({**arrays, **read})


def net_gains(net: Mlp, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each column moves the first layer: the root mean square over rows, float64[f]."""
    z = squash(features, net.centre, net.scale)[:, :, None]
    unknown = np.isnan(z)
    z = np.where(unknown, 0, z)
    shares = np.clip((z - net.knot) * net.inverse_width, 0, 1)
    known = z * net.slope + np.einsum("nfb,fbd->nfd", shares, net.bins)
    moved = np.where(unknown, net.missing, known)
    moved -= moved.mean(axis=0)
    reach = (net.member**2).mean(axis=0)[:, :, None] ** 0.5 * net.first
    terms = np.einsum("nfd,fdh->nfh", moved, reach)
    gains: NDArray[np.float64] = np.sqrt((terms.astype(np.float64) ** 2).mean(axis=(0, 2)))
    return gains


def _middles(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and scale of each column, float64[f].

    The scale is 1 over the interquartile range, or over half the range where that is zero; 0 where
    all values are equal.
    """
    centre, scale = np.zeros(features.shape[1]), np.zeros(features.shape[1])
    for column in range(features.shape[1]):
        known = features[~np.isnan(features[:, column]), column].astype(np.float64)
        if len(known) == 0:
            continue
        low, first, centre[column], third, high = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
        width = third - first if third > first else (high - low) / 2
        scale[column] = 1 / width if width > 0 and np.isfinite(1 / width) else 0.0
    return centre, scale


def _bins(
    squashed: NDArray[np.float32], n_bins: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower edges of bins with equal shares of values, and 1 over their widths: float32[f, b]."""
    knot = np.zeros((squashed.shape[1], n_bins), np.float32)
    inverse_width = np.zeros_like(knot)
    for column, values in enumerate(squashed.T):
        known = values[~np.isnan(values)]
        if len(known) == 0:
            continue
        quantiles = np.quantile(_capped(known, n_bins), np.linspace(0, 1, n_bins + 1))
        edges = np.unique(quantiles.astype(np.float32))
        widths = np.diff(edges)
        knot[column, : len(widths)] = edges[:-1]
        inverse_width[column, : len(widths)] = 1 / widths
    return knot, inverse_width


def _capped(values: NDArray[Any], n_bins: int) -> NDArray[Any]:
    """The values in order, each repeated at most as often as one of ``n_bins`` equal shares.

    A column that is mostly zero thus still has bins among its other values.
    """
    distinct, counts = np.unique(values, return_counts=True)
    return np.repeat(distinct, np.minimum(counts, -(-len(values) // n_bins)))


def _prior(train: Matrix) -> NDArray[np.float64]:
    """Outputs that predict the mean of the target or the shares of its classes: float64[k]."""
    if train.task == "regression":
        return np.zeros(1)
    if train.base is not None:
        return np.array([mean_log_odds(train.target, train.base, train.weight)])
    weight = np.ones(len(train)) if train.weight is None else train.weight
    counts = np.bincount(train.target.astype(np.int64), weight, max(train.classes, 2)) + 0.5
    logs: NDArray[np.float64] = np.log(counts / counts.sum())
    return logs if train.task == "multiclass" else logs[1:] - logs[:1]
