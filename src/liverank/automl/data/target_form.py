"""Reads a target whose numbers are written for people, and names values that are no numbers.

Invariant: the target is numbers only if every known value is one.
"""

from collections import Counter

import msgspec
import numpy as np
import polars as pl

from liverank.automl.data.columns import read_column
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, number_reader
from liverank.values.evidence import Texts
from liverank.values.kinds import how_read
from liverank.values.number_forms import MOSTLY, NumberForm
from liverank.values.words import UNKNOWN

_CLASSES = 100
"""Times with no more distinct values may be classes if they are texts."""


def check_no_time(column: pl.Series, task: str | None) -> None:
    """Raise TrainingError for a target of time spans or times, unless classes were asked for.

    >>> import datetime
    >>> check_no_time(pl.Series("y", [datetime.timedelta(seconds=4)]), None)
    Traceback (most recent call last):
    liverank.errors.TrainingError: target `y` is a time span (such as 0:00:04); write it as a ...
    """
    if task in ("binary", "multiclass"):
        return
    dtype, name, known = column.dtype, column.name, column.drop_nulls()
    example = known[0] if len(known) else None
    if isinstance(dtype, pl.Duration | pl.Time):
        what = "span" if isinstance(dtype, pl.Duration) else "of day"
        raise TrainingError(
            f"target `{name}` is a time {what} (such as {example}); write it as a number, such as "
            "its seconds"
        )
    texts = _texts(column)
    is_text_time = len(texts.counts) > _CLASSES and texts.time_form(MOSTLY) is not None
    if isinstance(dtype, pl.Date | pl.Datetime) or is_text_time:
        raise TrainingError(
            f"target `{name}` is a date or time (such as {example}); write it as a number, such as "
            "the days from a time of the row until then"
        )


def target_number_form(column: pl.Series) -> NumberForm | None:
    """The form of a target's numbers where plain numbers do not read all of them; else None.

    >>> target_number_form(pl.Series("paid", ["$840.00", "$2,430.00"])).unit
    '$'
    """
    texts = _texts(column)
    found = texts.number_form
    return found.form if found is not None and found.read == texts.total else None


def in_plain_numbers(column: pl.Series, form: NumberForm | None) -> pl.Series:
    """The column as numbers, null where unknown; the column itself where there is no form."""
    if form is None or column.dtype != pl.String:
        return column
    numbers = read_column(column, Input(name=column.name, type="number", number_form=form))
    return pl.Series(column.name, numbers).fill_nan(None)


def target_form_note(column: pl.Series, form: NumberForm) -> str:
    """Which value of a target is read as which number.

    >>> target_form_note(pl.Series("paid", ["$840.00", "$2,430.00"]), NumberForm(unit="$"))
    'target `paid`: "$2,430.00" is read as 2430; if that is wrong, write plain numbers'
    """
    read = how_read(_texts(column).counts, form)
    return f"target `{column.name}`: {read}; if that is wrong, write plain numbers"


def values_that_are_no_numbers(column: pl.Series) -> str | None:
    """Describes the values of a target of texts that keep it from being numbers.

    None where fewer than half of the known values are numbers.

    >>> values_that_are_no_numbers(pl.Series("dose", ["0.5", "0.7", "1.5", "<0.1"]))
    'holds "<0.1" in 1 of 4 rows, which is not a number, as the others are'
    """
    texts = _texts(column)
    found = texts.number_form
    form = msgspec.UNSET if found is None else found.form
    read = number_reader(form)
    odd = Counter({text: n for text, n in texts.counts.items() if np.isnan(read(text))})
    if not odd or 2 * odd.total() > texts.total:
        return None
    some = ", ".join(f'"{text[:30]}"' for text, _ in odd.most_common(3))
    is_one = len(odd) == 1
    return (
        f"holds {some} in {odd.total()} of {texts.total} rows, which "
        f"{'is not a number' if is_one else 'are not numbers'}, as the others are"
    )


def _texts(column: pl.Series) -> Texts:
    """The known texts of a column; none where it holds no texts."""
    given = column.drop_nulls().to_list() if column.dtype == pl.String else []
    counts = Counter(text.strip() for text in given)
    known = {text: n for text, n in counts.items() if text.lower() not in UNKNOWN}
    return Texts(column.name, known)
