"""Infers the type of a column from its values and its name.

Invariant: the type does not depend on the order of the rows; values that do not fit the type are
reported, never corrected silently.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from liverank.events.schema.column_names import CODE_COLUMN, TIME_COLUMN, snake_case
from liverank.models.encoder.columns import (
    FALSE,
    TRUE,
    UNKNOWN,
    ColumnType,
    Input,
    TimeForm,
    moment_of,
    number_of,
)

_MOSTLY = 0.95
"""Share of the known values that must read as a type for the column to have it."""
_EPOCH_S, _EPOCH_MS = (946_684_800, 2_208_988_800), (946_684_800_000, 2_208_988_800_000)
"""Unix times of the years 2000 to 2040, in seconds and in milliseconds."""
_SEPARATORS = ("|", ";", ",")
"""Separators of list elements, tried in this order."""


class InferredType(NamedTuple):
    """The type of a column, the reason for it, and values that do not fit, if any."""

    form: Input
    reason: str
    oddity: str | None = None


def infer_type(column: pl.Series, wanted: ColumnType | None = None) -> InferredType | None:
    """The type of a column, or ``wanted`` if given. None for data types that no model can read.

    >>> infer_type(pl.Series("tags", ["ai|art", "art", "ai|art|go"] * 9)).form.type
    'list'
    >>> infer_type(pl.Series("opened", ["2026-01-02", "2026-01-03"])).form.type
    'time'
    """
    dtype, name = column.dtype, column.name
    present = column.drop_nulls()
    if isinstance(dtype, pl.Categorical | pl.Enum):
        present = present.cast(pl.String)
    if wanted is not None:
        return _with_type(name, present, wanted)
    if dtype == pl.Boolean:
        return _inferred(name, "boolean", "true or false")
    if isinstance(dtype, pl.Datetime | pl.Date):
        return _inferred(name, "time", "its data type is a time")
    if isinstance(dtype, pl.List | pl.Array):
        return _inferred(name, "list", "its data type is a list")
    if isinstance(dtype, pl.Duration | pl.Time) or dtype.is_nested() or dtype == pl.Binary:
        return None
    if dtype.is_numeric():
        return _infer_numbers(name, present.cast(pl.Float64).drop_nans().to_numpy())
    if present.dtype == pl.String:
        return _infer_texts(name, present.to_list())
    return None


def _inferred(name: str, type_: ColumnType, reason: str) -> InferredType:
    return InferredType(Input(name=name, type=type_), reason)


def _infer_numbers(name: str, values: np.ndarray) -> InferredType:
    is_whole = bool(np.equal(values, np.floor(values)).all())
    if not is_whole or len(values) == 0:
        return _inferred(name, "number", "numbers")
    distinct = np.unique(values)
    if len(distinct) == 2 and distinct.tolist() == [0.0, 1.0]:
        return _inferred(name, "boolean", "0 or 1")
    is_time_name = bool(TIME_COLUMN.search(snake_case(name)))
    if _within(values, _EPOCH_MS) or (is_time_name and _within(values, _EPOCH_S)):
        form: TimeForm = "epoch_ms" if values[0] >= _EPOCH_MS[0] else "epoch_s"
        unit = "milliseconds" if form == "epoch_ms" else "seconds"
        return InferredType(
            Input(name=name, type="time", time_form=form), f"Unix {unit} of the years 2000 to 2040"
        )
    if CODE_COLUMN.search(snake_case(name)):
        return InferredType(
            Input(name=name, type="category", numeric=True),
            "whole numbers, and the name is that of an id or a code",
        )
    if _within(values, _EPOCH_S) and len(distinct) > 1:
        return InferredType(
            Input(name=name, type="number"),
            "numbers",
            'these could be Unix seconds; if they are, give this column the type "time"',
        )
    return _inferred(name, "number", "numbers")


def _infer_texts(name: str, texts: list[str]) -> InferredType:
    counts = Counter(text.strip() for text in texts)
    known = {word: n for word, n in counts.items() if word.lower() not in UNKNOWN}
    total = sum(known.values())
    if total == 0:
        return _inferred(name, "category", "no values")
    if all(word.lower() in TRUE or word.lower() in FALSE for word in known) and len(known) == 2:
        return _inferred(name, "boolean", "two words that mean true and false")
    form = _time_form(known, total)
    if form is not None:
        oddity = _unread(known, lambda word: moment_of(word, form), "times")
        return InferredType(
            Input(name=name, type="time", time_form=form), f"times ({form})", oddity
        )
    numbers = sum(n for word, n in known.items() if not np.isnan(number_of(word)))
    if any(re.fullmatch(r"0\d+", word) for word in known):
        return _inferred(name, "category", "numbers with leading zeros, so codes")
    if numbers >= _MOSTLY * total and len(known) > 2:
        oddity = _unread(known, number_of, "numbers")
        return InferredType(Input(name=name, type="number"), "numbers written as text", oddity)
    separator = _separator(known, total)
    if separator is not None:
        why = f'a few values that occur again and again, separated by "{separator}"'
        return InferredType(
            Input(name=name, type="list", separator=None if separator == "[" else separator), why
        )
    if _is_prose(known, total):
        return _inferred(name, "text", "several words, rarely the same ones")
    share = f"{numbers / total:.0%} of the values are numbers, the others are text"
    reason = "texts that occur again and again"
    return InferredType(Input(name=name, type="category"), reason, share if numbers else None)


def _with_type(name: str, present: pl.Series, wanted: ColumnType) -> InferredType:
    form = Input(name=name, type=wanted)
    texts = [text.strip() for text in present.to_list()] if present.dtype == pl.String else []
    counts = Counter(text for text in texts if text.lower() not in UNKNOWN)
    if wanted == "category":
        numeric = present.dtype.is_numeric() or (
            bool(counts) and not any(np.isnan(number_of(word)) for word in counts)
        )
        form = Input(name=name, type=wanted, numeric=numeric)
    elif wanted == "time" and present.dtype.is_numeric():
        in_ms = bool(np.median(np.abs(present.to_numpy())) > 1e11) if len(present) else False
        form = Input(name=name, type=wanted, time_form="epoch_ms" if in_ms else "epoch_s")
    elif wanted == "time" and counts:
        time_form = _time_form(counts, sum(counts.values()), least=0.5)
        form = Input(name=name, type=wanted, time_form=time_form or "iso")
    elif wanted == "list" and counts:
        rows_with = {s: sum(n for word, n in counts.items() if s in word) for s in _SEPARATORS}
        best = max(rows_with, key=lambda s: rows_with[s])
        is_json = all(word.startswith("[") for word in counts)
        form = Input(name=name, type=wanted, separator=None if is_json else best)
    return InferredType(form, "the type was given")


def _time_form(counts: dict[str, int], total: int, least: float = _MOSTLY) -> TimeForm | None:
    """How the values are written if they are times; None if day and month are ambiguous."""
    forms: tuple[TimeForm, ...] = ("iso", "month_first", "day_first")
    if not any(character in next(iter(counts)) for character in "-/."):
        return None
    read = {
        form: sum(n for word, n in counts.items() if not np.isnan(moment_of(word, form)))
        for form in forms
    }
    best = max(forms, key=lambda form: read[form])
    if read[best] < least * total:
        return None
    if best != "iso" and read["month_first"] == read["day_first"]:
        return None
    return best


def _separator(counts: dict[str, int], total: int) -> str | None:
    """The separator of list elements, "[" for JSON lists; None when the values are no lists."""
    if all(word.startswith("[") and word.endswith("]") for word in counts):
        return "["
    for separator in _SEPARATORS:
        elements: Counter[str] = Counter()
        lists = 0
        for word, n in counts.items():
            parts = word.split(separator)
            lists += n * (len(parts) > 1)
            elements.update({part.strip(): n for part in parts})
        is_reused = len(elements) <= max(0.5 * len(counts), 2) or (
            len(elements) <= 0.1 * elements.total()
        )
        words = np.mean([len(element.split()) for element in elements])
        if lists > 0.2 * total and len(elements) > 2 and is_reused and words < 2.5:
            return separator
    return None


def _is_prose(counts: dict[str, int], total: int) -> bool:
    words = sum(n * len(word.split()) for word, n in counts.items()) / total
    return words >= 3 and len(counts) > max(min(0.3 * total, 200), 20)


def _unread(counts: dict[str, int], read: Callable[[str], float], what: str) -> str | None:
    """Describes the values that cannot be read; None if there are none."""
    odd = {word: n for word, n in counts.items() if np.isnan(read(word))}
    if not odd:
        return None
    some = ", ".join(f'"{word[:30]}"' for word in sorted(odd, key=lambda w: (-odd[w], w))[:3])
    return f"{sum(odd.values())} values are not {what} ({some}) and are treated as unknown"


def _within(values: np.ndarray, span: tuple[int, int]) -> bool:
    return len(values) > 0 and bool((values >= span[0]).all() and (values <= span[1]).all())
