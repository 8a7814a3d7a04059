"""Rows made ready for the neural net: scales, bins and first weights, and the way back to an Mlp.

Values are scaled by the middle half of the training rows and bins hold equal shares of them.
Invariant: the net that is trained and the Mlp that scores read a row through the same kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.mlp.model import Mlp, squash

Params = dict[str, Any]
Arrays = dict[str, NDArray[np.float32]]

MOST_ROWS = 20_000
"""Rows that tell scales and bins; more change them little."""


@dataclass(frozen=True)
class Scales:
    """How rows and targets are read, and how outputs are written; see ``models.mlp.Mlp``."""

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
        """Targets as the net learns them: int32[n] for classes, else float32[n]."""
        if matrix.task == "multiclass":
            return matrix.target.astype(np.int32)
        scaled: NDArray[np.float64] = (matrix.target - self.shift[0]) / self.stretch[0]
        return scaled.astype(np.float32)


@dataclass(frozen=True)
class Trained:
    """Weights, the rounds that made them, how many it took to know, and whether time ran out."""

    weights: Arrays
    rounds: int
    rounds_run: int
    out_of_time: bool


def find_scales(train: Matrix, n_bins: int) -> Scales:
    """Read scales and bins off the rows to train on."""
    places = evenly_spread_rows(len(train), MOST_ROWS, floor=True)
    features = train.features[places]
    centre, scale = _middles(features)
    knot, inverse_width = _bins(squash(features, centre, scale), n_bins)
    shift, stretch = np.zeros(train.classes), np.ones(train.classes)
    if train.task == "regression":
        shift[0] = np.average(train.target, weights=train.weight)
        spread = np.sqrt(np.average((train.target - shift[0]) ** 2, weights=train.weight))
        stretch[0] = spread if spread > 0 else 1.0
    return Scales(centre, scale, knot, inverse_width, stretch, shift)


def first_weights(train: Matrix, params: Params, generator: np.random.Generator) -> Arrays:
    """Random weights, but for heads that give the targets' mean and bins that are still flat."""
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
    """RowNumbers of the rows of each batch, without end; a row comes again once all have come.

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
    """What each layer multiplies its weights by: the root of 2 or 1 over its inputs.

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
    """Median, and 1 over the width of the middle half, of half the range, or 0 where all agree."""
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
    """Where bins of equal shares of the values begin, and 1 over their widths: float32[f, b]."""
    knot = np.zeros((squashed.shape[1], n_bins), np.float32)
    inverse_width = np.zeros_like(knot)
    for column, values in enumerate(squashed.T):
        known = values[~np.isnan(values)]
        if len(known) == 0:
            continue
        quantiles = np.quantile(_tamed(known, n_bins), np.linspace(0, 1, n_bins + 1))
        edges = np.unique(quantiles.astype(np.float32))
        widths = np.diff(edges)
        knot[column, : len(widths)] = edges[:-1]
        inverse_width[column, : len(widths)] = 1 / widths
    return knot, inverse_width


def _tamed(values: NDArray[Any], n_bins: int) -> NDArray[Any]:
    """The values, rising, none of them more often than one of ``n_bins`` equal shares.

    A column that is mostly zero still has its bins where the other values are.
    """
    distinct, counts = np.unique(values, return_counts=True)
    return np.repeat(distinct, np.minimum(counts, -(-len(values) // n_bins)))


def _prior(train: Matrix) -> NDArray[np.float64]:
    """Outputs of a net that knows only the targets' shares: float64[k]."""
    if train.task == "regression":
        return np.zeros(1)
    if train.base is not None:
        return np.array([mean_log_odds(train.target, train.base, train.weight)])
    weight = np.ones(len(train)) if train.weight is None else train.weight
    counts = np.bincount(train.target.astype(np.int64), weight, max(train.classes, 2)) + 0.5
    logs: NDArray[np.float64] = np.log(counts / counts.sum())
    return logs if train.task == "multiclass" else logs[1:] - logs[:1]
