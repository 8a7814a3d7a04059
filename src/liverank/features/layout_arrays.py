"""The layout of feature state in the form that kernels take: flat arrays of offsets.

Invariant: the arrays are a function of the layout alone.
"""

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.config import duration_ms
from liverank.features.layout import (
    ENTITY_CODES,
    FIXED_WORDS,
    ITEM,
    MAX_ELEMENTS,
    PART_FIELD,
    PART_ITEM,
    PART_LIST,
    PART_USER,
    RECENT_ITEMS,
    USER,
    Entity,
    Layout,
)


class LayoutArrays(msgspec.Struct, frozen=True):
    """A layout as arrays.

    ``parts``       int64[scopes, 2, 3]: how, entity code, word offset
    ``widths``      int64[scopes]: words of a row
    ``rates``       float64[scopes, MAX_HALF_LIVES]: ln 2 / half-life in ms; 0 for forever
    ``rate_counts`` int64[scopes]: half-lives of the scope
    ``slots``       int64[scopes, 2]: first slot column and number of them
    ``numbers``     int64[10]: types, impression type or -1, label type, words of user, item,
                    request, total slot columns, recent items kept, whether rankings are
                    impressions, words of the widest row
    ``positive``    bool[types]
    ``new_user``, ``new_item``  float64[words]: rows of which nothing is known yet
    """

    parts: NDArray[np.int64]
    widths: NDArray[np.int64]
    rates: NDArray[np.float64]
    rate_counts: NDArray[np.int64]
    slots: NDArray[np.int64]
    numbers: NDArray[np.int64]
    positive: NDArray[np.bool_]
    new_user: NDArray[np.float64]
    new_item: NDArray[np.float64]


@lru_cache(maxsize=16)
def arrays_of(layout: Layout) -> LayoutArrays:
    """The arrays of a layout."""
    count = len(layout.scopes)
    most = max(len(scope.half_lives) for scope in layout.scopes)
    parts = np.zeros((count, 2, 3), np.int64)
    rates = np.zeros((count, most))
    slots = np.zeros((count, 2), np.int64)
    column = 0
    for place, scope in enumerate(layout.scopes):
        for which, part in enumerate(scope.parts):
            parts[place, which] = _part(layout, part)
        for which, text in enumerate(scope.half_lives):
            rates[place, which] = np.log(2) / duration_ms(text)
        slots[place] = column, MAX_ELEMENTS if scope.is_list else 1
        column += int(slots[place, 1])
    types = len(layout.types)
    return LayoutArrays(
        parts=parts,
        widths=np.array([types * scope.block_words for scope in layout.scopes], np.int64),
        rates=rates,
        rate_counts=np.array([len(scope.half_lives) for scope in layout.scopes], np.int64),
        slots=slots,
        numbers=np.array(
            [
                types,
                -1 if layout.impression is None else layout.type_index(layout.impression),
                layout.type_index(layout.label),
                *layout.entity_words,
                column,
                RECENT_ITEMS,
                layout.impressions_from_rankings,
                max(
                    *layout.entity_words,
                    *(types * scope.block_words for scope in layout.scopes),
                ),
            ],
            np.int64,
        ),
        positive=np.array([name in layout.positive for name in layout.types]),
        new_user=_new_row(layout, "user"),
        new_item=_new_row(layout, "item"),
    )


def new_request(layout: Layout) -> NDArray[np.uint64]:
    """The words of a request of which nothing is known, uint64[request words]."""
    return _new_row(layout, "request").view(np.uint64)


def _new_row(layout: Layout, entity: Entity) -> NDArray[np.float64]:
    """The words of an entity of which nothing is known: no hash, NaN for a number or a count."""
    row = np.zeros(layout.entity_words[ENTITY_CODES[entity]])
    if entity != "request":
        row[:FIXED_WORDS] = np.nan
    for field in layout.fields:
        if field.entity == entity and (not field.is_hashed or field.type == "keys"):
            row[field.offset] = np.nan
    return row


def _part(layout: Layout, part: str) -> tuple[int, int, int]:
    if part == "user":
        return PART_USER, USER, 0
    if part == "item":
        return PART_ITEM, ITEM, 0
    entity, _, name = part.partition(".")
    field = layout.field(entity, name)  # type: ignore[arg-type]
    assert field is not None
    how = PART_LIST if field.type == "keys" else PART_FIELD
    return how, ENTITY_CODES[entity], field.offset
