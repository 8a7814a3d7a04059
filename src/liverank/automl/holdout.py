"""How a model does on a table that nobody looked at before."""

import numpy as np
import polars as pl

from liverank.automl.columns import read_column, read_columns
from liverank.automl.held import Held
from liverank.automl.objective import find_objective
from liverank.automl.profile import TableProfile
from liverank.automl.task import read_target
from liverank.errors import TrainingError
from liverank.models.inputs import Input
from liverank.models.predictor import Predictor


def check_test(test: pl.DataFrame, train: pl.DataFrame, target: str) -> list[str]:
    """Columns of the training table that a test table lacks.

    Raises TrainingError when it lacks the target.

    >>> table = pl.DataFrame({"x": [1], "y": [0]})
    >>> check_test(table.drop("x"), table, "y")
    ['x']
    """
    if target not in test.columns:
        has = ", ".join(f"`{name}`" for name in test.columns[:20])
        raise TrainingError(
            f"the test table has no column `{target}`, the target; it has {has}: "
            "add it, or leave --test out and predict with `liverank predict`"
        )
    return [name for name in train.columns if name not in test.columns]


def score_test(
    test: pl.DataFrame, predictor: Predictor, profile: TableProfile, objective: str
) -> tuple[dict[str, float], int]:
    """Figures on the rows whose target is known, and how many those are.

    A class that training never saw is left out; columns that are missing are unknown in all rows.
    Raises TrainingError when no row is left.
    """
    target = read_target(test[profile.target.name], profile.target)
    known = ~np.isnan(target)
    if not known.any():
        raise TrainingError(
            f"the test table's `{profile.target.name}` is known in none of its {len(test)} rows, "
            "or holds only classes that training never saw"
        )
    assert predictor.encoder is not None
    inputs = predictor.encoder.inputs
    absent = [form.name for form in inputs if form.name not in test.columns]
    rows = test.with_columns(pl.lit(None).alias(name) for name in absent).filter(pl.Series(known))
    features = predictor.encoder.transform(read_columns(rows, inputs))
    weight = None
    if profile.weight is not None and profile.weight in test.columns:
        weight = read_column(rows[profile.weight], Input(name=profile.weight, type="number"))
        weight = np.nan_to_num(np.maximum(weight, 0.0))
        weight = weight if weight.any() else None
    held = Held(
        target[known],
        weight,
        None,
        find_objective(objective, profile.target.task),
        predictor.link,
    )
    return held.figures(predictor.margins(features)), int(known.sum())
