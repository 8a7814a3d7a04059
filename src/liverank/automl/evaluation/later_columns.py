"""Compares columns of later rows with those that a model was trained on, as they are read.

Counts values that cannot be read or are not there, levels that training never saw, and times far
from those of training. Invariant: a column that training read and later rows do not is reported,
with the number of such values, an example and what to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.nested_columns import with_parts
from liverank.automl.data.unread_values import unread_rows
from liverank.automl.profile.profile import ColumnProfile
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.encoder import Encoder
from liverank.models.encoder.steps import Levels

_MORE_UNREAD = 0.01
"""A warning is due where the share of values that cannot be read is above training's by this."""
_NEARLY_ALL = 0.9
_LEAST_ROWS = 10
"""Fewest rows of which it means something that nearly all are odd."""
_YEAR_MS = 365.25 * 86_400_000


@dataclass
class _Counts:
    """What was odd in one column so far."""

    rows: int = 0
    unread: int = 0
    empty: int = 0
    known: int = 0
    unseen: int = 0
    unseen_ids: int = 0
    """Those of ``unseen`` that end in a digit, as ids do: new ids come all the time."""
    far: int = 0
    examples: dict[str, str] = field(default_factory=dict)
    """One value that is unread, unseen or far."""

    def note(self, kind: str, values: pl.Series) -> None:
        """Keep the first of the values as an example of its kind."""
        if len(values) and kind not in self.examples:
            self.examples[kind] = f"{values[0]}"[:40]


