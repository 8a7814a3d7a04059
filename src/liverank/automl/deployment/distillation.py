"""Distillation: a slow ensemble teaches a forest, or a small net, that is fast enough to serve.

A student has one forest for each margin, which LightGBM trains on the teacher's margins by squared
error, weighted by the curvature of log-loss, which approximates cross-entropy near the teacher's
margins. Where a row has one margin, the student may be a net of one member instead. Students learn
from the training rows and from mixtures of them; only the teacher labels the mixtures.
Invariant: a student never sees a target, so rows that the teacher did not train on can evaluate
both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import lightgbm
from liverank.automl.families.mlp import mlp

Floats = NDArray[np.float64]
Teacher = Callable[[NDArray[np.float32]], Floats]
"""Margins, float64[n, k], of rows."""


class Shape(NamedTuple):
    """The size of a student.

    A forest has ``size`` trees a margin of ``parts`` leaves; a net has ``parts`` layers of width
    ``size``.

    >>> str(Shape(300, 31)), str(Shape(64, 2, is_net=True))
    ('300 trees x 31 leaves', 'net of 2 x 64')
    """

    size: int
    parts: int
    is_net: bool = False

    def __str__(self) -> str:
        if self.is_net:
            return f"net of {self.parts} x {self.size}"
        return f"{self.size} trees x {self.parts} leaves"


FORESTS = tuple(
    Shape(trees, leaves)
    for trees, leaves in (
        (1500, 63),
        (800, 63),
        (1000, 31),
        (500, 31),
        (300, 31),
        (300, 15),
        (150, 15),
        (80, 15),
        (80, 8),
        (40, 8),
        (20, 8),
        (10, 6),
    )
)
"""Shapes of forests, from the most accurate to the fastest."""
NET_FAMILY = "mlp"
"""The family that trains nets; a net is tried as a student only if the search could use it."""
NETS = (Shape(128, 2, is_net=True), Shape(64, 2, is_net=True))
"""Shapes of nets, from the most accurate to the fastest."""

_MOST_ROWS = 60_000
_MIXED_A_ROW = 3.0
_SWAPPED = 0.3
"""Share of a mixture's values that come from the other row."""
_LEAST_CURVATURE = 0.01
_VALIDATION_STEP = 10
"""One row in this many is held out to choose a net's best round."""
_NET = {"members": 1, "batch": 256, "dropout": 0.0, "weight_decay": 0.0}
"""Parameters of a net, without regularisation: a teacher's margins are free of noise."""


@dataclass(frozen=True, eq=False)
class DistillationData:
    """Rows labelled with the teacher's margins: a Matrix for each margin, with shared features."""

    matrices: tuple[Matrix, ...]


def distillation_data(train: Matrix, teacher: Teacher, *, seed: int) -> DistillationData:
    """The training rows and mixtures of them, labelled by the teacher."""
    mixed = mixed_rows(train.features, _n_mixed(len(train)), seed=seed)
    features = np.concatenate([train.features, mixed])
    margins = teacher(features)
    weight = np.ones(len(train)) if train.weight is None else train.weight / train.weight.mean()
    even = np.concatenate([weight, np.ones(len(mixed))])
    curvature = _curvature(margins, train)
    return DistillationData(
        tuple(
            Matrix(
                features=features,
                target=np.ascontiguousarray(margins[:, k]),
                weight=even * curvature[:, k],
                names=train.names,
                directions=train.directions,
                task="regression",
            )
            for k in range(margins.shape[1])
        )
    )


