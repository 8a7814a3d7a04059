"""Sizes and word offsets of the rows of feature state.

A module without imports: kernels are compiled with these constants. A word is eight bytes. The
prefix of an offset names the row that it is an offset into:

    ROW_     every row of a table
    ENTITY_  the rows of users and of items
    USER_    the rows of users
    ITEM_    the rows of items
    LIFE_    the rows of hosts (of every ``key`` field of items), and the row of all
    LATEST_  the rows of hosts, where people follow hosts
    PAIR_    the rows of pairs, which a read makes

A row's fixed words come first, then its fields, then its counters. Times are Unix ms and at least
1 ms, so that 0 can mean never.
"""

MAX_ELEMENTS = 8
"""Most distinct elements kept of a list field, or words of a text; the rest is left out."""
RECENT_ITEMS = 8
"""Number of a person's latest items with a success that the next success counts as following."""
NEXT_WITHIN_MS = 86_400_000.0
"""Longest time between two successes of which the second is counted as following the first."""
AUDIENCE_BUCKETS = 8
"""Number of time buckets that the counts of an item's audience are split into."""

ENTITY_USER, ENTITY_ITEM, ENTITY_REQUEST = 0, 1, 2
"""Codes of the entities that have fields."""

ROW_KEY, ROW_LAST, ROW_EPOCH, ROW_WORDS = 0, 1, 2, 3
"""The row's 64-bit key; the time of its latest interaction; the epoch that its counters are scaled
to (``decayed_counters``); the number of these words."""
LIFE_COUNT, LIFE_UPDATED, LIFE_MS, LIFE_WORDS = 3, 4, 5, 6
"""Number of ended items; the latest time at which one was counted; their lifetimes added up; the
number of fixed words."""
LATEST_AT, LATEST_KEY, LATEST_FIELDS = 6, 7, 8
"""When the host's latest item started; that item's key; the first word of its fields."""
PAIR_FATIGUE, PAIR_WORDS = 0, 1
"""Decayed impressions since the last success; the number of fixed words."""
ENTITY_LAST_SEEN = 4
"""The time of the latest event that names the user or item."""
(
    USER_HISTORY,
    USER_SEEN_COUNT,
    USER_DONE_COUNT,
    USER_EDGES,
    USER_EDGE_COUNT,
    USER_PRESENT,
    USER_PRESENT_SINCE,
    USER_DESCRIBED,
    USER_WORDS,
) = 3, 5, 6, 7, 8, 9, 10, 11, 12
"""The first chunk of the history; how many impressions it holds, and how many other interactions;
the first chunk of edges, and how many there are; the number of the item that the user is in (0 for
none), and since when; 1 once a `user` event was folded; the number of fixed words."""
(
    ITEM_FIRST_SEEN,
    ITEM_STARTED,
    ITEM_ENDED,
    ITEM_SCHEDULED,
    ITEM_STARTS,
    ITEM_NUMBER,
    ITEM_LIFE_MS,
    ITEM_LIFE_HOST,
    ITEM_PEAK,
    ITEM_DESCRIBED,
    ITEM_AUDIENCE,
) = 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
"""The time of the first event that names the item; when it last started, ended, and was announced;
how often it started; its number; the lifetime that is counted for its host, and the host's key; its
largest audience; 1 once an `item` event was folded; the first word of its audience."""
ITEM_WORDS = ITEM_AUDIENCE + 2 * AUDIENCE_BUCKETS
"""The number of fixed words."""
