"""Numbers as people write them: grouped digits, decimal commas, currencies, percentages, signs.

    1,234.50   1.234,56   1 234,56   1'234   $1,234.50   12.5 %   (1,234)   1234-   +5   -5

A whole column is read by one form, which its input records, so that training, prediction and the
server read alike. Invariant: a text of another form is unknown, never another number.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from liverank.values.numbers import number_in_range, number_of

DecimalMark: TypeAlias = Literal[".", ","]

MOSTLY = 0.95
"""Share of the known values that must read as a kind for a column to have it."""
PERCENT = "%"
CURRENCIES = {
    "US$": "$",
    "USD": "$",
    "A$": "AUD",
    "C$": "CAD",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
    "RUB": "₽",
    "KRW": "₩",
    "TRY": "₺",
    "R$": "BRL",
    "PLN": "zł",
    "SFr.": "CHF",
    **{code: code for code in ("AUD", "CAD", "BRL", "CHF", "CNY", "SEK", "NOK", "DKK", "CZK")},
    **{sign: sign for sign in ("$", "€", "£", "¥", "₹", "₽", "₩", "₺", "zł", "kr", "Fr.")},
}
"""The name of each currency by what is written next to a number."""

ALIKE = {
    **dict.fromkeys("\u2212\u2010\u2011", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f\u2007", " "),
    **dict.fromkeys("\u2019\u02bc", "'"),
}
"""Characters that are read as another: minus signs, blanks that do not break, apostrophes."""

_UNIT = "|".join(re.escape(unit) for unit in sorted([*CURRENCIES, PERCENT], key=len, reverse=True))


class NumberForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the numbers of a column are written."""

    decimal: DecimalMark = "."
    """The decimal mark; the other of ``.`` and ``,``, a blank or an apostrophe group digits."""
    unit: str | None = None
    """``%`` if all values are percentages (12.5 % is 12.5), or a currency, which may be absent."""


class FormFound(NamedTuple):
    """A form, what it reads, and why it was chosen."""

    form: NumberForm
    read: int
    """Number of values that it reads."""
    reason: str


def pattern_of(decimal: DecimalMark) -> str:
    """The regular expression of a number, for Python's ``re`` and polars alike.

    Its groups are those of ``GROUPS``.
    """
    grouping = re.escape("," if decimal == "." else ".")
    groups = rf"(?:{grouping}[0-9]{{3}})+|(?: [0-9]{{3}})+|(?:'[0-9]{{3}})+"
    lakhs = rf"|[1-9][0-9]?(?:{grouping}[0-9]{{2}})+{grouping}[0-9]{{3}}"
    whole = rf"(?:[1-9][0-9]{{0,2}}(?:{groups}){lakhs}|[0-9]+)"
    mark = re.escape(decimal)
    body = rf"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return rf"^(\()? ?([+-])? ?({_UNIT})? ?([+-])? ?({body}) ?({_UNIT})?(-)?(?: ({_UNIT}))?(\))?$"


GROUPS = ("open", "sign", "before", "inner", "body", "after", "minus", "last", "close")
"""What the groups of ``pattern_of`` are."""

_PATTERNS: dict[DecimalMark, re.Pattern[str]] = {
    ".": re.compile(pattern_of(".")),
    ",": re.compile(pattern_of(",")),
}
_BEGINS = re.compile(rf"\s*\(? ?[-+\u2212\u2010\u2011]?\s?(?:{_UNIT})?\s?[-+\u2212]?[.,]?[0-9]")
"""Begins like a number; most texts do not, and are passed over fast."""
_LEAST_SHARE = 0.2
"""Share of the texts that must begin like numbers for a form to be looked for."""
_ALIKE_TABLE = str.maketrans(ALIKE)


def number_written(text: str, form: NumberForm) -> float:
    """The number that a text is in this form, or NaN.

    >>> (
    ...     number_written("1.234,50 €", NumberForm(",", "€")),
    ...     number_written("($5)", NumberForm(unit="$")),
    ... )
    (1234.5, -5.0)
    >>> number_written("12.5 %", NumberForm(unit="%")), number_written("12.5 %", NumberForm())
    (12.5, nan)
    """
    number, unit = _parsed(text, form.decimal)
    fits = unit == form.unit or (unit is None and form.unit != PERCENT)
    return number if fits else math.nan


