"""How big feature state is, what it let go, and what that means in words."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """How big a state is, and what it let go.

    ``rows`` of users, items and counters; ``items`` that have a number; ``bytes`` in use; rows and
    histories ``swept`` for lying idle, and ``evicted`` for want of memory; people and items
    ``forgotten`` for want of memory though events had told of them; events ``lost`` for want of
    room; how often its memory was ``compacted``.
    """

    rows: int
    items: int
    bytes: int
    swept: int
    evicted: int
    forgotten: int
    lost: int
    compacted: int


def what_was_let_go(sizes: Sizes) -> str | None:
    """What a state let go for want of memory, and what to do about it; None where nothing was.

    What was swept for lying idle is no want of memory.

    >>> sizes = Sizes(
    ...     rows=9, items=3, bytes=8, swept=2, evicted=1200, forgotten=0, lost=1, compacted=0
    ... )
    >>> for part in what_was_let_go(sizes).split("; "):
    ...     print(part)
    feature state is short of memory: rows and histories evicted: 1,200, events without room: 1
    raise `features.memory` and train again
    >>> what_was_let_go(sizes._replace(evicted=0, lost=0)) is None
    True
    """
    losses = (
        ("rows and histories evicted", sizes.evicted),
        ("people and items forgotten that events had told of", sizes.forgotten),
        ("events without room", sizes.lost),
    )
    said = [f"{what}: {number:,}" for what, number in losses if number]
    if not said:
        return None
    return (
        f"feature state is short of memory: {', '.join(said)}; "
        "raise `features.memory` and train again"
    )
