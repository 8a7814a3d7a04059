"""Types that the user gives to columns, such as ``number`` or ``time:%m/%d/%Y %H:%M``.

Invariant: values that a given type cannot read are counted, and an example is shown.
"""

import datetime
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, cast, get_args

import msgspec
import numpy as np
import polars as pl

from liverank.errors import TrainingError
from liverank.models.encoder.columns import ColumnType, Input, number_reader
from liverank.values.evidence import SEPARATORS, Texts
from liverank.values.kinds import day_order_note, unread
from liverank.values.numbers import number_of
from liverank.values.numeric_times import numeric_time_of
from liverank.values.times import TIME_FORMS, TimeForm, moment_of
from liverank.values.words import boolean_of


class GivenType(NamedTuple):
    """The type that a user gave, and the form of its times, if any."""

    type: ColumnType
    time_form: TimeForm | None = None


class TypedColumn(NamedTuple):
    """A column with its given type, and the values that it cannot read, if any."""

    form: Input
    oddity: str | None


def given_types(
    types: Mapping[str, str], time: str | None, time_format: str | None
) -> dict[str, GivenType]:
    """The types by column; the column ``time`` is a time, in the form ``time_format`` if given.

    Raises TrainingError for an unknown type or form.

    >>> given_types({"zip": "category"}, "at", "%m/%d/%Y")["at"]
    GivenType(type='time', time_form='%m/%d/%Y')
    """
    given = {name: _parsed(name, text) for name, text in types.items()}
    if time_format is not None and time is None:
        raise TrainingError(
            "--time-format is the form of the --time column, and none is named: name it, or give a "
            "column its form by --type COL=time:FORMAT"
        )
    if time is not None:
        form = given[time].time_form if time in given else None
        if time_format is not None:
            form = _checked_form(time, time_format)
        given[time] = GivenType("time", form)
    return given


def with_type(name: str, present: pl.Series, counts: Counter[str], given: GivenType) -> TypedColumn:
    """A column of a given type: ``present`` are its known values, ``counts`` those that are text.

    >>> texts = pl.Series("price", ["7", "free"])
    >>> with_type("price", texts, Counter(texts), GivenType("number")).oddity
    '1 of 2 values are not numbers ("free") and are treated as unknown'
    """
    wanted, is_numeric = given.type, present.dtype.is_numeric()
    form, odd = Input(name=name, type=wanted), None
    if wanted == "category":
        numbers = bool(counts) and not any(np.isnan(number_of(word)) for word in counts)
        form = Input(name=name, type=wanted, numeric=is_numeric or numbers)
    elif wanted == "time":
        form, odd = _time(name, present, counts, given.time_form)
    elif wanted == "number":
        found = Texts(name, counts).number_form
        form = Input(name=name, type=wanted, number_form=found.form if found else msgspec.UNSET)
        odd = unread(counts, number_reader(form.number_form), "numbers")
    elif wanted == "boolean":
        words = (
            Counter({f"{v:.15g}": 1 for v in present.unique().to_list()}) if is_numeric else counts
        )
        odd = unread(words, boolean_of, "booleans")
    elif wanted == "list" and counts:
        rows_with = {s: sum(n for word, n in counts.items() if s in word) for s in SEPARATORS}
        best = max(rows_with, key=lambda s: rows_with[s])
        is_json = all(word.startswith("[") for word in counts)
        form = Input(name=name, type=wanted, separator=None if is_json else best)
    return TypedColumn(form, odd)


def _time(
    name: str, present: pl.Series, counts: Counter[str], time_form: TimeForm | None
) -> TypedColumn:
    odd, are_all_read = None, False
    if time_form is None and present.dtype.is_numeric():
        found = numeric_time_of(present.cast(pl.Float64).drop_nans().to_numpy())
        time_form, odd = found.form, found.oddity
    elif time_form is None and counts:
        texts = Texts(name, counts)
        as_text = texts.time_form(least=0.5)
        numbers = [] if as_text is not None else [number_of(word) for word in counts]
        if as_text is None and not np.isnan(numbers).any():
            found = numeric_time_of(np.array(numbers))
            time_form, odd = found.form, found.oddity
        elif as_text is not None:
            time_form, are_all_read = as_text.form, as_text.are_all_read
            odd = day_order_note(texts, as_text) if as_text.is_guess else None
    form = Input(name=name, type="time", time_form=time_form or "iso")
    misread = None
    if not are_all_read:
        misread = unread(counts, lambda word: moment_of(word, form.time_form), "times")
    return TypedColumn(form, "; ".join(filter(None, [odd, misread])) or None)


def _parsed(name: str, text: str) -> GivenType:
    kind, colon, form = text.partition(":")
    if kind not in get_args(ColumnType) or (colon and kind != "time"):
        raise TrainingError(
            f"column `{name}` is given the type `{text}`; expected one of "
            f"{', '.join(get_args(ColumnType))}, or time:FORMAT"
        )
    return GivenType(cast("ColumnType", kind), _checked_form(name, form) if colon else None)


def _checked_form(name: str, form: str) -> TimeForm:
    """The form of times if there is such a one. Raises TrainingError."""
    if form in TIME_FORMS:
        return form
    try:
        datetime.datetime.strptime("", form)  # only the pattern matters
        is_known = "%" in form
    except ValueError as error:
        is_known = "%" in form and "does not match format" in str(error)
    if not is_known:
        raise TrainingError(
            f"column `{name}` is given times of the form `{form}`; expected a pattern such as "
            f"%m/%d/%Y %H:%M, or one of {', '.join(TIME_FORMS)}"
        )
    return form
