"""Finds how the times of a column are written, and whether its days or its months come first.

Invariant: the form is that which reads most values. Only where both orders of day and month read
equally many, the order of the rows and the span of the times decide, and the reason says so.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from liverank.values.times import TimeForm, moment_of

_FORMS: tuple[TimeForm, ...] = ("iso", "month_first", "day_first", "month_name", "yyyymmdd")
_LOOKS = re.compile(
    r"\d{1,4}(?:st|nd|rd|th)?[-/. ]\w{1,9}\.?[-/., ]{1,2}\d{1,4}|\d{4}-\d\d$|"
    r"[A-Za-z]{3,9}[-., ]{1,2}[\w ]{1,13}[-/,. ]{1,2}\d|\d{8}(?:T?\d{4}(?:\d\d)?)?$",
    re.ASCII,
)
"""Begins like a time, with a day, a month and a year."""
_NO_DAY = re.compile(r"0{2,4}[-/.]00[-/.]0{2,4}(?:[T ][0:.]*)?|0{8}")
"""A placeholder for an unknown time, such as 0000-00-00."""
_SHORT_YEAR = re.compile(r"\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3})[-/. ]\d\d(?!\d)")
_ORDERED = 0.95
"""Share of the steps between times that go one way, for times to be in order."""
_TIMES_WIDER = 3.0
"""An order of day and month is implausible if its times span this many times more."""


class TimeFormFound(NamedTuple):
    """How times are written, and why day or month comes first where that was a guess."""

    form: TimeForm
    reason: str
    are_all_read: bool
    is_guess: bool = False


def find_time_form(counts: Mapping[str, int], least: float) -> TimeFormFound | None:
    """How at least this share of the texts is written as times; None if they are no times.

    ``counts`` is in the order in which the texts occur first.

    >>> find_time_form({"22.01.2024": 1, "11.01.2024": 1}, 0.95).reason
    'days come first: a value has a day above 12'
    >>> find_time_form({"1/2/2024": 1, "1/3/2024": 1}, 0.95).form
    'month_first'
    """
    known = {text: n for text, n in counts.items() if not _NO_DAY.fullmatch(text)}
    total = sum(known.values())
    if not total or sum(n for text, n in known.items() if _LOOKS.match(text)) < least * total:
        return None
    read = dict.fromkeys(_FORMS, 0)
    for form in _FORMS:
        read[form] = sum(n for text, n in known.items() if not math.isnan(moment_of(text, form)))
        if read[form] == total and form != "month_first":
            break  # the others cannot read more
    best = max(_FORMS, key=lambda form: read[form])
    if read[best] < least * total:
        return None
    if best == "yyyymmdd" and not all(_is_whole_day(text) for text in known):
        return None
    are_all_read = read[best] == sum(counts.values())
    if best not in ("month_first", "day_first"):
        return TimeFormFound(best, f"times ({best})", are_all_read)
    if read["month_first"] == read["day_first"]:
        return _day_or_month_first(list(known), are_all_read)
    first = "months" if best == "month_first" else "days"
    return TimeFormFound(best, f"{first} come first: a value has a day above 12", are_all_read)


def looks_like_short_years(counts: Mapping[str, int]) -> str | None:
    """A text with a year of two digits, if nearly all are so; such times need a given form.

    >>> looks_like_short_years({"22/01/24": 3, "23/01/24": 2})
    '22/01/24'
    """
    short = [text for text in counts if _SHORT_YEAR.match(text)]
    return short[0] if short and len(short) >= 0.95 * len(counts) else None


def _is_whole_day(text: str) -> bool:
    """Whether digits are a day from 1900 to 2100, not any number of eight digits."""
    return len(text) >= 8 and "1900" <= text[:4] <= "2100"


def _day_or_month_first(texts: Sequence[str], are_all_read: bool) -> TimeFormFound:
    """The more plausible of two orders that both read all texts, and why."""
    month = [moment_of(text, "month_first") for text in texts]
    day = [moment_of(text, "day_first") for text in texts]
    month, day = ([at for at in each if not math.isnan(at)] for each in (month, day))
    if _in_order(month) != _in_order(day):
        form = "month_first" if _in_order(month) else "day_first"
        return _guess(form, are_all_read, "only so are the rows in the order of time")
    spans = {"month_first": _span(month), "day_first": _span(day)}
    short, wide = sorted(spans, key=lambda form: spans[form])
    if spans[wide] > _TIMES_WIDER * spans[short]:
        days = {form: f"{spans[form] / 86_400_000 + 1:.0f}" for form in spans}
        return _guess(
            short, are_all_read, f"so they cover {days[short]} days instead of {days[wide]}"
        )
    has_half_days = any(re.search(r"[AaPp]\.?[Mm]\.?$", text) for text in texts)
    form = "month_first" if has_half_days or "/" in texts[0] else "day_first"
    return _guess(form, are_all_read, "as is usual in this spelling; no value shows which")


def _guess(form: TimeForm, are_all_read: bool, why: str) -> TimeFormFound:
    first = "months" if form == "month_first" else "days"
    return TimeFormFound(form, f"{first} are taken to come first, {why}", are_all_read, True)


def _in_order(moments: Sequence[float]) -> bool:
    rises = sum(b >= a for a, b in pairwise(moments))
    falls = sum(b <= a for a, b in pairwise(moments))
    return len(moments) > 2 and max(rises, falls) >= _ORDERED * (len(moments) - 1)


def _span(moments: Sequence[float]) -> float:
    return max(moments) - min(moments)
