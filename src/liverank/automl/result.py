"""The result of a search on a table: a model that predicts, and how it was found."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_columns
from liverank.automl.data.read_table import read_table
from liverank.automl.pack import pack_result
from liverank.automl.profile.profile import TableProfile
from liverank.automl.report.reports import TableReport
from liverank.automl.trials.plan import Plan
from liverank.bundle.files import write_bundle
from liverank.models.attribution.by_column import Parts, make_explainer
from liverank.models.encoder.columns import Columns
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

    def save(self, directory: Path, *, created_ms: int) -> None:
        """Write the bundle, with its report.html, into a new directory. Raises BundleError."""
        packed = pack_result(
            self.predictor, self.report, self.plan, self.golden, created_ms=created_ms
        )
        write_bundle(directory, packed)

    def explain(self, table: pl.DataFrame | Path | str) -> tuple[tuple[str, ...], Parts]:
        """Names of the columns that the model reads, and their attributions.

        Base and attributions add up to the margin; see ``liverank.models.attribution.by_column``.
        """
        explainer = make_explainer(self.predictor)
        columns = read_columns(frame_of(table), explainer.encoder.inputs)
        return explainer.names, explainer.explain(columns)

    def predict(self, table: pl.DataFrame | Path | str) -> NDArray[np.float64]:
        """Predictions for rows with at least the columns that the model reads.

        float64[n] of the positive class's probability or of values, or float64[n, k] of the
        probabilities of ``report.asked.classes``. Raises TrainingError for missing columns.
        """
        frame = frame_of(table)
        assert self.predictor.encoder is not None
        return self.predictor.predict(read_columns(frame, self.predictor.encoder.inputs))


def frame_of(table: pl.DataFrame | Path | str) -> pl.DataFrame:
    """The table itself, or the one read from a file. Raises SourceError."""
    return table if isinstance(table, pl.DataFrame) else read_table(Path(table))
