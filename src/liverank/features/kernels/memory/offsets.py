"""Indices into the arrays that kernels take, and the sizes of what lies in the arena.

A module without imports. The prefix of an index names the array: ``NUMBERS_`` and ``REALS_`` of a
layout, ``SHAPE_`` of a scope's line in its ``scopes``, ``HEADER_`` of a store. Offsets into rows
are in ``features.layout.constants``.
"""

(
    NUMBERS_TYPES,
    NUMBERS_IMPRESSION,
    NUMBERS_LABEL,
    NUMBERS_RANKINGS_ARE_SEEN,
    NUMBERS_HISTORY_CAP,
    NUMBERS_ENTER,
    NUMBERS_LEAVE,
    NUMBERS_USER_SCOPE,
    NUMBERS_ITEM_SCOPE,
    NUMBERS_NEXT_SCOPE,
    NUMBERS_LIFE_SCOPE,
    NUMBERS_LIFE_FIELD,
    NUMBERS_WIDEST,
    NUMBERS_MAX_WORDS,
    NUMBERS_FOLLOW_CODE,
    NUMBERS_HALF_LIVES,
    NUMBERS_SCOPE_COUNT,
    NUMBERS_CAPACITY,
    NUMBERS_COPIED_FIELDS,
) = range(19)
"""How many interaction types there are; the impression's and the label's (-1 for none); whether
rankings count as impressions; entries of a history of each sort; the types of entering and leaving
an item (-1 for none); the scopes of users, of items, of next items, and of the host whose items'
lifetimes are kept (-1 for none); the host field's word in an item's row (-1 for none); words of the
widest row; words that a state may take; the code of the relation that means following; how many
half-lives and scopes there are; words of the arena; how many fields of its latest item a host's row
keeps."""

REALS_EPOCH_MS, REALS_PRESENT_MS, REALS_IDLE_MS = range(3)
"""The length of an epoch; how long a person counts as present; how long a row may lie idle."""

(
    SHAPE_BASE,
    SHAPE_WIDTH,
    SHAPE_IS_PAIR,
    SHAPE_LIST_PART,
    SHAPE_HOW_1,
    SHAPE_OFFSET_1,
    SHAPE_HOW_2,
    SHAPE_OFFSET_2,
    SHAPE_SIZE,
) = range(9)
"""The first counter's word; words of a row; 1 for a pair; which part of the key is a list (-1 for
none); for each part of the key how it is found (``PART_``) and the word that holds it."""
PART_NONE, PART_USER, PART_ITEM, PART_USER_FIELD, PART_ITEM_FIELD = range(5)
"""How a part of a key is found: there is none; it is the user's or the item's hash; it is a field
of the user's or the item's row."""

(
    HEADER_VERSION,
    HEADER_SEQ,
    HEADER_CLAMPED,
    HEADER_ROWS,
    HEADER_USED,
    HEADER_FREED,
    HEADER_ITEMS,
    HEADER_LEVEL,
    HEADER_HAND,
    HEADER_CLOCK,
    HEADER_HALVINGS,
    HEADER_SWEPT,
    HEADER_EVICTED,
    HEADER_FORGOTTEN,
    HEADER_LOST,
    HEADER_COMPACTED,
    HEADER_FREE_LISTS,
) = range(17)
"""A version, odd while a batch is folded; the last seq folded; clocks clamped; rows; words taken
from the end of the arena, and words given back since; the highest number of an item; the index's
level; the slot of the eviction hand, and its clock (ms); how often the allowed idle time is halved
because memory is short; rows and histories swept for being idle, and evicted to free memory; rows
of described users and items evicted to free memory; events that did not fit; how often gaps were
closed. The free lists follow, one for each scope."""
HEADER_SIZE = 136
"""int64 words of a header."""
MAX_ITEMS = 1 << 28
"""Numbers that items can have; a power of two."""
FIRST_LEVEL = 10
"""The smallest index has ``2**FIRST_LEVEL`` slots."""
CHUNK_CLASS = HEADER_SIZE - HEADER_FREE_LISTS - 1
"""The free list of chunks; a row's free list has the number of its scope."""
CHUNK = 16
"""Words of a chunk: a link to the next one, then entries or edges."""
CHUNK_ENTRIES = 10
"""Entries of a history in a chunk: ten words of time, type and value, then ten half words of the
item's number."""
CHUNK_EDGES = 7
"""Edges in a chunk, of two words each: the target, then time, relation and whether it is over."""
