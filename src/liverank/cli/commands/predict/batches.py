"""Computes a bundle's predictions batch by batch, as the columns of ``liverank predict``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_columns
from liverank.automl.data.nested_columns import with_parts
from liverank.automl.evaluation.later_columns import LaterColumns
from liverank.automl.predictions import attribution_table, prediction_table
from liverank.automl.profile.profile import ColumnProfile
from liverank.automl.report.reports import TableReport, decode_report
from liverank.bundle.table_bundle import TableBundle
from liverank.errors import SourceError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.encoder.columns import plain_numbers
from liverank.models.predictor import linked


def columns_of_plain_numbers(bundle: TableBundle, report: TableReport | None) -> list[str]:
    """The columns of a bundle, and the target if a report is given, that hold plain numbers."""
    forms = list(bundle.inputs)
    if report is not None:
        forms += [c.form for c in report.data.profile if c.role in ("target", "weight")]
    return plain_numbers(forms)


class BatchPredictor:
    """Predicts batches of one table.

    kept     the columns that are carried over
    columns  all columns of the last batch
    later    what is odd about all batches
    """

    def __init__(self, bundle: TableBundle, *, keep: Sequence[str], attributions: bool) -> None:
        self._bundle = bundle
        self.kept = list(dict.fromkeys(keep))
        self._explainer = make_explainer(bundle.predictor) if attributions else None
        self.columns: list[str] = []
        assert bundle.predictor.encoder is not None
        self.later = LaterColumns(bundle.predictor.encoder, bundle.golden, _profile(bundle))

    def predict(self, batch: pl.DataFrame, file: Path) -> tuple[pl.DataFrame, NDArray[np.float64]]:
        """The predictions for the rows of a batch, and their margins, float64[n, k].

        Raises SourceError, which names the ``file``, for a batch that lacks columns.
        """
        inputs = self._bundle.inputs
        needed = dict.fromkeys([*(form.name for form in inputs), *self.kept])
        batch = with_parts(batch, needed)
        present = set(batch.columns)
        absent = [name for name in needed if name not in present]
        if absent:
            raise SourceError(
                f"{file}: lacks {', '.join(f'`{name}`' for name in absent[:5])}"
                f"{' and others' if len(absent) > 5 else ''} of {len(needed)} columns that are "
                "needed; add them, with empty values where unknown"
            )
        columns = read_columns(batch, inputs)
        self.later.add(batch, columns)
        predictor = self._bundle.predictor
        assert predictor.encoder is not None
        margins = predictor.margins(predictor.encoder.transform(columns))
        predictions = linked(margins, predictor.link)
        parts = [batch.select(self.kept), prediction_table(predictions, self._bundle.classes)]
        if self._explainer is not None:
            effects = self._explainer.explain(columns)
            parts.append(attribution_table(effects, self._explainer.names, predictions))
        names = [name for part in parts for name in part.columns]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise SourceError(
                f"{file}: `{twice[0]}` is a column to keep and one of the predictions; rename it"
            )
        self.columns = names
        return pl.concat([part for part in parts if part.width], how="horizontal"), margins


def _profile(bundle: TableBundle) -> tuple[ColumnProfile, ...]:
    """The profile of the training table, where the bundle has the report of a search."""
    try:
        return decode_report(bundle.documents["report.json"]).data.profile
    except (KeyError, msgspec.ValidationError):
        return ()
