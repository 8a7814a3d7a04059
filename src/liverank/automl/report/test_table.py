"""Evaluation on the test table that the user gives, which plays no part in the search."""

import datetime

import numpy as np
import polars as pl

from liverank.automl.data.columns import read_columns
from liverank.automl.data.matrix import Task
from liverank.automl.data.nested_columns import with_parts
from liverank.automl.evaluation.later_columns import LaterColumns
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.profile.leakage import row_hashes
from liverank.automl.profile.profile import TableProfile
from liverank.automl.profile.task import find_target, read_target
from liverank.automl.report.later_rows import LaterFigures, LaterScore
from liverank.automl.report.reports import TableReport
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Columns
from liverank.models.predictor import Predictor

_FEWEST_COPIES, _COPIED_SHARE = 3, 0.01
"""Rows of a test table, and their share, that may equal a training row without a warning."""
_DISTINCT_SHARE = 0.2
"""Share of distinct training rows up to which rows are equal because columns have few values."""


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
) -> LaterFigures:
    """Figures on the rows whose target is known.

    ``golden`` are columns of a few training rows; warnings are also of columns that the test table
    has in another form.
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
    scored = score.figures()
    return scored._replace(warnings=(*scored.warnings, *later.warnings()))


def overlap_warnings(
    test: pl.DataFrame, train: pl.DataFrame, data: TableData, profile: TableProfile
) -> tuple[str, ...]:
    """Warnings about rows of a test table that the training table gives away.

    They are copies of its rows, not newer than its newest row, or of its groups. ``data`` are the
    rows of ``train``, with their columns read.
    """
    n, present, group = test.height, set(test.columns), profile.group
    warnings = []
    shared = [form for form in profile.inputs if form.name in present]
    columns = read_columns(test, shared)
    own = row_hashes(data.columns, shared)
    copies = int(row_hashes(columns, shared).is_in(own.implode()).sum())
    is_wide = own.n_unique() > _DISTINCT_SHARE * len(own)
    if is_wide and copies >= _FEWEST_COPIES and copies > _COPIED_SHARE * n:
        warnings.append(
            f"{copies:,} of {n:,} rows equal a row of the training table in every column that the "
            "model may read, so figures may be too good; leave copies out of one of the tables"
        )
    if data.time in columns and data.at_ms is not None:
        newest = float(np.nanmax(data.at_ms))
        old = int((columns[data.time] <= newest).sum())
        if old:
            warnings.append(
                f"{old:,} of {n:,} rows are not newer than the newest row of the training table "
                f"({_written(newest)}), so figures may be too good; test on later rows"
            )
    if group in present:
        own = test[group].cast(pl.String, strict=False).drop_nulls()
        known = train[group].cast(pl.String, strict=False).drop_nulls().unique()
        common = int(own.is_in(known.implode()).sum())
        if common:
            warnings.append(
                f"{common:,} of {n:,} rows are of groups of `{group}` that the training table has "
                "too, so figures are of known groups; leave these rows out to test on new ones"
            )
    return tuple(warnings)


def _written(at_ms: float) -> str:
    moment = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
