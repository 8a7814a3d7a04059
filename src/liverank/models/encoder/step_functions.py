"""The arithmetic of encoder steps: levels and tokens as table rows, calendar parts, bags.

All of it is in float64; NaN is unknown. Both the encoder and the code that fits it use these
functions, so that both see the same levels and tokens.
"""

import math
import re
from itertools import pairwise, repeat
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.models.encoder.columns import level_of
from liverank.values.numbers import number_of

Floats = NDArray[np.float64]
Part: TypeAlias = Literal["hour", "weekday", "day", "month", "day_of_year", "elapsed"]
Operation: TypeAlias = Literal["plus", "minus", "times", "over"]
RowOfLevel: TypeAlias = dict[str | float | None, int]
"""The table row of each level and, for columns of numbers, of each number; None is unknown."""

JOIN = "\x1f"
"""Separator between the levels of a cross; no level contains it."""
DAY_MS = 86_400_000.0

_WORD = re.compile(r"\w{1,40}")
_DIGITS = "0123456789"
_FLOAT_DIGITS = 38
"""Digits that every number has room for."""
_NUMBER_STARTS = "+-." + _DIGITS


def rows_of_levels(levels: tuple[str, ...], *, of_numbers: bool = False) -> RowOfLevel:
    """The table row of each level; then one row for other levels, one for unknown values.

    With ``of_numbers``, also the row of each number whose level is among them.
    """
    rows: RowOfLevel = {level: row for row, level in enumerate(levels)}
    if of_numbers:
        for row, level in enumerate(levels):
            number = number_of(level)
            if level_of(number) == level:
                rows[number] = row
    rows[None] = len(levels) + 1
    return rows


def level_codes(columns: list[NDArray[Any]], rows: RowOfLevel) -> NDArray[np.int64]:
    """The table row of each row's level: int64[n]. ``rows`` as from ``rows_of_levels``.

    The levels of one column of numbers must be from ``rows_of_levels`` with ``of_numbers``.

    >>> level_codes([np.array(["b", "z", None], object)], rows_of_levels(("a", "b"))).tolist()
    [1, 2, 3]
    >>> numbers = rows_of_levels(("7", "0.5"), of_numbers=True)
    >>> level_codes([np.array([0.5, 7.0, 8.0, np.nan])], numbers).tolist()
    [1, 0, 2, 3]
    """
    unknown = rows[None]
    is_number = len(columns) == 1 and columns[0].dtype != object
    keys = columns[0].tolist() if is_number else level_keys(columns)
    codes = np.fromiter(map(rows.get, keys, repeat(unknown - 1)), np.int64, len(keys))
    if is_number:
        codes[np.isnan(columns[0])] = unknown
    return codes


def trailing_numbers(values: NDArray[Any]) -> Floats:
    """The number that each text is, or that its last digits are: float64[n], NaN without one.

    ``values`` is object[n] of str, None where unknown.

    >>> trailing_numbers(np.array(["user_12", "A07", "-3", "4.5", "b", None], object)).tolist()
    [12.0, 7.0, -3.0, 4.5, nan, nan]
    """
    return np.array([_trailing_number(text) for text in values.tolist()], np.float64)


def _trailing_number(text: str | None) -> float:
    if not text:
        return math.nan
    digits = text[len(text.rstrip(_DIGITS)) :]
    if digits and text[0] in _NUMBER_STARTS and len(digits) < len(text):
        whole = number_of(text)
        if not math.isnan(whole):
            return whole
    # Most ids are short: number_of would take three times as long.
    return float(digits) if 0 < len(digits) <= _FLOAT_DIGITS else number_of(digits)


def scaled(values: Floats, shift: float, scale: float, *, is_log: bool) -> Floats:
    """Values less a shift, divided by a scale; with ``is_log`` on a logarithmic scale, with sign.

    Infinity is the largest float64, so that differences of extreme values stay in order.

    >>> scaled(np.array([1e9, 1e9 + 1, np.nan]), 1e9, 0.5, is_log=False).tolist()
    [0.0, 2.0, nan]
    >>> scaled(np.array([-1e-60, 0.0, 1e-60]), 0.0, 1e-60, is_log=True).round(3).tolist()
    [-0.693, 0.0, 0.693]
    """
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        z = np.clip((np.asarray(values, np.float64) - shift) / scale, -largest, largest)
    return np.sign(z) * np.log(1.0 + np.abs(z)) if is_log else z


