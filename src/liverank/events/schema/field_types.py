"""Guesses the type of an event's field: a short mapping of ``liverank.values.kinds``.

Invariant: a guess depends on the values, the name and the ids given, never on their order.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from liverank.config import FieldType
from liverank.values.evidence import Texts
from liverank.values.kinds import EVENT_FIELD, MAX_LEVELS, kind_of_numbers, kind_of_texts
from liverank.values.words import level_of

Shape: TypeAlias = Literal["text", "number", "truth", "list"]
"""JSON type of a value, as far as it matters here; ``truth`` is a boolean."""


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
    numbers = np.array([float(value) for value in values])  # type: ignore[arg-type]  # all are numbers
    kind = kind_of_numbers(name, numbers, EVENT_FIELD).kind
    if kind == "code":
        return "category" if distinct <= 4 * MAX_LEVELS else "key"
    return "time" if kind == "time" else "number"


def _guess_text(name: str, texts: list[str], distinct: int, ids: Collection[str]) -> FieldType:
    evidence = Texts(name, Counter(texts), ids)
    kind = kind_of_texts(evidence, EVENT_FIELD, distinct=distinct).kind
    return kind if kind in ("time", "text", "key") else "category"
