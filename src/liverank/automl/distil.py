"""Distillation: a slow ensemble teaches forests that are fast enough to serve.

A student is a forest a margin, trained by LightGBM on the teacher's margins: by squared error,
weighted by the curvature of log-loss, which is cross-entropy near the teacher. It learns from the
training rows and from mixtures of them that only the teacher has labels for.
Invariant: a student never sees a target, so rows that the teacher did not train on judge both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.deadline import Deadline
from liverank.automl.families import lightgbm
from liverank.automl.matrix import Fit, Matrix
from liverank.automl.objective import softmax

Floats = NDArray[np.float64]
Teacher = Callable[[NDArray[np.float32]], Floats]
"""Margins, float64[n, k], of rows."""

SHAPES = (
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
"""Trees a margin and leaves a tree, from the most able to the fastest."""

_MOST_ROWS = 60_000
_MIXED_A_ROW = 3.0
_SWAPPED = 0.3
_LEAST_CURVATURE = 0.01


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows with the teacher's margins; one Matrix a margin, which share their features."""

    matrices: tuple[Matrix, ...]


def prepare_lesson(train: Matrix, teacher: Teacher, *, seed: int) -> Lesson:
    """The training rows and mixtures of them, labelled by the teacher."""
    mixed = mixed_rows(train.features, _n_mixed(len(train)), seed=seed)
    features = np.concatenate([train.features, mixed])
    margins = teacher(features)
    weight = np.ones(len(train)) if train.weight is None else train.weight / train.weight.mean()
    even = np.concatenate([weight, np.ones(len(mixed))])
    curvature = _curvature(margins, train)
    return Lesson(
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


def teach(
    lesson: Lesson, trees: int, leaves: int, *, seed: int, n_threads: int, deadline: Deadline
) -> Fit | None:
    """A student of ``trees`` a margin with ``leaves`` each; None where time ran out."""
    params = {
        "learning_rate": float(np.clip(12 / trees, 0.02, 0.3)),
        "num_leaves": leaves,
        "min_data_in_leaf": 10,
        "lambda_l2": 0.1,
        "feature_fraction": 0.8,
    }
    fits = []
    for margin, matrix in enumerate(lesson.matrices):
        left = len(lesson.matrices) - margin
        fit = lightgbm.fit(
            matrix,
            None,
            params,
            seed=seed,
            n_threads=n_threads,
            deadline=deadline.share(1 / left) if deadline.left_s() < np.inf else deadline,
            rounds=trees,
        )
        if fit.out_of_time:
            return None
        fits.append(fit)
    return Fit(
        parts=tuple(part for fit in fits for part in fit.parts),
        rounds=trees,
        rounds_run=trees,
        out_of_time=False,
        gains=np.sum([fit.gains for fit in fits], axis=0),
    )


def worth_trying(us_per_row: float, n_margins: int, us_a_tree: float) -> Sequence[tuple[int, int]]:
    """Shapes that should be fast enough, the most able first.

    ``us_a_tree`` is of a tree of 31 leaves; the time grows with a tree's depth.

    >>> worth_trying(1.0, 1, 0.01)[0]
    (80, 15)
    """
    return [
        (trees, leaves)
        for trees, leaves in SHAPES
        if n_margins * trees * us_a_tree * np.log2(leaves) / np.log2(31) <= us_per_row
    ] or SHAPES[-1:]


def effort(shape: tuple[int, int]) -> float:
    """How long a shape takes to teach, in no unit.

    >>> effort((100, 16)) / effort((50, 16))
    2.0
    """
    trees, leaves = shape
    return float(trees * leaves**0.7)


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
    """The second derivative of the loss in each margin, at least a little."""
    if train.task == "regression":
        return np.ones_like(margins)
    shares = softmax(margins) if train.task == "multiclass" else 1 / (1 + np.exp(-margins))
    return np.maximum(shares * (1 - shares), _LEAST_CURVATURE)
