"""LightGBM, with published settings and a list loss for rankings.

Invariant: with the same seed and rounds the forests are the same, on any number of threads.
"""

from typing import Any
from weakref import WeakKeyDictionary

import lightgbm
import numpy as np
from lightgbm.callback import CallbackEnv, EarlyStopException

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import list_loss
from liverank.automl.families.boosting import BoostingRun, start_boosting
from liverank.automl.families.contract import Traits
from liverank.automl.families.draws import log_integer, log_uniform
from liverank.automl.families.early_stopping import boosting_rounds
from liverank.automl.families.list_loss import ListLoss
from liverank.automl.families.preparation import (
    constant_fit,
    even_weight,
    is_constant,
    level_of,
    scaled_target,
    start_scores,
)
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.models.importers.lightgbm import forests_from_lightgbm

TRAITS = Traits(package="lightgbm", is_boosting=True, times_threads=True)

DEFAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    # Tuned on many tables: RealMLP's LGBM-TD for classes (arXiv 2407.04491).
    (
        "steady",
        {
            "learning_rate": 0.04,
            "num_leaves": 50,
            "bagging_fraction": 0.75,
            "min_data_in_leaf": 40,
            "min_sum_hessian_in_leaf": 1e-7,
        },
    ),
    (
        "random",
        {
            "learning_rate": 0.0179,
            "num_leaves": 39,
            "feature_fraction": 0.46,
            "bagging_fraction": 0.88,
            "min_data_in_leaf": 3,
            "extra_trees": True,
            "lambda_l1": 0.24,
            "lambda_l2": 0.36,
        },
    ),
    # The same for regression.
    (
        "large",
        {
            "learning_rate": 0.05,
            "num_leaves": 100,
            "bagging_fraction": 0.7,
            "min_data_in_leaf": 3,
            "min_sum_hessian_in_leaf": 1e-7,
        },
    ),
    # Our own, for few rows and weak signals.
    (
        "few",
        {
            "learning_rate": 0.03,
            "num_leaves": 8,
            "min_data_in_leaf": 200,
            "lambda_l2": 10.0,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
        },
    ),
    # Rounded from the zero-shot portfolio of AutoGluon (arXiv 2311.02971).
    (
        "slow",
        {
            "learning_rate": 0.012,
            "num_leaves": 53,
            "feature_fraction": 0.7,
            "min_data_in_leaf": 14,
        },
    ),
    (
        "random_large",
        {
            "learning_rate": 0.034,
            "num_leaves": 127,
            "feature_fraction": 0.83,
            "min_data_in_leaf": 6,
            "extra_trees": True,
        },
    ),
    ("plain", {"learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20}),
    (
        "pairs",
        {
            "learning_rate": 0.06,
            "num_leaves": 4,
            "min_data_in_leaf": 20,
            "feature_fraction": 0.5,
            "lambda_l2": 1.0,
        },
    ),
    (
        "wide",
        {
            "learning_rate": 0.03,
            "num_leaves": 127,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "min_data_in_leaf": 60,
            "lambda_l2": 5.0,
        },
    ),
)

_LOSSES = {
    "binary": ("binary", "binary_logloss"),
    "multiclass": ("multiclass", "multi_logloss"),
    "squared": ("regression", "rmse"),
    "absolute": ("regression_l1", "l1"),
}
_BINS = 255
_LEAST_DIRECTED_HESSIAN = 1.0
_DATA: dict[str, Any] = {
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "feature_pre_filter": False,
    "max_bin": _BINS,
}

_DATASETS: "WeakKeyDictionary[Matrix, lightgbm.Dataset]" = WeakKeyDictionary()
"""Binned rows by Matrix, freed with it.

Binning takes as long as many rounds, and a search trains many trials on the same Matrix, by which
``fit`` identifies the rows. A Matrix never changes, so its bins stay valid.
"""


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

    ``params`` are LightGBM's own, and ``loss``: ``squared`` (where none is given) or ``absolute``
    for a regression, ``lists`` for a binary target whose lists are known.
    """
    if is_constant(train):
        return constant_fit(train)
    level, own_loss, evaluate = None, {}, None
    if params.get("loss") == list_loss.NAME:
        if train.base is None:  # LightGBM computes no average for a custom objective
            level = mean_log_odds(train.target, None)
        offset = 0.0 if level is None else level
        own_loss = {"objective": ListLoss(train, offset).gradients, "metric": "None"}
        evaluate = None if validation is None else ListLoss(validation, offset).evaluate
    run = start_boosting(
        train,
        validation,
        learning_rate=params["learning_rate"],
        deadline=deadline,
        rounds=rounds,
        level=level,
    )

    def after_round(env: CallbackEnv) -> None:
        results = env.evaluation_result_list or []
        if run.stopping.is_over(results[0][2] if results else None):
            raise EarlyStopException(env.iteration, results)

    data = _binned(train)
    booster = lightgbm.train(
        {**_own_params(train, params), **own_loss, "seed": seed, "num_threads": n_threads},
        data,
        num_boost_round=run.most_rounds,
        valid_sets=[] if validation is None else [_binned_like(data, validation, run)],
        feval=evaluate,
        callbacks=[after_round],
        keep_training_booster=True,
    )
    kept = run.kept(booster.current_iteration())
    return run.fit(
        forests_from_lightgbm(booster.model_to_string(num_iteration=kept)),
        booster.feature_importance("gain", iteration=kept).astype(np.float64),
        kept=kept,
        # Rounds without a split count as well, so that a run can be repeated exactly.
        rounds_run=len(run.stopping.losses) or booster.current_iteration(),
    )


def sample(generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
    """Draw from the space of TabArena (arXiv 2506.16791)."""
    return {
        "learning_rate": log_uniform(generator, 5e-3, 0.1),
        "num_leaves": log_integer(generator, 2, min(200, max(n_rows // 4, 3))),
        "feature_fraction": float(generator.uniform(0.4, 1.0)),
        "bagging_fraction": float(generator.uniform(0.7, 1.0)),
        "min_data_in_leaf": log_integer(generator, 1, 64),
        "extra_trees": bool(generator.integers(2)),
        "lambda_l1": float(generator.uniform(1e-5, 1.0)),
        "lambda_l2": log_uniform(generator, 1e-5, 2.0),
    }


def expected_rounds(params: dict[str, Any], n_rows: int) -> float:
    """About 10 / learning rate, plus the patience of early stopping."""
    return boosting_rounds(params["learning_rate"])


def work(params: dict[str, Any], n_columns: int) -> float:
    """Time grows with the number of leaves, and less with the share of columns."""
    return float(
        (params["num_leaves"] / 50) ** 0.7 * (0.4 + 0.6 * params.get("feature_fraction", 1.0))
    )


def needs_bytes(n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
    """Memory for bins and the sample that sets them, gradients, scores, and a histogram a leaf."""
    leaves: int = params.get("num_leaves", 31)
    sample_bytes = min(n_rows, 200_000) * n_columns * 10
    histogram_bytes = leaves * n_columns * _BINS * 16
    return 30_000_000 + sample_bytes + n_rows * (2 * n_columns + 48) + histogram_bytes


def _own_params(train: Matrix, params: dict[str, Any]) -> dict[str, Any]:
    loss = params.get("loss", "squared") if train.task == "regression" else train.task
    objective, metric = _LOSSES[loss]
    own = {**_DATA, "bagging_freq": 1, "objective": objective, "metric": metric, **params}
    own.pop("loss", None)
    # On few rows the minimum is lowered, so that a split is possible.
    own["min_data_in_leaf"] = min(own.get("min_data_in_leaf", 20), max(len(train) // 20, 2))
    if train.classes > 1:
        own["num_class"] = train.classes
    if any(train.directions):
        own["monotone_constraints"] = train.directions
        # Constraints may give a leaf only rows of tiny hessian: its value would diverge.
        least = own.get("min_sum_hessian_in_leaf", 0.0)
        own["min_sum_hessian_in_leaf"] = max(least, _LEAST_DIRECTED_HESSIAN)
    return own


def _binned(train: Matrix) -> lightgbm.Dataset:
    if train not in _DATASETS:
        target, weight = scaled_target(train).target, even_weight(train)
        data = lightgbm.Dataset(
            train.features,
            target,
            weight=weight,
            init_score=start_scores(train, level_of(train)),
            params=_DATA,
        )
        _DATASETS[train] = data.construct()
    return _DATASETS[train]


def _binned_like(data: lightgbm.Dataset, validation: Matrix, run: BoostingRun) -> lightgbm.Dataset:
    target, weight, start = run.data(validation)
    return lightgbm.Dataset(
        validation.features, target, weight=weight, init_score=start, reference=data, params=_DATA
    ).construct()
