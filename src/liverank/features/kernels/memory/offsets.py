"""Indices into the arrays that kernels take, and sizes of the parts of the arena.

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
"""Number of interaction types; types of the impression and the label (-1 for none); whether
rankings count as impressions; most entries of a history of each sort; types of entering and leaving
an item (-1 for none); scopes of users, of items, of next items, and of the host whose items'
lifetimes are kept (-1 for none); the host field's word in an item's row (-1 for none); words of the
widest row; limit of the words of a state; code of the relation that means following; numbers of
half-lives and scopes; words of the arena; number of fields of its latest item in a host's row."""

REALS_EPOCH_MS, REALS_PRESENT_MS, REALS_IDLE_MS = range(3)
"""Length of an epoch; time for which a person counts as present; allowed idle time of a row."""

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
none); for each part of the key, its source (``PART_``) and the word that holds it."""
PART_NONE, PART_USER, PART_ITEM, PART_USER_FIELD, PART_ITEM_FIELD = range(5)
"""Source of a part of a key: none; the user's or the item's hash; a field of the user's or the
item's row."""

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
"""A version, odd while a batch is folded; the last seq folded; number of clamped clocks; number of
rows; words allocated at the end of the arena, and words freed since; the highest item number; level
of the index; slot of the eviction hand, and its clock (ms); halvings of the allowed idle time, as
memory is short; rows and histories swept after being idle, and evicted to free memory; rows of
described users and items evicted to free memory; events that did not fit; number of compactions.
The free lists follow, one for each scope."""
HEADER_SIZE = 136
"""int64 words of a header."""
MAX_ITEMS = 1 << 28
"""Maximum number of item numbers; a power of two."""
FIRST_LEVEL = 10
"""The smallest index has ``2**FIRST_LEVEL`` slots."""
CHUNK_CLASS = HEADER_SIZE - HEADER_FREE_LISTS - 1
"""The free list of chunks; a row's free list has the number of its scope."""
CHUNK = 16
"""Words of a chunk: a link to the next chunk, then entries or edges."""
CHUNK_ENTRIES = 10
"""History entries in a chunk: ten words of time, type and value, then ten half words of item
numbers."""
CHUNK_EDGES = 7
"""Edges in a chunk, of two words each: the target, then time, relation and whether it is over."""
