"""Where things stand in the tuple of ``LayoutArrays`` that kernels take, and in its ``numbers``."""

PARTS, WIDTHS, RATES, RATE_COUNTS, NUMBERS, POSITIVE, NEW_USER, NEW_ITEM, SLOTS = range(9)
"""Arrays of ``liverank.features.state.layout_tuple``, in its order."""

IMPRESSION, SLOT_COLUMNS, RECENT, RANKINGS_ARE_SEEN, WIDEST = 1, 6, 7, 8, 9
"""Of ``numbers``: the impression's type or -1, slot columns in all, recent items kept, whether
rankings count as impressions, words of the widest row."""
