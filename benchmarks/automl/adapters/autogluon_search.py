"""AutoGluon's TabularPredictor. With a time, it validates on the newest fifth (`tuning_data`).

That is how its docs tell to hold back rows of one's own; where it stacks, it is told to validate
the stack on them too, and then it trains on all rows once more, as its presets do.
"""

import logging
from pathlib import Path
from typing import Any

import autogluon.common
import harness
import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

METRICS = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}


def fit(task: harness.Task, train: pd.DataFrame) -> harness.Fitted:
    """Search for as long as the budget allows."""
    group = train.pop(task.group) if task.group else None
    folder = Path(task.folder) / "models"
    presets = task.options.get("presets")
    settings: dict[str, Any] = {"presets": presets} if presets else {}
    if not task.options.get("shuffled") and (task.time is not None or group is not None):
        learn, hold = harness.hold_back(task, len(train), group)
        settings["tuning_data"] = train.iloc[hold]
        train = train.iloc[learn]
        if presets:
            settings["use_bag_holdout"] = True
    predictor = TabularPredictor(
        label=task.target,
        problem_type=task.task,
        eval_metric=METRICS[task.task],
        path=str(folder),
        verbosity=2,
    )
    predictor.fit(
        train,
        time_limit=max(task.budget_s - task.seconds(), 1.0),
        num_cpus=task.cores,
        **settings,
    )
    best = predictor.model_best
    claimed = predictor.leaderboard().set_index("model")["score_val"][best]
    needed = predictor.clone_for_deployment(str(folder) + "-deployed", return_clone=True)
    needed.persist()
    answer = needed.predict_proba if task.classes else needed.predict
    return harness.Fitted(
        predict=lambda batch: np.asarray(answer(batch)),
        prepare=lambda table: table,
        classes=[str(name) for name in predictor.class_labels] if task.classes else [],
        size_bytes=sum(f.stat().st_size for f in Path(needed.path).rglob("*") if f.is_file()),
        claimed=None if pd.isna(claimed) else -float(claimed),
        version=autogluon.common.__version__,
        details={"family": best, "models": len(predictor.model_names())},
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    harness.compete(fit)
