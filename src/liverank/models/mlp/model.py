"""A neural net as arrays: numerical embeddings, then a few members that share their layers.

A value is scaled by its column's interquartile range and smoothly clipped. Each feature then has a
small vector, piecewise linear in the value, with a vector of its own for an unknown value
(Gorishniy et al., 2022). Each member has its own scales of the vectors and its own head; the layers
between are shared (TabM-mini, Gorishniy et al., 2025); the net's output is the members' mean.
Invariant: a row's margins do not depend on the rows scored with it, nor on the machine.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.mlp.kernel import mlp_kernel, squash_kernel
from liverank.models.rows_check import check_rows

SHAPES = {
    "centre": "f",
    "scale": "f",
    "knot": "fb",
    "inverse_width": "fb",
    "slope": "fd",
    "bins": "fbd",
    "at_zero": "fd",
    "missing": "fd",
    "member": "mfd",
    "first": "fdh",
    "hidden": "lhh",
    "bias": "nh",
    "head": "mhk",
    "head_bias": "mk",
    "stretch": "k",
    "shift": "k",
}
"""The arrays that make a net, and their axes: f features, b bins, d numbers of an embedding, m
members, h width of the n layers, l = n - 1, k outputs."""

WIDE = ("centre", "scale", "stretch", "shift")
"""The arrays of float64; the others are float32."""

_OF_FEATURES = {name: axes.index("f") for name, axes in SHAPES.items() if "f" in axes}


@dataclass(frozen=True, eq=False)
class Mlp:
    """A net of k margins a row.

    centre, scale   a value x is read as u = (x - centre) scale, then z = u / sqrt(1 + (u / 3)^2)
    knot            where each bin of z begins; ``inverse_width`` is 1 over its width, 0 for no bin
    slope, bins     a feature's vector is at_zero + z slope + sum over bins of bins x the share of
                    the bin that lies below z, or at_zero + missing for an unknown value
    member          factors by which each member multiplies the vectors
    first, hidden   weights of the first layer and of those after it; ``bias`` of each; each ends
                    in max(., 0)
    head            weights of each member's outputs; ``head_bias``
    stretch, shift  margin = shift + stretch x mean output

    Raises BundleError when the arrays do not fit together.

    >>> net = Mlp.constant(2, np.array([0.5]))
    >>> net.margin(np.array([[1, np.nan]], np.float32)).tolist()
    [0.5]
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    knot: NDArray[np.float32]
    inverse_width: NDArray[np.float32]
    slope: NDArray[np.float32]
    bins: NDArray[np.float32]
    at_zero: NDArray[np.float32]
    missing: NDArray[np.float32]
    member: NDArray[np.float32]
    first: NDArray[np.float32]
    hidden: NDArray[np.float32]
    bias: NDArray[np.float32]
    head: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    stretch: NDArray[np.float64]
    shift: NDArray[np.float64]
    _kernel_arrays: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_mlp(self)
        embedding = (
            np.stack([self.knot, self.inverse_width]),
            np.stack([self.at_zero, self.slope, self.missing]),
            np.ascontiguousarray(self.bins),
        )
        member = np.ascontiguousarray(self.member.reshape(len(self.member), -1))
        layers = (
            np.ascontiguousarray(self.first.reshape(-1, self.first.shape[2])),
            np.ascontiguousarray(self.hidden),
            np.ascontiguousarray(self.bias),
        )
        heads = (np.ascontiguousarray(self.head), np.ascontiguousarray(self.head_bias))
        object.__setattr__(self, "_kernel_arrays", (embedding, member, layers, heads))

    @property
    def n_features(self) -> int:
        """The width of the rows it scores."""
        return len(self.centre)

    @property
    def n_outputs(self) -> int:
        """Number of margins of a row."""
        return len(self.shift)

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns that can change a margin, in rising order."""
        moves = (self.slope != 0).any(axis=1) | (self.bins != 0).any(axis=(1, 2))
        moves |= (self.missing != 0).any(axis=1)
        read = (self.first != 0).any(axis=(1, 2)) & (self.member != 0).any(axis=(0, 2))
        return np.flatnonzero(moves & read).astype(np.int64)

    def margin(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows, float32[n, f]: float64[n], or float64[n, k] for several outputs.

        Safe to call from several threads. Raises ServingError for other shapes.
        """
        check_rows(rows, self.n_features)
        squashed = squash(rows, self.centre, self.scale)
        margins: NDArray[np.float64] = mlp_kernel(squashed, *self._kernel_arrays)
        margins = margins * self.stretch + self.shift
        return margins[:, 0] if self.n_outputs == 1 else margins

    def on_columns(self, columns: NDArray[np.int64], n_features: int) -> "Mlp":
        """The same net for wider rows: old column i is new column ``columns[i]``."""
        arrays = self.to_arrays()
        for name, axis in _OF_FEATURES.items():
            narrow = np.moveaxis(arrays[name], axis, 0)
            wide = np.zeros((n_features, *narrow.shape[1:]), narrow.dtype)
            wide[columns] = narrow
            arrays[name] = np.moveaxis(wide, 0, axis)
        return Mlp.from_arrays(arrays)

    def keep_columns(self, columns: NDArray[np.int64]) -> "Mlp":
        """The same net for narrower rows: new column i is old column ``columns[i]``.

        Raises BundleError when a column that the net reads is left out.
        """
        left_out = np.setdiff1d(np.arange(self.n_features), columns)
        arrays = self.to_arrays()
        # A column that adds a constant to every row is still needed.
        if np.isin(left_out, self.used).any() or self.at_zero[left_out].any():
            raise BundleError(f"mlp: columns {left_out} cannot be left out; it reads them")
        for name, axis in _OF_FEATURES.items():
            arrays[name] = np.take(arrays[name], columns, axis)
        return Mlp.from_arrays(arrays)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in ``SHAPES``."""
        return {name: getattr(self, name) for name in SHAPES}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Mlp":
        """The opposite of ``to_arrays``. Raises BundleError."""
        return Mlp(**arrays)

    @staticmethod
    def constant(n_features: int, margins: NDArray[np.float64]) -> "Mlp":
        """A net that gives every row the same margins, float64[k]."""
        sizes = {"f": n_features, "b": 1, "d": 1, "m": 1, "h": 1, "n": 1, "l": 0, "k": len(margins)}
        arrays = {
            name: np.zeros([sizes[axis] for axis in axes], _dtype(name))
            for name, axes in SHAPES.items()
        }
        return Mlp.from_arrays({**arrays, "shift": margins})


def squash(
    rows: NDArray[np.float32], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Values as the net reads them, within -3 and 3, NaN where unknown: float32[n, f].

    >>> one = np.ones(1)
    >>> squash(np.array([[1], [5], [-1e30]], np.float32), one, one).round(1).astype(str).tolist()
    [['0.0'], ['2.4'], ['-3.0']]
    """
    squashed: NDArray[np.float32] = squash_kernel(rows, centre, scale)
    return squashed


def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(np.float64 if name in WIDE else np.float32)


def _check_mlp(mlp: Mlp) -> None:
    sizes: dict[str, int] = {}
    for name, axes in SHAPES.items():
        array = getattr(mlp, name)
        if (
            not isinstance(array, np.ndarray)
            or array.dtype != _dtype(name)
            or array.ndim != len(axes)
            or not np.isfinite(array).all()
        ):
            raise BundleError(f"mlp: `{name}` is not finite {_dtype(name)}[{', '.join(axes)}]")
        for axis, size in zip(axes, array.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise BundleError(
                    f"mlp: `{name}` is {list(array.shape)}; its axis {axis} is {sizes[axis]} in "
                    "the arrays before it"
                )
    if sizes["n"] != sizes["l"] + 1 or not sizes["m"] or not sizes["k"]:
        raise BundleError(
            f"mlp: {sizes['n']} layers with {sizes['l']} weights between them, {sizes['m']} "
            f"members, {sizes['k']} outputs; expected one weight fewer, and 1 or more of each"
        )
