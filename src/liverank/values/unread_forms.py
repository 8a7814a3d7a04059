"""Recognises texts that look like times, time spans or quantities in a form that is not read.

Invariant: what is found here is only reported, with an example and a cure; no value is changed.
"""

import re
from collections.abc import Callable, Mapping

_NEARLY_ALL = 0.95
_LONGEST = 40
"""Longest text that could be a time alone."""
_MOST_UNITS = 4
_FEW_LEVELS = 12
"""Quantities with no more distinct values than this do as levels."""

_YEAR = r"(?:1[89]|20|21)\d\d"
_TIME = re.compile(
    rf"{_YEAR}[-/. ]?(?:\d\d?[-/. ]\d\d?|\d{{4}}[ T-]\d\d?:?\d\d|W\d\d|Q[1-4])(?!\d)|"
    rf"\d\d?[-/. ]\d\d?[-/. ]{_YEAR}(?!\d)|"
    rf"(?:[^\W\d]{{2,9}}\.?,? )?\d\d?\.?[-/ ]?[^\W\d]{{3,9}}\.?,?[-/ ]?{_YEAR}(?!\d)"
)
"""Begins with a year and a part of it, or with a day, a month and a year."""
_CLOCK = r"[+-]?\d{1,4}:\d\d(?::\d\d(?:[.,]\d+)?)?"
_SPAN_WORD = r"(?:d|h|m|s|min|sec|days?|hours?|minutes?|seconds?|hrs?|mins?|secs?)"
_SPAN = re.compile(
    rf"{_CLOCK}(?: ?[AaPp]\.?[Mm]\.?)?|"
    r"-?P(?=[\dT])(?:\d+[YMWD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?|"
    rf"(?:\d+ ?{_SPAN_WORD},? ?)+(?:{_CLOCK})?"
)
_QUANTITY = re.compile(
    r"[+-]?\d[\d.,' \u00a0\u202f]*?(?P<blank>[ \u00a0\u202f]?)(?P<unit>[^\W\d_]{1,6}[²³]?|°[CF]?)"
)


def unread_form(name: str, counts: Mapping[str, int]) -> str | None:
    """What nearly all texts of a column look like, and how to write them; None for other texts.

    >>> note = unread_form("at", {"08:29:03": 1, "17:05:00": 1})
    >>> note.split(",")[0]
    'values such as "08:29:03" look like times of day or time spans'
    >>> unread_form("city", {"Ulm": 7})
    """
    if _nearly_all(counts, _SPAN.fullmatch):
        what = "look like times of day or time spans, which are not read as such; write them as "
        return _note(counts, _SPAN.fullmatch, what + "numbers, such as their seconds")
    if look_like_times(counts):
        what = "look like times in a form that is not read; write ISO 8601 (2026-11-23T10:00:00Z), "
        example = f'--type "{name}=time:%d.%m.%Y %H:%M"'
        return _note(counts, _looks_like_a_time, f"{what}or give their form, such as {example}")
    if (
        len(counts) > _FEW_LEVELS
        and _nearly_all(counts, _QUANTITY.fullmatch)
        and _have_units(counts)
    ):
        what = "look like numbers with a unit, which are not read as numbers; write the numbers "
        return _note(counts, _QUANTITY.fullmatch, what + "alone, all in one unit")
    return None


def look_like_times(counts: Mapping[str, int]) -> bool:
    """Whether nearly all texts begin as a time does.

    >>> look_like_times({"22FEB2024": 1, "7. Februar 2024": 1})
    True
    """
    return _nearly_all(counts, _looks_like_a_time)


def _nearly_all(counts: Mapping[str, int], fits: Callable[[str], object]) -> bool:
    n = sum(n for text, n in counts.items() if fits(text))
    return n >= _NEARLY_ALL * sum(counts.values()) > 0


def _note(counts: Mapping[str, int], fits: Callable[[str], object], what: str) -> str:
    return f'values such as "{next(filter(fits, counts))}" {what}'


def _looks_like_a_time(text: str) -> bool:
    return len(text) <= _LONGEST and _TIME.match(text) is not None


def _have_units(counts: Mapping[str, int]) -> bool:
    """Whether the ends of quantities are a few units, and not the letters of codes such as 12A."""
    found = [match for match in map(_QUANTITY.fullmatch, counts) if match]
    are_spelled = any(
        match["blank"] or len(match["unit"]) > 1 or "." in match[0] or "," in match[0]
        for match in found
    )
    return are_spelled and len({match["unit"] for match in found}) <= _MOST_UNITS
