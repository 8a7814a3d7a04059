"""Linear models: quick, always available, and hard to beat on few rows.

Logistic, multinomial and ridge regression on bounded, rescaled values. Each round fits one L2
penalty of a decreasing path, so the best round is the penalty with the least validation loss.
Invariant: with the same seed and rounds the coefficients are the same, on any number of threads.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.contract import Traits
from liverank.automl.families.draws import log_uniform
from liverank.automl.families.linear.kernel import (
    BINARY,
    MULTICLASS,
    REGRESSION,
    linear_loss_kernel,
)
from liverank.automl.families.linear.prepare import MOST_ROWS, Prepared, linear_gains, prepare_rows
from liverank.automl.families.preparation import (
    constant_fit,
    even_weight,
    is_constant,
    scaled_target,
)
from liverank.automl.metrics.figures import mean_loss
from liverank.models.linear.model import Linear

TRAITS = Traits(package="scipy", rounds_grow=False, first=True)

DEFAULTS: tuple[tuple[str, dict[str, Any]], ...] = (("ridge", {"heaviest": 1000.0}),)

ROUNDS = 8
_FALL = 10**0.5
"""Factor by which the penalty falls from one round to the next."""
_KINDS = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}
_MOST_STEPS = 150
_GAIN_ROWS = 2000


def fit(
    train: Matrix,
    validation: Matrix | None,
    params: dict[str, Any],
    *,
    seed: int,  # nothing is drawn
    n_threads: int,  # one is enough
    deadline: Deadline,
    rounds: int | None,
) -> Fit:
    """Train as ``contract.Family`` describes.

    The parameter ``heaviest`` is the first L2 penalty on standardised coefficients, in rows.
    """
    if is_constant(train):
        return constant_fit(train)
    target, scale, shift = scaled_target(train)
    rows = prepare_rows(train.features, np.arange(len(train)), train.directions)
    weight = even_weight(train)
    weight = np.ones(len(train)) if weight is None else weight
    base = np.zeros(0) if train.base is None else train.base[rows.labels]
    solve = _solver(rows, target[rows.labels], weight[rows.labels], base, train, deadline.expired)
    n_columns = rows.design.shape[1]
    point = np.zeros((train.classes, n_columns + 1))
    best: tuple[float, int, NDArray[np.float64]] = (np.inf, 0, point)
    run, out_of_time = 0, False
    for penalty in range(min(rounds or ROUNDS, ROUNDS)):
        point = solve(point, params["heaviest"] / _FALL**penalty)
        out_of_time = deadline.expired()
        if out_of_time and run:  # an interrupted round could not be repeated
            break
        run += 1
        loss = 0.0 if validation is None else _loss(_parts(rows, point, scale, shift), validation)
        if validation is None or loss < best[0]:
            best = loss, run, point
        if out_of_time:
            break
    parts = _parts(rows, best[2], scale, shift)
    some = train.features[:: max(len(train) // _GAIN_ROWS, 1)]
    gains = np.mean([linear_gains(part, np.ascontiguousarray(some)) for part in parts], axis=0)
    return Fit(parts, best[1], run, out_of_time, gains)


def sample(generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
    """Draw the first penalty of a path."""
    return {"heaviest": log_uniform(generator, 10.0, 10_000.0)}


def expected_rounds(params: dict[str, Any], n_rows: int) -> float:
    """The number of penalties of the path: all are fitted."""
    return float(ROUNDS)


def work(params: dict[str, Any], n_columns: int) -> float:
    """The same for all paths."""
    return 1.0


def needs_bytes(n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
    """Memory for rows in float64, masks of unknown values, and copies during preparation."""
    return 60_000_000 + min(n_rows, MOST_ROWS) * n_columns * 8 * 5


def _solver(
    rows: Prepared,
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    base: NDArray[np.float64],
    train: Matrix,
    expired: Callable[[], bool],
) -> Callable[[NDArray[np.float64], float], NDArray[np.float64]]:
    """A function from a point, float64[k, f + 1], and a penalty to the optimum."""
    n, k = len(target), train.classes
    kind = _KINDS[train.task]
    bounds = rows.bounds and Bounds(np.tile(rows.bounds.lb, k), np.tile(rows.bounds.ub, k))

    def stop_when_expired(_: NDArray[np.float64]) -> None:
        if expired():
            raise StopIteration

    def solve(start: NDArray[np.float64], l2: float) -> NDArray[np.float64]:
        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            point = flat.reshape(k, -1)
            total, gradient = linear_loss_kernel(rows.design, target, weight, point, kind, base)
            gradient[:, :-1] += l2 * point[:, :-1]
            return (total + 0.5 * l2 * (point[:, :-1] ** 2).sum()) / n, gradient.ravel() / n

        solution = minimize(
            loss,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            callback=stop_when_expired,
            options={"maxiter": _MOST_STEPS, "ftol": 1e-7},
        )
        return np.asarray(solution.x.reshape(k, -1))

    return solve


def _parts(
    rows: Prepared, point: NDArray[np.float64], scale: float, shift: float
) -> tuple[Linear, ...]:
    parts = (rows.linear(each) for each in point)
    if (scale, shift) == (1.0, 0.0):
        return tuple(parts)
    return tuple(_shifted(part.times(scale), shift) for part in parts)


def _shifted(part: Linear, shift: float) -> Linear:
    arrays = part.to_arrays()
    return Linear.from_arrays({**arrays, "intercept": arrays["intercept"] + shift})


def _loss(parts: tuple[Linear, ...], validation: Matrix) -> float:
    margins = np.column_stack([part.margin(validation.features) for part in parts])
    if validation.base is not None:
        margins += validation.base[:, None]
    return mean_loss(margins, validation.target, validation.weight, validation.task)
