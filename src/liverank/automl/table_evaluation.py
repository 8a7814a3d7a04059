"""Measurements for the report of a table: intervals, drift and feature importance."""

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.metrics.bootstrap import figure_intervals
from liverank.automl.pipeline import SearchResult
from liverank.automl.preprocessing.encoder import take_rows
from liverank.automl.report.drift import measure_drift
from liverank.automl.report.importance import permutation_importance
from liverank.automl.report.schema import Drift, Importance
from liverank.models.encoder.columns import Columns
from liverank.models.predictor import sum_terms


def measure_intervals(model: SearchResult, deadline: Deadline) -> dict[str, tuple[float, float]]:
    """95 % intervals of the figures on the rows that the model was not trained on."""
    rows, margins = model.validated()
    return figure_intervals(margins, rows, seed=model.plan.seed, deadline=deadline)


def table_drift(model: SearchResult, deadline: Deadline) -> Drift | None:
    """The losses on newer and on shuffled rows, compared; None without a split by time."""
    if not model.evaluation.in_time:
        return None
    return measure_drift(
        model.evaluation.folds[-1],
        seed=model.plan.seed,
        n_threads=model.plan.n_threads,
        is_logarithm=model.evaluation.validation_rows.link == "expm1",
        deadline=deadline,
    )


def column_importance(
    data: TableData, model: SearchResult, deadline: Deadline
) -> tuple[Importance, ...]:
    """Feature importance of the deployed model, as trained without the holdout rows."""
    evaluation = model.evaluation
    encoder = evaluation.folds[-1].encoder
    assert encoder is not None

    def margins(columns: Columns) -> NDArray[np.float64]:
        raw = sum_terms(model.served.terms, encoder.transform(columns), evaluation.n_margins)
        return model.calibrated.calibrator.apply(raw)

    holdout = take_rows(data.columns, data.split.holdout)
    read = {form.name: holdout[form.name] for form in encoder.inputs}
    return permutation_importance(
        margins, read, evaluation.holdout_rows, seed=data.seed, deadline=deadline
    )
