"""The layout of feature state in the form that kernels take: flat arrays of offsets.

Invariant: the arrays are a function of the layout alone.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id
from liverank.features.kernels.memory import offsets as at
from liverank.features.layout.constants import (
    ENTITY_LAST_SEEN,
    ITEM_ENDED,
    ITEM_FIRST_SEEN,
    ITEM_LIFE_MS,
    ITEM_SCHEDULED,
    ITEM_STARTED,
)
from liverank.features.layout.layout import NEXT_ITEM, Entity, Layout, Scope
from liverank.quantities import duration_ms

EPOCH_HALF_LIVES = 512
"""Length of an epoch in shortest half-lives: counters grow by 2**512 at most, within a float64."""
_LONGEST_MS = 1e18
RELATION_BITS = 16
"""Number of bits of a relation's hash that an edge keeps."""


class LayoutArrays(NamedTuple):
    """A layout as arrays; ``kernels.memory.offsets`` names their parts.

    ``numbers``   int64[19] and ``reals`` float64[3]
    ``rates``     float64[half-lives]: 1 / half-life in ms; 0 for forever
    ``scopes``    int64[scopes, 8]: the key of a scope, and the shape of its rows
    ``blocks``    int64[scopes, types]: the first word of a type's counters in a row, or -1
    ``spans``     int64[scopes, types, 3]: the index in ``lives`` of a type's first half-life; how
                  many counts there are, and how many sums
    ``lives``     int64[...]: half-lives of counts, then of sums, one type after the other
    ``positive``  int64[types]: 1 if a type is positive
    ``new_user``, ``new_item``  float64[words]: rows without known fields
    ``user_stamps``, ``item_stamps``  int64[words]: for each word, the stamp of its field
    ``copies``    int64[fields, 3]: the fields of its latest item that a host's row keeps: the first
                  word in the item's row, the number of words, the first word in the host's row
    """

    numbers: NDArray[np.int64]
    reals: NDArray[np.float64]
    rates: NDArray[np.float64]
    scopes: NDArray[np.int64]
    blocks: NDArray[np.int64]
    spans: NDArray[np.int64]
    lives: NDArray[np.int64]
    positive: NDArray[np.int64]
    new_user: NDArray[np.float64]
    new_item: NDArray[np.float64]
    user_stamps: NDArray[np.int64]
    item_stamps: NDArray[np.int64]
    copies: NDArray[np.int64]


