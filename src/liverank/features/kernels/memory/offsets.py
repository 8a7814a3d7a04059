"""Where things stand in the tuples and arrays that kernels take.

Kernels take ``layout`` and ``store`` as tuples of pointers to the arrays of ``layout_arrays`` and
``store``, two-dimensional ones row by row.
"""

HEADER, INDEX, TABLES, DIRECTORY, WORDS, BITS, INTS, HALVES = range(8)
"""The words are there as float64, uint64, int64 and uint32."""
NUMBERS, REALS, RATES, SCOPES, BLOCKS, SPANS, LIVES, POSITIVE = range(8)
NEW_USER, NEW_ITEM, USER_STAMPS, ITEM_STAMPS, COPIES = range(8, 13)

# Of ``numbers``.
(
    TYPES,
    IMPRESSION,
    LABEL,
    RANKINGS_ARE_SEEN,
    HISTORY_CAP,
    ENTER,
    LEAVE,
    USER_SCOPE,
    ITEM_SCOPE,
    NEXT_SCOPE,
    LIFE_SCOPE,
    LIFE_FIELD,
    WIDEST,
    MAX_WORDS,
    FOLLOW_LOW,
    HALF_LIVES,
    SCOPE_COUNT,
    CAPACITY,
    COPIED,
) = range(19)
"""Interaction types; the impression's and the label's (-1 for none); whether rankings count as
impressions; entries of a history of each sort; the types of coming and going (-1 for none); scopes;
the scope of the host whose items' lives are kept and the host's word in an item's row (-1 for
none); words of the widest row; words that a state may hold; the hash of following, shortened; the
number of half-lives, and of scopes; words that there is room for; the number of fields that a
host's row keeps of its latest item."""

# Of ``reals``.
EPOCH_MS, PRESENT_MS, IDLE_MS = range(3)
"""The span of an epoch; how long a person counts as present; how long a row may lie idle."""

# Of a row of ``scopes``: a table's or a pair's key is found by its two parts.
BASE, WIDTH, IS_PAIR, LIST_PART, HOW_1, OFFSET_1, HOW_2, OFFSET_2, SHAPE = range(9)
NO_PART, PART_USER, PART_ITEM, PART_USER_FIELD, PART_ITEM_FIELD = range(5)

# Of ``header``.
(
    VERSION,
    SEQ,
    CLAMPED,
    ROWS,
    USED,
    FREED,
    ITEMS,
    LEVEL,
    HAND,
    CLOCK,
    PATIENCE,
    SWEPT,
    EVICTED,
    FORGOTTEN,
    LOST,
    COMPACTED,
    FREE_LISTS,
) = range(17)
"""The version is odd while a batch is folded. The last seq folded; clocks clamped; rows; words
taken from the end of the arena, and given back since; the highest number of an item; the index's
level; where the sweep stands; the latest time that it trusts (ms); by how many halvings it is less
patient for want of memory; rows and histories swept for being idle, and evicted for want of memory;
rows of told people and items that went for want of it; events that found no room; how often gaps
were closed. The free lists follow."""
HEADER_SIZE = 136
MAX_ITEMS = 1 << 28
"""Numbers of items that there are; a power of two."""
FIRST_LEVEL = 10
"""The smallest index has ``2**FIRST_LEVEL`` slots."""
CHUNK_CLASS = HEADER_SIZE - FREE_LISTS - 1
"""The free list of chunks; those of rows are numbered as their scopes."""
CHUNK = 16
"""Words of a chunk: a link to the next one, then entries."""
CHUNK_ENTRIES = 10
"""Entries of a history in a chunk: ten words of time, type and value, then ten half words of the
item's number."""
CHUNK_EDGES = 7
"""Edges in a chunk, of two words each: the target, then time, relation and whether it is over."""
