"""Guesses the type of a field from its values.

Invariant: a guess depends on the values, the name and the ids given, never on their order.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias

import msgspec

from liverank.config import FieldType
from liverank.events.schema.column_names import CODE_FIELD, KEY_FIELD, TEXT_FIELD, snake_case

Shape: TypeAlias = Literal["text", "number", "truth", "list"]
"""JSON type of a value, as far as it matters here; ``truth`` is a boolean."""

MAX_LEVELS = 64
"""Most levels kept of a category field; a text field with more distinct values is a key."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2100


class FieldProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of the values of one field, in a sample."""

    guess: FieldType
    present: int
    """Number of events in the sample that have the field."""
    distinct: int
    """Number of distinct values, or of distinct elements for a list field."""
    shapes: dict[Shape, int]
    """How many of the values are texts, numbers, booleans and lists."""
    levels: tuple[str, ...]
    """The most frequent values as ``level_of`` names them, at most MAX_LEVELS."""

    @property
    def shape(self) -> Shape:
        """The most frequent shape of the values."""
        return max(self.shapes, key=lambda shape: self.shapes[shape])


def level_of(value: object) -> str:
    """The name of a value as the level of a category: whole numbers without a point.

    >>> level_of("en"), level_of(3.0), level_of(True)
    ('en', '3', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def profile_field(name: str, values: Iterable[object], ids: Collection[str] = ()) -> FieldProfile:
    """Describe a field by its values, none of them null; ``ids`` are of users and hosts.

    >>> profile_field("language", ["en", "de", "en"]).guess
    'category'
    >>> profile_field("host", ["u7", "u8", "u7"], {"u7", "u8"}).guess
    'key'
    >>> profile_field("speakers", [["u7"], ["u7", "u8"]]).distinct
    2
    """
    given = list(values)
    shapes = Counter(_shape(value) for value in given)
    counts: Counter[str] = Counter()
    for value in given:
        counts.update(map(level_of, value) if isinstance(value, list) else [level_of(value)])
    ranked = sorted(counts, key=lambda level: (-counts[level], level))
    majority = max(shapes, key=lambda shape: (shapes[shape], shape), default="text")
    if majority == "list":
        guess: FieldType = "keys"
    elif majority == "truth":
        guess = "category"
    elif majority == "number":
        guess = _guess_number(name, [v for v in given if _shape(v) == "number"], len(counts))
    else:
        guess = _guess_text(name, [v for v in given if isinstance(v, str)], len(counts), ids)
    return FieldProfile(
        guess=guess,
        present=len(given),
        distinct=len(counts),
        shapes=dict(sorted(shapes.items())),
        levels=tuple(ranked[:MAX_LEVELS]),
    )


def _shape(value: object) -> Shape:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "list" if isinstance(value, list) else "text"


def _guess_number(name: str, values: list[object], distinct: int) -> FieldType:
    numbers = [float(value) for value in values]  # type: ignore[arg-type]  # all are numbers
    if not all(number.is_integer() for number in numbers):
        return "number"
    if all(_EARLIEST_MS <= number <= _LATEST_MS for number in numbers):
        return "time"
    if CODE_FIELD.search(snake_case(name)):
        return "category" if distinct <= 4 * MAX_LEVELS else "key"
    return "number"


def _guess_text(name: str, texts: list[str], distinct: int, ids: Collection[str]) -> FieldType:
    if not texts:
        return "category"
    if sum(_TIME.match(text) is not None for text in texts) > 0.9 * len(texts):
        return "time"
    spaced = sum(" " in text.strip() for text in texts) / len(texts)
    words = sum(len(text.split()) for text in texts) / len(texts)
    is_varied = distinct > max(0.5 * len(texts), 3)
    if spaced > 0.3 and (TEXT_FIELD.search(snake_case(name)) or (words >= 2.5 and is_varied)):
        return "text"
    named = set(texts)
    known = sum(text in ids for text in named if not text.isdigit())
    if KEY_FIELD.search(snake_case(name)) or known > 0.2 * len(named):
        return "key"
    if distinct > MAX_LEVELS or (distinct > 10 and is_varied):
        return "key"
    return "category"
