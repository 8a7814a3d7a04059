"""XGBoost, by histograms.

Invariant: with the same seed and rounds the forests are the same, on any number of threads.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.draws import log_integer, log_uniform
from liverank.automl.families.early_stopping import Stopping, boosting_rounds, most_rounds
from liverank.automl.families.preparation import (
    constant_fit,
    even_weight,
    is_dull,
    level_of,
    library,
    scaled_target,
    start_scores,
)
from liverank.models.importers.xgboost import forests_from_xgboost

PACKAGE = "xgboost"
PILOT, GROWS = (2, 8), True

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
    """Train as ``liverank.automl.families.Family`` says.

    ``params`` are XGBoost's own, and ``loss``: ``squared`` (where none is given) or ``absolute``
    for a regression.
    """
    if is_dull(train):
        return constant_fit(train)
    xgboost = library(PACKAGE)
    rate = params["learning_rate"]
    stopping = Stopping(deadline, rate)

    class AfterRound(xgboost.callback.TrainingCallback):  # type: ignore[misc, name-defined]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            losses = next(iter(evals_log["choose"].values())) if validation is not None else [None]
            return stopping.is_over(losses[-1])

    target, scale, shift = scaled_target(train)
    level = level_of(train)
    data = xgboost.QuantileDMatrix(
        train.features,
        target,
        weight=even_weight(train),
        base_margin=start_scores(train, level),
        nthread=n_threads,
        max_bin=_BINS,
    )
    held_out = []
    if validation is not None:
        chosen = scaled_target(validation, like=train).target
        held_out = [
            xgboost.DMatrix(
                validation.features,
                chosen,
                weight=even_weight(validation),
                base_margin=start_scores(validation, level),
                nthread=n_threads,
            )
        ]
    booster = xgboost.train(
        {**_own_params(train, params), "seed": seed, "nthread": n_threads},
        data,
        num_boost_round=most_rounds(rounds, rate, may_stop=validation is not None),
        evals=[(each, "choose") for each in held_out],
        verbose_eval=False,
        callbacks=[AfterRound()],
    )
    run = booster.num_boosted_rounds()
    kept = stopping.best_rounds or run
    best = booster[:kept]
    forests = forests_from_xgboost(bytes(best.save_raw("json")))
    return Fit(
        parts=tuple(forest.rescaled(scale, shift + level) for forest in forests),
        rounds=kept,
        rounds_run=run,
        out_of_time=stopping.out_of_time,
        gains=_gains(best, train.n_features),
    )


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
    """Bins with their places and by column, gradients and scores, and a histogram a node."""
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


def _gains(booster: Any, n_features: int) -> NDArray[np.float64]:
    gains = np.zeros(n_features)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        gains[int(name.removeprefix("f"))] = np.sum(gain)
    return gains
