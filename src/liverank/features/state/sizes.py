"""How big feature state is, what it has evicted, and a warning where memory is short."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """How big a state is, and what it has evicted.

    ``rows`` of users, items and counters; ``items`` that have a number; ``bytes`` in use; rows and
    histories ``swept`` after being idle, and ``evicted`` because memory is short; people and items
    with events of their own that were ``forgotten`` because memory is short; events ``lost`` that
    did not fit; how often the memory was ``compacted``.
    """

    rows: int
    items: int
    bytes: int
    swept: int
    evicted: int
    forgotten: int
    lost: int
    compacted: int


def memory_warning(sizes: Sizes) -> str | None:
    """A message on evictions because memory is short, with advice; None without evictions.

    Rows that were swept after being idle do not count.

    >>> sizes = Sizes(
    ...     rows=9, items=3, bytes=8, swept=2, evicted=1200, forgotten=0, lost=1, compacted=0
    ... )
    >>> for part in memory_warning(sizes).split("; "):
    ...     print(part)
    feature state is short of memory: rows and histories evicted: 1,200, events that did not fit: 1
    raise `features.memory` and train again
    >>> memory_warning(sizes._replace(evicted=0, lost=0)) is None
    True
    """
    losses = (
        ("rows and histories evicted", sizes.evicted),
        ("people and items with events of their own evicted", sizes.forgotten),
        ("events that did not fit", sizes.lost),
    )
    losses_found = [f"{what}: {number:,}" for what, number in losses if number]
    if not losses_found:
        return None
    return (
        f"feature state is short of memory: {', '.join(losses_found)}; "
        "raise `features.memory` and train again"
    )
