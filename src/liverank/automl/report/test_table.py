"""Evaluation on the test table that the user gives, which plays no part in the search."""

import numpy as np
import polars as pl

from liverank.automl.data.columns import read_columns
from liverank.automl.data.matrix import Task
from liverank.automl.data.nested_columns import with_parts
from liverank.automl.profile.later_columns import LaterColumns
from liverank.automl.profile.task import find_target, read_target
from liverank.automl.report.later_rows import LaterScore
from liverank.automl.report.reports import TableReport
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Columns
from liverank.models.predictor import Predictor


def check_test(
    test: pl.DataFrame, train: pl.DataFrame, target: str, task: Task | None = None
) -> list[str]:
    """Columns of the training table that a test table lacks.

    Raises TrainingError when it lacks the target, or has no value of it that training has.

    >>> table = pl.DataFrame({"x": [1] * 20, "y": [0, 1] * 10})
    >>> check_test(table.drop("x"), table, "y")
    ['x']
    """
    if target not in test.columns:
        has = ", ".join(f"`{name}`" for name in test.columns[:20])
        raise TrainingError(
            f"the test table has no column `{target}`, the target; it has {has}: "
            "add it, or leave --test out and predict with `liverank predict`"
        )
    if target in train.columns:
        known = read_target(test[target], find_target(train[target], task))
        if np.isnan(known).all():
            raise TrainingError(
                f"the test table's `{target}` is known in none of its {len(test)} rows, or has "
                f"only values that the training table does not have, such as {test[target][0]!r}"
            )
    present = set(with_parts(test, train.columns).columns)
    return [name for name in train.columns if name not in present]


def score_test(
    test: pl.DataFrame, predictor: Predictor, report: TableReport, golden: Columns
) -> tuple[dict[str, float | None], int, list[str]]:
    """Figures on the rows whose target is known, the number of these rows, and warnings.

    ``golden`` are columns of a few training rows; warnings are of columns that the test table has
    in another form.
    Rows of a class that is not in the training table are left out; missing columns are unknown.
    Raises SourceError when no row is left.
    """
    assert predictor.encoder is not None
    inputs = predictor.encoder.inputs
    test = with_parts(test, [form.name for form in inputs])
    present = set(test.columns)
    absent = [form.name for form in inputs if form.name not in present]
    rows = test.with_columns(pl.lit(None).alias(name) for name in absent)
    score = LaterScore(report, predictor.link)
    columns = read_columns(rows, inputs)
    score.add(rows, predictor.margins(predictor.encoder.transform(columns)))
    later = LaterColumns(predictor.encoder, golden, report.data.profile)
    later.add(test, columns)
    return *score.figures(), [f"the test table's {text}" for text in later.warnings()]
