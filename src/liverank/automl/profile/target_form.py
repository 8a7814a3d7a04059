"""Reads a target whose numbers are written for people, and names values that are no numbers.

Invariant: the target is numbers only if every known value is one.
"""

from collections import Counter

import msgspec
import numpy as np
import polars as pl

from liverank.automl.data.columns import read_column
from liverank.models.encoder.columns import Input, number_reader
from liverank.values.evidence import Texts
from liverank.values.kinds import how_read
from liverank.values.number_forms import NumberForm
from liverank.values.words import UNKNOWN


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