@lru_cache(maxsize=64)
def arrays_of(layout: Layout) -> LayoutArrays:
    """The arrays of a layout."""
    types = {name: index for index, name in enumerate(layout.types)}
    lives = [duration_ms(text) for text in layout.half_lives]
    host = layout.host
    host_scope = None if host is None else layout.scope_of(f"item.{host.name}")
    numbers = {
        at.NUMBERS_TYPES: len(layout.types),
        at.NUMBERS_IMPRESSION: -1 if layout.impression is None else types[layout.impression],
        at.NUMBERS_LABEL: types[layout.label],
        at.NUMBERS_RANKINGS_ARE_SEEN: int(layout.impressions_from_rankings),
        at.NUMBERS_HISTORY_CAP: layout.history,
        at.NUMBERS_ENTER: -1 if layout.enter is None else types[layout.enter],
        at.NUMBERS_LEAVE: -1 if layout.leave is None else types[layout.leave],
        at.NUMBERS_USER_SCOPE: layout.scope_index(layout.scope("user")),
        at.NUMBERS_ITEM_SCOPE: layout.scope_index(layout.scope("item")),
        at.NUMBERS_NEXT_SCOPE: layout.scope_index(layout.scope(NEXT_ITEM)),
        at.NUMBERS_LIFE_SCOPE: -1 if host_scope is None else layout.scope_index(host_scope),
        at.NUMBERS_LIFE_FIELD: -1 if host is None else host.offset,
        at.NUMBERS_WIDEST: max(at.CHUNK, *(scope.width for scope in layout.scopes)),
        at.NUMBERS_MAX_WORDS: layout.memory_bytes // 8,
        at.NUMBERS_FOLLOW_CODE: relation_code(layout.follow or ""),
        at.NUMBERS_HALF_LIVES: len(lives),
        at.NUMBERS_SCOPE_COUNT: len(layout.scopes),
        at.NUMBERS_CAPACITY: 2
        * (layout.memory_bytes // 8),  # free lists may not fit the words needed
        at.NUMBERS_COPIED_FIELDS: len(layout.latest_fields),
    }
    blocks = np.full((len(layout.scopes), len(types)), -1, np.int64)
    spans = np.zeros((*blocks.shape, 3), np.int64)
    counted_by: list[str] = []
    for line, scope in enumerate(layout.scopes):
        for counter in scope.counters:
            by = (*counter.half_lives, *counter.totals)
            blocks[line, types[counter.type]] = scope.block(counter.type)
            spans[line, types[counter.type]] = (
                len(counted_by),
                len(counter.half_lives),
                len(counter.totals),
            )
            counted_by += by
    epoch_ms = min(EPOCH_HALF_LIVES * lives[0], _LONGEST_MS)
    return LayoutArrays(
        numbers=np.array([numbers[index] for index in range(len(numbers))], np.int64),
        reals=np.array([epoch_ms, layout.present_ms, layout.idle_ms]),
        rates=np.array([1.0 / life for life in lives]),
        scopes=np.array([_shape(layout, scope) for scope in layout.scopes], np.int64),
        blocks=blocks,
        spans=spans,
        lives=np.array([layout.half_lives.index(text) for text in counted_by], np.int64),
        positive=np.array([name in layout.positive for name in layout.types], np.int64),
        new_user=_new_row(layout, "user"),
        new_item=_new_row(layout, "item"),
        user_stamps=_stamps(layout, "user"),
        item_stamps=_stamps(layout, "item"),
        copies=np.array(
            [(field.offset, field.words, word) for field, word in layout.latest_fields], np.int64
        ).reshape(-1, 3),
    )


def relation_code(relation: str) -> int:
    """The low bits of a relation's hash, which an edge keeps."""
    return hash_id(relation) % (1 << RELATION_BITS)


def new_request(layout: Layout) -> NDArray[np.uint64]:
    """The words of a request without known fields, uint64[request words]."""
    return _new_row(layout, "request").view(np.uint64)


def _new_row(layout: Layout, entity: Entity) -> NDArray[np.float64]:
    """The words of an entity without known fields: no hash, NaN for a number or a count."""
    width = layout.entity_words(entity)
    row = np.zeros(width if entity == "request" else layout.scope(entity).width)
    if entity == "user":
        row[ENTITY_LAST_SEEN] = np.nan
    if entity == "item":
        row[
            [
                ITEM_FIRST_SEEN,
                ENTITY_LAST_SEEN,
                ITEM_STARTED,
                ITEM_ENDED,
                ITEM_SCHEDULED,
                ITEM_LIFE_MS,
            ]
        ] = np.nan
    for field in layout.fields:
        if field.entity == entity and (not field.is_hashed or field.is_list):
            row[field.offset] = np.nan
        if field.entity == entity != "request":
            row[field.stamp] = np.nan
    return row


def _stamps(layout: Layout, entity: Entity) -> NDArray[np.int64]:
    """For each word before an entity's counters, the stamp of its field; 0 for other words."""
    stamps = np.zeros(layout.entity_words(entity), np.int64)
    for field in layout.fields:
        if field.entity == entity:
            stamps[field.offset : field.stamp] = field.stamp
    return stamps


def _shape(layout: Layout, scope: Scope) -> list[int]:
    parts = [_part(layout, part) for part in scope.parts]
    parts += [(at.PART_NONE, 0, False)] * (2 - len(parts))
    lists = [index for index, (_, _, is_list) in enumerate(parts) if is_list]
    return [
        scope.base,
        scope.width,
        int(scope.is_pair),
        lists[0] if lists else -1,
        *(word for how, offset, _ in parts for word in (how, offset)),
    ]


def _part(layout: Layout, part: str) -> tuple[int, int, bool]:
    """How a part of a key is found: (how, word of the entity's row, whether it is a list)."""
    if part == "user":
        return at.PART_USER, 0, False
    if part == "item":
        return at.PART_ITEM, 0, False
    if part == "all":
        return at.PART_NONE, 0, False
    entity, _, name = part.partition(".")
    field = layout.field("user" if entity == "user" else "item", name)
    assert field is not None
    how = at.PART_USER_FIELD if entity == "user" else at.PART_ITEM_FIELD
    return how, field.offset, field.is_list
