"""The answers of a bundle, batch by batch, as the columns that ``liverank predict`` writes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_columns
from liverank.automl.predictions import answer_table, attribution_table
from liverank.bundle.table_bundle import TableBundle
from liverank.errors import SourceError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.predictor import linked


class Answering:
    """Answers batches of one table; ``columns`` are those that it gives, once it gave any."""

    def __init__(self, bundle: TableBundle, *, keep: Sequence[str], attributions: bool) -> None:
        self._bundle = bundle
        self._keep = list(dict.fromkeys(keep))
        self._explainer = make_explainer(bundle.predictor) if attributions else None
        self.columns: list[str] = []

    def answer(self, batch: pl.DataFrame, where: Path) -> tuple[pl.DataFrame, NDArray[np.float64]]:
        """One row a row, and the margins, float64[n, k].

        Raises SourceError for a batch that lacks columns.
        """
        inputs = self._bundle.inputs
        needed = dict.fromkeys([*(form.name for form in inputs), *self._keep])
        absent = [name for name in needed if name not in batch.columns]
        if absent:
            raise SourceError(
                f"{where}: lacks {', '.join(f'`{name}`' for name in absent[:5])}"
                f"{' and others' if len(absent) > 5 else ''} of {len(needed)} columns that are "
                "needed; add them, with empty values where unknown"
            )
        columns = read_columns(batch, inputs)
        predictor = self._bundle.predictor
        assert predictor.encoder is not None
        margins = predictor.margins(predictor.encoder.transform(columns))
        answers = linked(margins, predictor.link)
        parts = [batch.select(self._keep), answer_table(answers, self._bundle.classes)]
        if self._explainer is not None:
            told = self._explainer.explain(columns)
            parts.append(attribution_table(told, self._explainer.names, answers))
        names = [name for part in parts for name in part.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceError(
                f"{where}: `{twice[0]}` is a column to keep and one of the answers; rename it"
            )
        self.columns = names
        return pl.concat([part for part in parts if part.width], how="horizontal"), margins


class Pieces:
    """Answers on disk in pieces, put together into one file at the end, with little memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []

    def add(self, answers: pl.DataFrame) -> None:
        """Keep a piece. Raises OSError."""
        self._files.append(self._folder / f"{len(self._files)}.parquet")
        answers.write_parquet(self._files[-1])

    def join(self, out: Path) -> None:
        """Write all pieces to a file, or replace it, at once. Raises OSError."""
        whole, draft = (
            pl.scan_parquet(self._files, glob=False),
            self._folder / f"whole{out.suffix}",
        )
        if out.suffix == ".csv":
            whole.sink_csv(draft)
        else:
            whole.sink_parquet(draft)
        draft.replace(out)