def combine(left: Floats, right: Floats, operation: Operation) -> Floats:
    """The result of an operation on two numbers; NaN if either is unknown or it is not finite.

    >>> combine(np.array([6.0, 1.0]), np.array([3.0, 0.0]), "over").tolist()
    [2.0, nan]
    """
    compute = {"plus": np.add, "minus": np.subtract, "times": np.multiply, "over": np.divide}
    with np.errstate(all="ignore"):
        result = compute[operation](left, right)
    return np.where(np.isfinite(result), result, np.nan)


def calendar_parts(at_ms: Floats, parts: tuple[Part, ...]) -> Floats:
    """Calendar parts of Unix ms, float64[n, n_parts], NaN where the time is unknown.

    >>> calendar_parts(np.array([0.0, np.nan]), ("hour", "weekday", "month")).tolist()
    [[0.0, 3.0, 1.0], [nan, nan, nan]]
    """
    known = ~np.isnan(at_ms)
    at = np.where(known, at_ms, 0.0)
    result = np.empty((len(at), len(parts)))
    for column, part in enumerate(parts):
        result[:, column] = np.where(known, _calendar_part(at, part), np.nan)
    return result


def _calendar_part(at: Floats, part: Part) -> NDArray[Any]:
    whole = np.floor(at / DAY_MS)
    days = whole.astype(np.int64).astype("datetime64[D]")
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    values: NDArray[Any]
    match part:
        case "hour":
            values = np.floor((at - whole * DAY_MS) / 3_600_000.0)
        case "weekday":
            values = np.mod(whole + 3, 7)
        case "day":
            values = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        case "month":
            values = months.astype(np.int64) % 12 + 1
        case "day_of_year":
            values = (days - years.astype("datetime64[D]")).astype(np.int64) + 1
        case "elapsed":
            values = at / DAY_MS
    return values


def level_keys(columns: list[NDArray[Any]]) -> list[str | None]:
    r"""The level of each row; of several columns, their levels joined.

    >>> level_keys([np.array(["a", None], object), np.array([1.0, np.nan])])
    ['a\x1f1', '\x1f']
    """
    parts = [
        column.tolist() if column.dtype == object else [level_of(v) for v in column.tolist()]
        for column in columns
    ]
    if len(parts) == 1:
        return list(parts[0])
    return [JOIN.join([part or "" for part in row]) for row in zip(*parts, strict=True)]


def token_bags(values: NDArray[Any], *, is_text: bool) -> list[tuple[str, ...] | None]:
    """The tokens of each row, each once: a list's elements, or a text's words and pairs of words.

    >>> token_bags(np.array(["AI, live!", None], object), is_text=True)
    [('ai', 'live', 'ai live'), None]
    """
    if not is_text:
        return list(values.tolist())
    return [None if text is None else _tokens(text) for text in values.tolist()]


def _tokens(text: str) -> tuple[str, ...]:
    words = _WORD.findall(text.lower())
    pairs = map(" ".join, pairwise(words))
    return tuple(dict.fromkeys([*words, *pairs]))


def bag_pairs(
    bags: list[tuple[str, ...] | None], numbers: RowOfLevel
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and token number of each known token of each row, row by row: int64[n_pairs] each."""
    rows: list[int] = []
    codes: list[int] = []
    for row, bag in enumerate(bags):
        known = [numbers[token] for token in bag if token in numbers] if bag else []
        codes += known
        rows += repeat(row, len(known))
    return np.array(rows, np.int64), np.array(codes, np.int64)


def bag_sizes(bags: list[tuple[str, ...] | None]) -> Floats:
    """Tokens of each row, NaN where unknown: float64[n]."""
    return np.array([np.nan if bag is None else len(bag) for bag in bags], np.float64)


def bag_shown(
    rows: NDArray[np.int64], codes: NDArray[np.int64], n: int, shown: NDArray[np.int64]
) -> Floats:
    """1 or 0, whether a row has each token of ``shown``: float64[n, n_shown]."""
    result = np.zeros((n, len(shown)))
    if len(shown):
        column = np.full(max(int(codes.max(initial=-1)), int(shown.max())) + 1, -1)
        column[shown] = np.arange(len(shown))
        seen = column[codes] >= 0
        result[rows[seen], column[codes[seen]]] = 1.0
    return result


def bag_means(rows: NDArray[np.int64], n: int, values: Floats) -> Floats:
    """Means over each row's pairs of ``values`` (float64[n_pairs, k]), NaN without any."""
    counts = np.bincount(rows, minlength=n).astype(np.float64)
    sums = np.stack([np.bincount(rows, column, n) for column in values.T], axis=1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan)
