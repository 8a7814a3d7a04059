"""LightGBM with one published setting, stopped early on a fifth of the rows."""

import time
from typing import Any

import harness
import lightgbm
import numpy as np
import pandas as pd
from matrix import Columns

STEADY = {
    "learning_rate": 0.04,
    "num_leaves": 50,
    "bagging_fraction": 0.75,
    "bagging_freq": 1,
    "min_data_in_leaf": 40,
}
EXTRA = {
    "learning_rate": 0.0179,
    "num_leaves": 39,
    "feature_fraction": 0.46,
    "bagging_fraction": 0.88,
    "bagging_freq": 1,
    "min_data_in_leaf": 3,
    "extra_trees": True,
    "lambda_l1": 0.24,
    "lambda_l2": 0.36,
}
ROUNDS, PATIENCE = 10_000, 100
METRICS = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "rmse"}


def fit(task: harness.Task, train: pd.DataFrame) -> harness.Fitted:
    """Train until the held rows stop to gain, or the budget is over."""
    group = train.pop(task.group) if task.group else None
    names = train.pop(task.target)
    columns = Columns(train)
    rows = columns.read(train)
    target = names.map({name: code for code, name in enumerate(task.classes)})
    target = np.asarray(target if task.classes else names, np.float64)
    learn, hold = harness.hold_back(task, len(rows), group)
    settings: dict[str, Any] = {
        **(EXTRA if task.options.get("extra") else STEADY),
        "objective": task.task,
        "metric": METRICS[task.task],
        "num_threads": task.cores,
        "seed": task.seed,
        "verbose": -1,
    }
    if task.task == "multiclass":
        settings["num_class"] = len(task.classes)
    data = lightgbm.Dataset(
        rows[learn], target[learn], categorical_feature=columns.categories, free_raw_data=False
    )
    held = lightgbm.Dataset(rows[hold], target[hold], reference=data)
    until = task.started + task.budget_s

    def stop_in_time(state: Any) -> None:
        if time.monotonic() > until:
            raise lightgbm.callback.EarlyStopException(
                state.iteration, state.evaluation_result_list
            )

    model = lightgbm.train(
        settings,
        data,
        ROUNDS,
        valid_sets=[held],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), stop_in_time],
    )
    return harness.Fitted(
        predict=lambda batch: model.predict(batch, num_threads=1),
        prepare=columns.read,
        classes=task.classes,
        size_bytes=len(model.model_to_string()),
        claimed=float(model.best_score["valid_0"][METRICS[task.task]]),
        version=lightgbm.__version__,
        details={"rounds": model.best_iteration},
    )


if __name__ == "__main__":
    harness.compete(fit)
