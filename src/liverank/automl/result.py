"""The result of a search on a table: a model that predicts, and how it was found."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.columns import read_columns
from liverank.automl.data.table_input import TableInput, frame_of
from liverank.automl.evaluation.later_columns import LaterColumns
from liverank.automl.pack import pack_result
from liverank.automl.profile.profile import TableProfile
from liverank.automl.report.reports import TableReport
from liverank.automl.trials.plan import Plan
from liverank.bundle.files import write_bundle
from liverank.models.attribution.by_column import Parts, make_explainer
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.rows import read_rows
from liverank.models.predictor import Predictor


@dataclass(frozen=True, eq=False)
class Result:
    """A trained model of a table, and how it was found."""

    predictor: Predictor
    profile: TableProfile
    report: TableReport
    plan: Plan
    golden: Columns
    """Columns of a few rows; a bundle stores their margins to check its model on loading."""

    def save(self, directory: Path | str, *, created_ms: int) -> None:
        """Write the bundle, with its report.html, into a new directory. Raises BundleError."""
        packed = pack_result(
            self.predictor, self.report, self.plan, self.golden, created_ms=created_ms
        )
        write_bundle(Path(directory), packed)

    def explain(self, table: TableInput) -> tuple[tuple[str, ...], Parts]:
        """Names of the columns that the model reads, and their attributions.

        Base and attributions add up to the margin; see ``liverank.models.attribution.by_column``.
        """
        explainer = make_explainer(self.predictor)
        columns = _columns(table, explainer.encoder.inputs)
        return explainer.names, explainer.explain(columns)

    def predict(self, table: TableInput) -> NDArray[np.float64]:
        """Predictions for rows with at least the columns that the model reads.

        Rows may be in any form that ``fit`` takes, or one dict of the values of one row.
        float64[n] of the positive class's probability or of values, or float64[n, k] of the
        probabilities of ``report.asked.classes``. Warns (UserWarning) of columns of a table that
        training read and that now cannot be read, as ``liverank predict`` does; rows given as dicts
        or lists are not compared. Raises TrainingError or ServingError for missing columns and for
        rows in no known form.
        """
        encoder = self.predictor.encoder
        assert encoder is not None
        if isinstance(table, Mapping | list | tuple):
            return self.predictor.predict(read_rows(table, encoder.inputs))
        frame = frame_of(table)
        columns = read_columns(frame, encoder.inputs)
        later = LaterColumns(encoder, self.golden, self.report.data.profile)
        later.add(frame, columns)
        for warning in later.warnings():
            warnings.warn(warning, stacklevel=2)
        return self.predictor.predict(columns)


def _columns(table: TableInput, inputs: Sequence[Input]) -> Columns:
    """The columns that a model reads, of a table or of rows given by name."""
    if isinstance(table, Mapping | list | tuple):
        return read_rows(table, inputs)
    return read_columns(frame_of(table), inputs)
