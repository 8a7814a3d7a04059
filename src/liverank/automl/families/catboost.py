"""CatBoost, with symmetric trees, which our kernel scores fastest.

CatBoost's order of sums depends on the number of threads, so that number is set by the rows, not by
the machine. Invariant: with the same seed and rounds the forests are the same.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.boosting import start_boosting
from liverank.automl.families.contract import Traits
from liverank.automl.families.draws import log_integer, log_uniform
from liverank.automl.families.early_stopping import boosting_rounds
from liverank.automl.families.preparation import constant_fit, even_weight, is_constant, library
from liverank.models.forest.forest import Forest
from liverank.models.importers.catboost import forests_from_catboost

TRAITS = Traits(
    package="catboost",
    is_boosting=True,
    needs_long_search=True,
    no_constraints="it takes ten times as long as others to keep to monotone constraints",
)

DEFAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    # Tuned on many tables: RealMLP's CatBoost-TD for classes (arXiv 2407.04491).
    (
        "steady",
        {
            "learning_rate": 0.08,
            "depth": 7,
            "l2_leaf_reg": 1e-5,
            "subsample": 0.9,
            "random_strength": 0.8,
            "leaf_estimation_iterations": 1,
        },
    ),
    # Rounded from the zero-shot portfolio of AutoGluon (arXiv 2311.02971).
    ("even", {"learning_rate": 0.069, "depth": 6, "l2_leaf_reg": 2.15}),
    ("deep", {"learning_rate": 0.031, "depth": 8, "l2_leaf_reg": 2.8}),
    ("shallow", {"learning_rate": 0.049, "depth": 4, "l2_leaf_reg": 4.56}),
)

_LOSSES = {
    "binary": "Logloss",
    "multiclass": "MultiClass",
    "squared": "RMSE",
    "absolute": "MAE",
}
_BORDERS = 254
_LEAST_TO_DRAW = 50
"""Number of rows below which all are used: a random sample of fewer may be empty."""
_ROWS_A_THREAD = 100_000
_MOST_THREADS = 4


def fit(
    train: Matrix,
    validation: Matrix | None,
    params: dict[str, Any],
    *,
    seed: int,
    n_threads: int,  # would change the order of sums
    deadline: Deadline,
    rounds: int | None,
) -> Fit:
    """Train as ``contract.Family`` describes, except that ``n_threads`` is not used.

    ``params`` are CatBoost's own, and ``loss``: ``squared`` (where none is given) or ``absolute``
    for a regression.
    """
    if is_constant(train):
        return constant_fit(train)
    train = _with_every_class(train)
    catboost = library(TRAITS.package)
    run = start_boosting(
        train, validation, learning_rate=params["learning_rate"], deadline=deadline, rounds=rounds
    )
    threads = min(1 + len(train) // _ROWS_A_THREAD, _MOST_THREADS)

    class AfterRound:
        def after_iteration(self, info: Any) -> bool:
            losses = next(iter(info.metrics["validation"].values())) if validation else [None]
            return not run.stopping.is_over(losses[-1])

    def pool(matrix: Matrix) -> Any:
        target, weight, start = run.data(matrix)
        return catboost.Pool(
            matrix.features, target, weight=weight, baseline=start, thread_count=threads
        )

    own = {"iterations": run.most_rounds, "random_seed": seed, "thread_count": threads}
    model = catboost.CatBoost({**_own_params(train, params), **own})
    try:
        model.fit(pool(train), eval_set=validation and pool(validation), callbacks=[AfterRound()])
    except catboost.CatBoostError as error:
        # Columns that are not constant may still fall into one bin.
        if "constant or ignored" in str(error):
            return constant_fit(train)
        raise
    rounds_run = model.tree_count_
    kept = run.kept(rounds_run)
    model.shrink(kept)
    gains = np.asarray(model.get_feature_importance(), np.float64)
    return run.fit(_forests(model), gains, kept=kept, rounds_run=rounds_run)


def sample(generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
    """Draw from the space of TabArena (arXiv 2506.16791), among symmetric trees."""
    return {
        "learning_rate": log_uniform(generator, 5e-3, 0.1),
        "depth": int(generator.integers(4, 9)),
        "subsample": float(generator.uniform(0.7, 1.0)),
        "colsample_bylevel": float(generator.uniform(0.85, 1.0)),
        "l2_leaf_reg": log_uniform(generator, 1e-4, 5.0),
        "leaf_estimation_iterations": log_integer(generator, 1, 20),
    }


def expected_rounds(params: dict[str, Any], n_rows: int) -> float:
    """About 10 / learning rate, plus the patience of early stopping."""
    return boosting_rounds(params["learning_rate"])


def work(params: dict[str, Any], n_columns: int) -> float:
    """Time grows with the depth: each level takes longer than the one above."""
    return float(1.5 ** (params["depth"] - 7))


def needs_bytes(n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
    """Memory for raw values by column, bins, and several permuted copies of sums."""
    leaves: int = 1 << params.get("depth", 6)
    return 60_000_000 + n_rows * (6 * n_columns + 120) + leaves * n_columns * _BORDERS * 4


def _own_params(train: Matrix, params: dict[str, Any]) -> dict[str, Any]:
    loss = params.get("loss", "squared") if train.task == "regression" else train.task
    own = {
        "loss_function": _LOSSES[loss],
        "boosting_type": "Plain",
        "bootstrap_type": "Bernoulli",
        "border_count": _BORDERS,
        "use_best_model": False,
        # CatBoost's default depends on the number of rounds.
        "leaf_estimation_iterations": 10 if train.task == "binary" else 1,
        "logging_level": "Silent",
        "allow_writing_files": False,
        **params,
    }
    own.pop("loss", None)
    if "subsample" not in own or len(train) < _LEAST_TO_DRAW:
        own.pop("subsample", None)
        own["bootstrap_type"] = "No"
    if train.classes > 1:
        own["classes_count"] = train.classes
    if any(train.directions):
        own["monotone_constraints"] = list(train.directions)
    return own


def _with_every_class(train: Matrix) -> Matrix:
    """Add a row of almost no weight for each absent class: CatBoost gives those no margins."""
    if train.classes == 1:
        return train
    absent = np.setdiff1d(np.arange(train.classes), train.target)
    if len(absent) == 0:
        return train
    weight = even_weight(train)
    weight = np.ones(len(train)) if weight is None else weight
    return replace(
        train,
        features=np.concatenate(
            [train.features, np.resize(train.features, (len(absent), train.n_features))]
        ),
        target=np.concatenate([train.target, absent]),
        weight=np.concatenate([weight, np.full(len(absent), 1e-3)]),
    )


def _forests(model: Any) -> tuple[Forest, ...]:
    """The forests of a model, read from a file: CatBoost writes models to files only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return forests_from_catboost(path.read_bytes())