class LaterColumns:
    """Collects what is odd in batches of later rows, and says it in the end.

    ``golden`` are columns of a few training rows; ``profile`` is that of the training table, where
    it is known.
    """

    def __init__(
        self, encoder: Encoder, golden: Columns, profile: Iterable[ColumnProfile] = ()
    ) -> None:
        self._inputs = encoder.inputs
        self._golden = golden
        self._unread = {column.form.name: column.unread for column in profile}
        self._counts = {form.name: _Counts() for form in encoder.inputs}
        self._levels = _levels_of(encoder)

    def add(self, batch: pl.DataFrame, columns: Columns) -> None:
        """Add a batch of rows and its columns as the encoder reads them."""
        batch = with_parts(batch, [form.name for form in self._inputs])
        for form in self._inputs:
            if form.name in batch.columns:
                self._add_column(form, batch[form.name], columns[form.name])

    def warnings(self) -> list[str]:
        """What is odd and was not so in training, by column."""
        found = ((form.name, self._warning(form)) for form in self._inputs)
        return [f"column `{name}`: {text}" for name, text in found if text is not None]

    def notes(self) -> list[str]:
        """Values that cannot be read, where training had about as many, and new ids."""
        calm = [form for form in self._inputs if self._warning(form) is None]
        return [
            f"column `{form.name}`: {self._unread_text(form)}, as in training"
            for form in calm
            if self._of(form).unread
        ] + [
            f"column `{form.name}`: {self._unseen_text(form)}"
            for form in calm
            if self._are_unseen(form)
        ]

    def _of(self, form: Input) -> _Counts:
        return self._counts[form.name]

    def _add_column(self, form: Input, given: pl.Series, values: NDArray[Any]) -> None:
        counts = self._of(form)
        counts.rows += len(given)
        unknown = _unknown(values)
        counts.empty += unknown
        if form.type in ("number", "boolean", "time"):
            odd = unread_rows(given, values) if unknown else given.head(0)
            counts.unread += len(odd)
            counts.empty -= len(odd)
            counts.note("unread", odd)
        if form.type == "time":
            known = ~np.isnan(values)
            far = known & ~_within_reach(values, self._golden[form.name])
            counts.known += int(known.sum())
            counts.far += int(far.sum())
            counts.note("far", pl.Series(values[far]))
        if form.name in self._levels:
            levels = pl.Series(values.tolist(), dtype=pl.String).drop_nulls()
            unseen = levels.filter(~levels.is_in(self._levels[form.name]))
            counts.known += len(levels)
            counts.unseen += len(unseen)
            counts.unseen_ids += int(unseen.str.contains(r"[0-9]$").sum())
            counts.note("unseen", unseen)

    def _warning(self, form: Input) -> str | None:
        counts, before = self._of(form), self._unread.get(form.name)
        if counts.unread > ((before or 0.0) + _MORE_UNREAD) * counts.rows:
            trained = {None: "", 0.0: "; in training none was"}.get(
                before, f"; in training {before or 0.0:.1%} were"
            )
            return f"{self._unread_text(form)}{trained}: write them as in the training table"
        if self._are_empty(form):
            return (
                f"{counts.empty} of {counts.rows} values are empty, and in training most were not: "
                "see that the column is filled where the rows come from"
            )
        if counts.known < _LEAST_ROWS:
            return None
        if counts.far >= _NEARLY_ALL * counts.known:
            golden = self._golden[form.name]
            return (
                f"{counts.far} of {counts.known} times are far from those of training, such as "
                f"{_day(float(counts.examples['far']))} (training: about {_day(np.nanmin(golden))} "
                f"to {_day(np.nanmax(golden))}): see that their form and unit are the same"
            )
        are_ids = 2 * counts.unseen_ids > counts.unseen
        return self._unseen_text(form) if self._are_unseen(form) and not are_ids else None

    def _are_empty(self, form: Input) -> bool:
        """Whether nearly all values are empty, and most of the golden rows have one."""
        counts, golden = self._of(form), self._golden[form.name]
        is_nearly_all = counts.empty >= max(_NEARLY_ALL * counts.rows, _LEAST_ROWS)
        return is_nearly_all and 2 * _unknown(golden) < len(golden)

    def _are_unseen(self, form: Input) -> bool:
        """Whether nearly all values are levels that training, which saw its own, did not have."""
        counts = self._of(form)
        is_nearly_all = counts.unseen >= max(_NEARLY_ALL * counts.known, _LEAST_ROWS)
        return is_nearly_all and self._was_seen(form)

    def _unseen_text(self, form: Input) -> str:
        counts = self._of(form)
        return (
            f"{counts.unseen} of {counts.known} values are levels that training never or rarely "
            f'saw, such as "{counts.examples["unseen"]}": see that they are spelled as in the '
            "training table, or train again with such rows"
        )

    def _unread_text(self, form: Input) -> str:
        counts = self._of(form)
        return (
            f"{counts.unread} of {counts.rows} values are not {_nouns(form)} "
            f'("{counts.examples["unread"]}") and are treated as unknown'
        )

    def _was_seen(self, form: Input) -> bool:
        """Whether most of the golden rows have one of the levels."""
        known = [value for value in self._golden[form.name].tolist() if value is not None]
        return sum(value in self._levels[form.name] for value in known) > 0.5 * len(known)


def _levels_of(encoder: Encoder) -> dict[str, list[str]]:
    """The levels of each category that is encoded by itself."""
    categories = {form.name for form in encoder.inputs if form.type == "category"}
    return {
        step.columns[0]: list(step.levels)
        for step in encoder.spec.steps
        if isinstance(step, Levels) and len(step.columns) == 1 and step.columns[0] in categories
    }


def _unknown(values: NDArray[Any]) -> int:
    """How many values of a column are unknown."""
    if values.dtype == object:
        return sum(value is None for value in values)
    return int(np.isnan(values).sum())


def _within_reach(at_ms: NDArray[np.float64], trained: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether times are within ten times the span of training, and a year, of those of training."""
    if np.isnan(trained).all():
        return np.ones(len(at_ms), np.bool_)
    low, high = float(np.nanmin(trained)), float(np.nanmax(trained))
    reach = 10 * (high - low) + _YEAR_MS
    return (at_ms >= low - reach) & (at_ms <= high + reach)


def _nouns(form: Input) -> str:
    return {"number": "numbers", "boolean": "booleans", "time": "times"}[form.type]


def _day(at_ms: float) -> str:
    return str(np.datetime64(int(at_ms // 1000), "s").astype("M8[D]"))
