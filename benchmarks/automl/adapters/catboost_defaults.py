"""CatBoost with one published setting, stopped early on a fifth of the rows."""

import time
from pathlib import Path
from typing import Any

import catboost
import harness
import numpy as np
import pandas as pd
from matrix import Columns

SETTINGS = {
    "learning_rate": 0.08,
    "depth": 7,
    "l2_leaf_reg": 1e-5,
    "bootstrap_type": "Bernoulli",
    "subsample": 0.9,
    "random_strength": 0.8,
    "one_hot_max_size": 15,
}
ROUNDS, PATIENCE = 10_000, 100
LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


class InTime:
    """Stops training when the budget is over."""

    def __init__(self, until: float) -> None:
        self.until = until

    def after_iteration(self, _: Any) -> bool:
        """Whether to go on."""
        return time.monotonic() < self.until


def fit(task: harness.Task, train: pd.DataFrame) -> harness.Fitted:
    """Train until the held rows stop to gain, or the budget is over."""
    group = train.pop(task.group) if task.group else None
    names = train.pop(task.target)
    columns = Columns(train)

    def prepare(table: pd.DataFrame) -> Any:
        rows = columns.read(table)
        if not columns.categories:
            return rows
        frame = pd.DataFrame(rows)
        return frame.astype(dict.fromkeys(columns.categories, "int64"))

    rows = prepare(train)
    target = names.map({name: code for code, name in enumerate(task.classes)})
    target = np.asarray(target if task.classes else names)
    learn, hold = harness.hold_back(task, len(target), group)
    take = rows.iloc if isinstance(rows, pd.DataFrame) else rows
    model = catboost.CatBoost(
        {
            **SETTINGS,
            "loss_function": LOSSES[task.task],
            "iterations": ROUNDS,
            "od_type": "Iter",
            "od_wait": PATIENCE,
            "thread_count": task.cores,
            "random_seed": task.seed,
            "allow_writing_files": False,
            "verbose": False,
        }
    )
    model.fit(
        catboost.Pool(take[learn], target[learn], cat_features=columns.categories),
        eval_set=catboost.Pool(take[hold], target[hold], cat_features=columns.categories),
        callbacks=[InTime(task.started + task.budget_s)],
    )
    path = Path(task.folder) / "model.cbm"
    model.save_model(str(path))
    shown = "Probability" if task.classes else "RawFormulaVal"
    scores = model.get_best_score()["validation"]
    return harness.Fitted(
        predict=lambda batch: model.predict(batch, prediction_type=shown, thread_count=1),
        prepare=prepare,
        classes=task.classes,
        size_bytes=path.stat().st_size,
        claimed=float(scores[LOSSES[task.task]]),
        version=catboost.__version__,
        details={"rounds": model.tree_count_},
    )


if __name__ == "__main__":
    harness.compete(fit)