def distil_student(
    data: DistillationData,
    shape: Shape,
    *,
    seed: int,
    n_threads: int,
    deadline: Deadline,
    rounds: int | None = None,
    is_last: bool = False,
) -> Fit | None:
    """Train a student; None where time ran out.

    A net keeps the round with the least loss on a tenth of the rows, which is held out. ``rounds``
    is the number that an earlier net of this shape ran; in the last training the net learns from
    all rows for that many rounds.
    """
    if shape.is_net:
        (matrix,) = data.matrices
        return _distil_net(matrix, shape, seed, n_threads, deadline, rounds, is_last)
    fits = []
    for margin, matrix in enumerate(data.matrices):
        left = len(data.matrices) - margin
        fit = lightgbm.fit(
            matrix,
            None,
            {
                "learning_rate": float(np.clip(12 / shape.size, 0.02, 0.3)),
                "num_leaves": shape.parts,
                "min_data_in_leaf": 10,
                "lambda_l2": 0.1,
                "feature_fraction": 0.8,
            },
            seed=seed,
            n_threads=n_threads,
            deadline=deadline.share(1 / left) if deadline.left_s() < np.inf else deadline,
            rounds=shape.size,
        )
        if fit.out_of_time:
            return None
        fits.append(fit)
    return Fit(
        parts=tuple(part for fit in fits for part in fit.parts),
        rounds=shape.size,
        rounds_run=shape.size,
        out_of_time=False,
        gains=np.sum([fit.gains for fit in fits], axis=0),
    )


def _distil_net(
    matrix: Matrix,
    shape: Shape,
    seed: int,
    n_threads: int,
    deadline: Deadline,
    rounds: int | None,
    is_last: bool,
) -> Fit | None:
    params = mlp.DEFAULTS[0][1]
    validation = None
    if not is_last:
        is_validation = np.arange(len(matrix)) % _VALIDATION_STEP == 0
        matrix, validation = matrix.take(~is_validation), matrix.take(is_validation)
    fit = mlp.fit(
        matrix,
        validation,
        {**params, "width": shape.size, "layers": shape.parts, **_NET},
        seed=seed,
        n_threads=n_threads,
        deadline=deadline,
        rounds=rounds,
    )
    return None if fit.rounds == 0 or (fit.out_of_time and is_last) else fit


def worth_trying(us_per_row: float, n_margins: int, us_a_tree: float) -> Sequence[Shape]:
    """Shapes of forests expected to be fast enough, the most accurate first; at least one.

    ``us_a_tree`` is the time of a tree of 31 leaves, in microseconds a row; it grows with the
    depth.

    >>> worth_trying(1.0, 1, 0.01)[0]
    Shape(size=80, parts=15, is_net=False)
    """
    return [
        shape
        for shape in FORESTS
        if n_margins * shape.size * us_a_tree * np.log2(shape.parts) / np.log2(31) <= us_per_row
    ] or FORESTS[-1:]


def effort(shape: Shape) -> float:
    """Relative time that distilling a forest takes, without a unit.

    >>> effort(Shape(100, 16)) / effort(Shape(50, 16))
    2.0
    """
    return float(shape.size * shape.parts**0.7)


def mixed_rows(features: NDArray[np.float32], n: int, *, seed: int) -> NDArray[np.float32]:
    """Rows in which some values come from another row, float32[n, f] (Bucila et al., 2006).

    >>> mixed_rows(np.array([[1, 2], [3, 4]], np.float32), 5, seed=0).shape
    (5, 2)
    """
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, max(len(features), 1), (2, n))
    swapped = generator.random((n, features.shape[1])) < _SWAPPED
    mixed: NDArray[np.float32] = np.where(swapped, features[second], features[first])
    return mixed


def _n_mixed(n_rows: int) -> int:
    return int(np.clip(_MIXED_A_ROW * n_rows, 0, max(_MOST_ROWS - n_rows, 0)))


def _curvature(margins: Floats, train: Matrix) -> Floats:
    """The second derivative of the loss by each margin, at least ``_LEAST_CURVATURE``."""
    if train.task == "regression":
        return np.ones_like(margins)
    shares = softmax(margins, axis=1) if train.task == "multiclass" else expit(margins)
    return np.asarray(np.maximum(shares * (1 - shares), _LEAST_CURVATURE))
