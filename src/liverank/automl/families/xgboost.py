"""XGBoost, by histograms.

Invariant: with the same seed and rounds the forests are the same, on any number of threads.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.boosting import BoostingRun, start_boosting
from liverank.automl.families.contract import Traits
from liverank.automl.families.draws import log_integer, log_uniform
from liverank.automl.families.early_stopping import boosting_rounds
from liverank.automl.families.preparation import constant_fit, is_constant, library
from liverank.models.importers.xgboost import forests_from_xgboost

TRAITS = Traits(
    package="xgboost", distribution="xgboost-cpu", is_boosting=True, needs_long_search=True
)

DEFAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    # Tuned on many tables: RealMLP's XGB-TD for classes (arXiv 2407.04491).
    (
        "steady",
        {
            "learning_rate": 0.08,
            "max_depth": 6,
            "subsample": 0.65,
            "colsample_bylevel": 0.9,
            "min_child_weight": 5e-6,
            "reg_lambda": 0.0,
        },
    ),
    # The same for regression.
    (
        "deep",
        {
            "learning_rate": 0.05,
            "max_depth": 9,
            "subsample": 0.7,
            "colsample_bylevel": 0.6,
            "min_child_weight": 2.0,
            "reg_lambda": 1.0,
        },
    ),
    # Rounded from the zero-shot portfolio of AutoGluon (arXiv 2311.02971).
    (
        "slow",
        {
            "learning_rate": 0.018,
            "max_depth": 10,
            "colsample_bytree": 0.69,
            "min_child_weight": 0.6,
        },
    ),
    (
        "shallow",
        {
            "learning_rate": 0.088,
            "max_depth": 5,
            "colsample_bytree": 0.66,
            "min_child_weight": 0.63,
        },
    ),
)

_LOSSES = {
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
    "squared": ("reg:squarederror", "rmse"),
    "absolute": ("reg:absoluteerror", "mae"),
}
_BINS = 256


def fit(
    train: Matrix,
    validation: Matrix | None,
    params: dict[str, Any],
    *,
    seed: int,
    n_threads: int,
    deadline: Deadline,
    rounds: int | None,
) -> Fit:
    """Train as ``contract.Family`` describes.

    ``params`` are XGBoost's own, and ``loss``: ``squared`` (where none is given) or ``absolute``
    for a regression.
    """
    if is_constant(train):
        return constant_fit(train)
    xgboost = library(TRAITS.package)
    run = start_boosting(
        train, validation, learning_rate=params["learning_rate"], deadline=deadline, rounds=rounds
    )

    class AfterRound(xgboost.callback.TrainingCallback):  # type: ignore[misc, name-defined]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            losses = next(iter(evals_log["validation"].values())) if evals else [None]
            return run.stopping.is_over(losses[-1])

    evals = []
    if validation is not None:
        evals = [(_to_library(run, validation, n_threads, xgboost.DMatrix), "validation")]
    booster = xgboost.train(
        {**_own_params(train, params), "seed": seed, "nthread": n_threads},
        _to_library(run, train, n_threads, partial(xgboost.QuantileDMatrix, max_bin=_BINS)),
        num_boost_round=run.most_rounds,
        evals=evals,
        verbose_eval=False,
        callbacks=[AfterRound()],
    )
    rounds_run = booster.num_boosted_rounds()
    kept = run.kept(rounds_run)
    best = booster[:kept]
    forests = forests_from_xgboost(bytes(best.save_raw("json")))
    return run.fit(forests, _gains(best, train.n_features), kept=kept, rounds_run=rounds_run)


def sample(generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
    """Draw from the space of TabArena (arXiv 2506.16791)."""
    return {
        "learning_rate": log_uniform(generator, 5e-3, 0.1),
        "max_depth": log_integer(generator, 4, 10),
        "min_child_weight": log_uniform(generator, 1e-3, 5.0),
        "subsample": float(generator.uniform(0.6, 1.0)),
        "colsample_bylevel": float(generator.uniform(0.6, 1.0)),
        "colsample_bynode": float(generator.uniform(0.6, 1.0)),
        "reg_alpha": log_uniform(generator, 1e-4, 5.0),
        "reg_lambda": log_uniform(generator, 1e-4, 5.0),
        "grow_policy": ("depthwise", "lossguide")[generator.integers(2)],
        "max_leaves": log_integer(generator, 8, 1024),
    }


def expected_rounds(params: dict[str, Any], n_rows: int) -> float:
    """About ten over the learning rate, and patience on top."""
    return boosting_rounds(params["learning_rate"])


def work(params: dict[str, Any], n_columns: int) -> float:
    """Each level takes longer than the one above."""
    return float(1.5 ** (params["max_depth"] - 6))


def needs_bytes(n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
    """Bins with their row numbers and by column, gradients and scores, and a histogram a node."""
    leaves: int = min(params.get("max_leaves") or 1024, 1 << params.get("max_depth", 6))
    return 40_000_000 + n_rows * (4 * n_columns + 64) + 2 * leaves * n_columns * _BINS * 16


def _own_params(train: Matrix, params: dict[str, Any]) -> dict[str, Any]:
    loss = params.get("loss", "squared") if train.task == "regression" else train.task
    objective, metric = _LOSSES[loss]
    own = {
        "verbosity": 0,
        "tree_method": "hist",
        "max_bin": _BINS,
        "objective": objective,
        "eval_metric": metric,
        **params,
    }
    own.pop("loss", None)
    if train.base is not None:
        own["base_score"] = 0.5  # log-odds of 0: the base margins hold the average
    if train.classes > 1:
        own["num_class"] = train.classes
    if any(train.directions):
        own["monotone_constraints"] = train.directions
        own["min_child_weight"] = max(own.get("min_child_weight", 1.0), 1.0)
    return own


def _to_library(run: BoostingRun, matrix: Matrix, n_threads: int, make: Callable[..., Any]) -> Any:
    target, weight, start = run.data(matrix)
    return make(matrix.features, target, weight=weight, base_margin=start, nthread=n_threads)


def _gains(booster: Any, n_features: int) -> NDArray[np.float64]:
    gains = np.zeros(n_features)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        gains[int(name.removeprefix("f"))] = np.sum(gain)
    return gains