def find_number_form(counts: Mapping[str, int]) -> FormFound | None:
    """The form that reads most of the texts, of those that read more than plain numbers do.

    Where a comma stands before exactly three digits in every value, it groups digits; one other
    value shows that it is the decimal mark.

    >>> find_number_form({"491.80": 1, "1,234.50": 1}).form.decimal
    '.'
    >>> find_number_form({"1,234": 1, "0,5": 1}).form.decimal
    ','
    >>> find_number_form({"491.80": 1, "7": 1}) is None
    True
    """
    total = sum(counts.values())
    if sum(n for text, n in counts.items() if _BEGINS.match(text)) < _LEAST_SHARE * total:
        return None
    plain = sum(n for text, n in counts.items() if not math.isnan(number_of(text)))
    if plain == total:
        return None
    marks: tuple[DecimalMark, ...] = (".", ",")
    found = [_most_common(counts, decimal) for decimal in marks]
    best = max(found, key=lambda each: each[1])
    form, read = best
    if read <= plain or (plain >= MOSTLY * total and _changes(counts, form)):
        return None
    return FormFound(form, read, _reason(counts, form, is_tie=found[0][1] == found[1][1]))


def example_of(counts: Mapping[str, int], form: NumberForm) -> tuple[str, float] | None:
    """The clearest text that the form reads and a plain number does not, and its value."""
    odd = [t for t in counts if math.isnan(number_of(t)) and _fits(t, form)]
    if not odd:
        return None
    text = max(odd, key=lambda t: (len(re.findall(r"[^0-9]", t)), len(t), t))
    return text, number_written(text, form)


def _parsed(text: str, decimal: DecimalMark) -> tuple[float, str | None]:
    """The number and its unit; NaN where the text is no such number."""
    text = text.strip()
    match = _PATTERNS[decimal].match(text if text.isascii() else text.translate(_ALIKE_TABLE))
    if match is None:
        return math.nan, None
    parts = dict(zip(GROUPS, match.groups(), strict=True))
    signs = [s for s in (parts["sign"], parts["inner"], parts["minus"], parts["open"]) if s]
    units = [u for u in (parts["before"], parts["after"], parts["last"]) if u]
    if len(signs) > 1 or len(units) > 1 or (parts["open"] is None) != (parts["close"] is None):
        return math.nan, None
    body = re.sub(r"[ ']", "", parts["body"])
    body = body.replace(",", "") if decimal == "." else body.replace(".", "").replace(",", ".")
    number = number_in_range(float(body))
    unit = units[0] if units else None
    is_negative = bool(signs) and signs[0] != "+"
    return -number if is_negative else number, CURRENCIES.get(unit, unit) if unit else None


def _changes(counts: Mapping[str, int], form: NumberForm) -> bool:
    """Whether a plain number would be another one in this form, such as 1.234 as 1234."""
    numbers = ((number_of(text), number_written(text, form)) for text in counts)
    return any(not math.isnan(plain) and plain != written for plain, written in numbers)


def _fits(text: str, form: NumberForm) -> bool:
    return not math.isnan(number_written(text, form))


def _most_common(counts: Mapping[str, int], decimal: DecimalMark) -> tuple[NumberForm, int]:
    """The form with the unit that most values have, and how many values it reads."""
    of_unit: dict[str | None, int] = {None: 0}
    for text, n in counts.items():
        number, unit = _parsed(text, decimal)
        if not math.isnan(number):
            of_unit[unit] = of_unit.get(unit, 0) + n
    bare = of_unit[None]
    read = {unit: n + (0 if unit in (None, PERCENT) else bare) for unit, n in of_unit.items()}
    unit = max(read, key=lambda each: (read[each], each is None, str(each)))
    return NumberForm(decimal, unit), read[unit]


def _reason(counts: Mapping[str, int], form: NumberForm, *, is_tie: bool) -> str:
    other = "," if form.decimal == "." else "."
    if is_tie and any(other in text for text in counts):
        return f"three digits follow each `{other}`, so it groups digits"
    if form.decimal == ",":
        return "`,` is the decimal mark"
    return "`,` groups digits" if any("," in text for text in counts) else "numbers with signs"
