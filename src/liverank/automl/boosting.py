"""The LightGBM family, in several shapes, stopped early and by the clock.

The only place that imports LightGBM. Invariant: what comes out is a Forest; with the same seed and
enough time it is the same one, on any number of threads (``deterministic``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from lightgbm.callback import CallbackEnv, EarlyStopException
from numpy.typing import NDArray

from liverank.dataset.rows import Rows
from liverank.models.forest import Forest
from liverank.models.lightgbm_text import forest_from_lightgbm

MOST_ROUNDS = 1500

SHAPES: dict[str, dict[str, Any]] = {
    "trees_steady": {
        "learning_rate": 0.04,
        "num_leaves": 50,
        "bagging_fraction": 0.75,
        "min_data_in_leaf": 40,
    },
    "trees_few": {
        "learning_rate": 0.03,
        "num_leaves": 8,
        "min_data_in_leaf": 200,
        "lambda_l2": 10.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
    },
    "trees_random": {
        "learning_rate": 0.0179,
        "num_leaves": 39,
        "feature_fraction": 0.46,
        "bagging_fraction": 0.88,
        "min_data_in_leaf": 3,
        "extra_trees": True,
        "lambda_l1": 0.24,
        "lambda_l2": 0.36,
    },
    "trees_pairs": {
        "learning_rate": 0.06,
        "num_leaves": 4,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.5,
        "lambda_l2": 1.0,
    },
    "trees_plain": {"learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20},
    "trees_wide": {
        "learning_rate": 0.03,
        "num_leaves": 127,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "min_data_in_leaf": 60,
        "lambda_l2": 5.0,
    },
}
"""Parameters of each shape, those most worth trying first."""

_DATA: dict[str, Any] = {
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "feature_pre_filter": False,
    "max_bin": 255,
}
_COMMON: dict[str, Any] = {**_DATA, "objective": "binary", "metric": "binary_logloss"}


@dataclass(frozen=True)
class Boosted:
    """A trained forest, with the gain of each column, and whether time ran out.

    ``rounds`` are in the forest; ``rounds_run`` is how many it took to know that.
    """

    forest: Forest
    rounds: int
    rounds_run: int
    gains: NDArray[np.float64]
    out_of_time: bool


@dataclass(frozen=True)
class Binned:
    """Rows as LightGBM wants them, made once for all shapes."""

    train: lightgbm.Dataset
    choose: lightgbm.Dataset | None
    n_rows: int
    directions: tuple[int, ...]


def bin_rows(fit: Rows, choose: Rows | None = None) -> Binned:
    """Bin the rows to fit and those that stop the training."""
    train = lightgbm.Dataset(fit.features, fit.labels, params=_DATA).construct()
    held_out = None
    if choose is not None:
        held_out = lightgbm.Dataset(
            choose.features, choose.labels, reference=train, params=_DATA
        ).construct()
    return Binned(train, held_out, len(fit), fit.directions)


def shape_for(name: str, n_rows: int, most_rounds: float) -> dict[str, Any]:
    """A shape's parameters, fitted to few rows and to the rounds that time allows.

    >>> shape_for("trees_few", n_rows=1000, most_rounds=1000)["min_data_in_leaf"]
    50
    >>> shape_for("trees_steady", n_rows=10_000, most_rounds=100)["learning_rate"]
    0.1
    """
    shape = dict(SHAPES[name])
    shape["min_data_in_leaf"] = min(shape["min_data_in_leaf"], max(n_rows // 20, 2))
    # About ten over the rate rounds are needed; a coarser model in time beats an unfinished one.
    shape["learning_rate"] = min(max(shape["learning_rate"], 10 / most_rounds), 0.3)
    return shape


def boost(
    data: Binned,
    shape: dict[str, Any],
    *,
    rounds: int,
    seed: int,
    n_threads: int,
    expired: Callable[[], bool],
) -> Boosted:
    """Train one shape.

    With a block that chooses, training ends when its log-loss has not fallen for a while and the
    best round is kept; without one, all rounds are. ``expired`` is asked after each round.
    """
    losses: list[float] = []
    patience = int(np.clip(3 / shape["learning_rate"], 30, 150))
    out_of_time = False

    def stop(env: CallbackEnv) -> None:
        nonlocal out_of_time
        if env.evaluation_result_list:
            losses.append(env.evaluation_result_list[0][2])
            if len(losses) - int(np.argmin(losses)) > patience:
                raise EarlyStopException(env.iteration, env.evaluation_result_list)
        if expired():
            out_of_time = True
            raise EarlyStopException(env.iteration, env.evaluation_result_list or [])

    directions = {"monotone_constraints": data.directions} if any(data.directions) else {}
    booster = lightgbm.train(
        {
            **_COMMON,
            **shape,
            **directions,
            "bagging_freq": 1,
            "seed": seed,
            "num_threads": n_threads,
        },
        data.train,
        num_boost_round=rounds,
        valid_sets=[] if data.choose is None else [data.choose],
        callbacks=[stop],
        keep_training_booster=True,
    )
    kept = int(np.argmin(losses)) + 1 if losses else booster.current_iteration()
    return Boosted(
        forest=forest_from_lightgbm(booster.model_to_string(num_iteration=kept)),
        rounds=kept,
        rounds_run=booster.current_iteration(),
        gains=booster.feature_importance("gain", iteration=kept).astype(np.float64),
        out_of_time=out_of_time,
    )
