"""The steps of an encoder: each turns some columns into some features.

A step is data (JSON), and what it learned beside names is a table of arrays: one row a level. All
arithmetic is in float64 and is rounded once, so a row's features never depend on its neighbours.
Invariant: a step gives every row as many numbers as it has names; NaN is unknown.
"""

import re
from itertools import pairwise, repeat
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.models.encoder.columns import MOST_NUMBER, Columns, level_of

Floats = NDArray[np.float64]
Part: TypeAlias = Literal["hour", "weekday", "day", "month", "day_of_year", "elapsed"]
Operation: TypeAlias = Literal["plus", "minus", "times", "over"]

JOIN = "\x1f"
"""Stands between the levels of a cross; no level holds it."""
DAY_MS = 86_400_000.0
MOST = MOST_NUMBER
"""Features are held to it, so that none is infinite as float32."""

_WORD = re.compile(r"\w{1,40}")


class Learned(NamedTuple):
    """What a step knows beside its names: a table, and the row in it of each level or token."""

    table: Floats | None
    places: dict[str | None, int]


class _Step(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=str.lower,
):
    names: tuple[str, ...]
    """Of the features it gives."""


class Value(_Step, frozen=True, kw_only=True):
    """A number or a boolean, as it is."""

    column: str

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The values: float64[n, 1]."""
        return np.asarray(columns[self.column], np.float64)[:, None]


class Arithmetic(_Step, frozen=True, kw_only=True):
    """Two numbers made one; a division by zero is unknown."""

    left: str
    right: str
    operation: Operation

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The results: float64[n, 1]."""
        return combine(columns[self.left], columns[self.right], self.operation)[:, None]


class Calendar(_Step, frozen=True, kw_only=True):
    """Parts of a time, in UTC: Monday is weekday 0, and ``elapsed`` is in days since 1970."""

    column: str
    parts: tuple[Part, ...]

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The parts: float64[n, n_parts]."""
        return calendar_parts(columns[self.column], self.parts)


class Since(_Step, frozen=True, kw_only=True):
    """Days from one time to another, below zero where the one comes after."""

    column: str
    until: str

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The days: float64[n, 1]."""
        return ((columns[self.until] - columns[self.column]) / DAY_MS)[:, None]


class Levels(_Step, frozen=True, kw_only=True):
    """The level of a column, or the levels of several, looked up in a table.

    The table is float64[n_levels + 2, n_names]: a row a level, then one for levels that are not in
    it, then one for unknown values. Numbers are levels by ``level_of``.
    """

    columns: tuple[str, ...]
    levels: tuple[str, ...]

    def apply(self, columns: Columns, learned: Learned) -> Floats:
        """The table's rows: float64[n, n_names]."""
        assert learned.table is not None
        return learned.table[level_codes([columns[c] for c in self.columns], learned.places)]


class Bag(_Step, frozen=True, kw_only=True):
    """The words of a text, or the elements of a list: how many, which, and their mean in a table.

    Features are, in this order, the size (``sized``), 1 or 0 for each token of ``shown`` (places in
    ``tokens``), and the table's means over the tokens that are in it: float64[n_tokens, n_means].
    """

    column: str
    is_text: bool
    tokens: tuple[str, ...]
    sized: bool
    shown: tuple[int, ...]

    def apply(self, columns: Columns, learned: Learned) -> Floats:
        """The features: float64[n, n_names]."""
        bags = token_bags(columns[self.column], is_text=self.is_text)
        rows, codes = bag_pairs(bags, learned.places)
        parts = [bag_sizes(bags)[:, None]] if self.sized else []
        parts.append(bag_shown(rows, codes, len(bags), np.array(self.shown, np.int64)))
        if learned.table is not None:
            parts.append(bag_means(rows, len(bags), learned.table[codes]))
        return np.hstack(parts)


def places_of(levels: tuple[str, ...]) -> dict[str | None, int]:
    """The table's row of each level; after them one for others, and one for unknown values."""
    places: dict[str | None, int] = {level: place for place, level in enumerate(levels)}
    return {**places, None: len(levels) + 1}


def level_codes(columns: list[NDArray[Any]], places: dict[str | None, int]) -> NDArray[np.int64]:
    """The table's row of each row.

    >>> level_codes([np.array(["b", "z", None], object)], places_of(("a", "b"))).tolist()
    [1, 2, 3]
    """
    keys = level_keys(columns)
    return np.fromiter(map(places.get, keys, repeat(len(places) - 1)), np.int64, len(keys))


Step: TypeAlias = Value | Arithmetic | Calendar | Since | Levels | Bag


def combine(left: Floats, right: Floats, operation: Operation) -> Floats:
    """One number of two, NaN where either is unknown, or the result is not finite.

    >>> combine(np.array([6.0, 1.0]), np.array([3.0, 0.0]), "over").tolist()
    [2.0, nan]
    """
    compute = {"plus": np.add, "minus": np.subtract, "times": np.multiply, "over": np.divide}
    with np.errstate(all="ignore"):
        result = compute[operation](left, right)
    return np.where(np.isfinite(result), result, np.nan)


def calendar_parts(at_ms: Floats, parts: tuple[Part, ...]) -> Floats:
    """Parts of moments, float64[n, n_parts], NaN where the moment is unknown.

    >>> calendar_parts(np.array([0.0, np.nan]), ("hour", "weekday", "month")).tolist()
    [[0.0, 3.0, 1.0], [nan, nan, nan]]
    """
    known = ~np.isnan(at_ms)
    at = np.where(known, at_ms, 0.0)
    result = np.empty((len(at), len(parts)))
    for place, part in enumerate(parts):
        result[:, place] = np.where(known, _calendar_part(at, part), np.nan)
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
    bags: list[tuple[str, ...] | None], places: dict[str | None, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and token of each known token of each row, row by row: int64[n_pairs] each."""
    rows: list[int] = []
    codes: list[int] = []
    for row, bag in enumerate(bags):
        found = [places[token] for token in bag if token in places] if bag else []
        codes += found
        rows += repeat(row, len(found))
    return np.array(rows, np.int64), np.array(codes, np.int64)


def bag_sizes(bags: list[tuple[str, ...] | None]) -> Floats:
    """Tokens of each row, NaN where unknown: float64[n]."""
    return np.array([np.nan if bag is None else len(bag) for bag in bags], np.float64)


def bag_shown(
    rows: NDArray[np.int64], codes: NDArray[np.int64], n: int, shown: NDArray[np.int64]
) -> Floats:
    """1 where a row has a token of ``shown``, else 0: float64[n, n_shown]."""
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
