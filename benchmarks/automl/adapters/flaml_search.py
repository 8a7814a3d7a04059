"""FLAML's AutoML, told of the time or the groups of the rows as its docs say."""

import pickle
from typing import Any

import flaml
import harness
import numpy as np
import pandas as pd

METRICS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}


def fit(task: harness.Task, train: pd.DataFrame) -> harness.Fitted:
    """Search for as long as the budget allows."""
    group = train.pop(task.group) if task.group else None
    target = train.pop(task.target)
    settings: dict[str, Any] = {
        "task": "classification" if task.classes else "regression",
        "metric": METRICS[task.task],
        "time_budget": max(task.budget_s - task.seconds(), 1.0),
        "n_jobs": task.cores,
        "seed": task.seed,
        "verbose": 0,
    }
    if not task.options.get("shuffled"):
        if task.time is not None:
            settings["split_type"] = "time"
        elif group is not None:
            settings |= {"split_type": "group", "groups": np.asarray(group)}
    # LightGBM, which it tries, refuses some names
    names = {name: f"c{place}" for place, name in enumerate(train.columns)}
    search = flaml.AutoML()
    search.fit(X_train=train.rename(columns=names), y_train=target, **settings)
    return harness.Fitted(
        predict=search.predict_proba if task.classes else search.predict,
        prepare=lambda table: table.rename(columns=names),
        classes=[str(name) for name in search.classes_] if task.classes else [],
        size_bytes=len(pickle.dumps(search)),
        claimed=float(search.best_loss),
        version=flaml.__version__,
        details={"family": search.best_estimator},
    )


if __name__ == "__main__":
    harness.compete(fit)
