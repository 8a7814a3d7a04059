"""Team draft interleaving: merges the lists of two rankers into one.

Source: Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM
2008. In each round a coin decides which ranker picks first; each then adds its best item that is
not yet in the list. An item belongs to the ranker that added it, which wins by a click on the item.
Invariant: given everything above it, each counted position belongs to either ranker with
probability 1/2, so that clicks which don't depend on the items favour neither ranker.
"""

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

FIRST, SECOND, NOBODY = 0, 1, -1
"""Teams of items. An item of ``NOBODY`` is shown and counts for neither ranker."""


def team_draft(
    first: Sequence[T], second: Sequence[T], seed: int | str, limit: int | None = None
) -> tuple[list[T], list[int]]:
    """One list that two rankers fill in turns: its items, and the team of each.

    ``first`` and ``second`` are each ranker's items, best first, without repeats; they may differ.
    ``seed`` (such as the request's id) determines every coin. ``limit`` is the maximum length of
    the list. When a ranker runs out of items the rest of the other's list is added for
    ``NOBODY``: a longer list must not win by its length.

    >>> team_draft(["r1", "r2", "r3"], ["r2", "r3", "r4"], seed="q1")
    (['r1', 'r2', 'r3', 'r4'], [0, 1, 1, -1])
    >>> team_draft(["r1", "r2"], [], seed="q1")
    (['r1', 'r2'], [-1, -1])
    """
    return drafted(first, second, coins_of(seed), limit)


def drafted(
    first: Sequence[T], second: Sequence[T], coins: Iterable[int], limit: int | None = None
) -> tuple[list[T], list[int]]:
    """``team_draft`` with given coins, one a round: the team that picks first.

    >>> drafted(["r1", "r2"], ["r3", "r1"], coins=[1, 0])
    (['r3', 'r1', 'r2'], [1, 0, -1])
    """
    wanted = len(first) + len(second) if limit is None else limit
    order: list[T] = []
    teams: list[int] = []
    taken: set[T] = set()
    lists, at = (first, second), [0, 0]
    for coin in coins:
        for team in (FIRST, SECOND):
            at[team] = _next(lists[team], at[team], taken)
        if len(order) >= wanted or at[FIRST] == len(first) or at[SECOND] == len(second):
            break
        whole = _both_can_pick(first, second, at, taken)
        for team in (coin, 1 - coin) if whole else (coin,):
            at[team] = _next(lists[team], at[team], taken)
            item = lists[team][at[team]]
            taken.add(item)
            order.append(item)
            teams.append(team)
    for ranked in lists:
        rest = [item for item in ranked if item not in taken]
        order += rest
        teams += [NOBODY] * len(rest)
        taken.update(rest)
    return order[:wanted], teams[:wanted]


def _next(ranked: Sequence[T], start: int, taken: set[T]) -> int:
    """The index of a ranker's best item that is not taken; its length if all are."""
    while start < len(ranked) and ranked[start] in taken:
        start += 1
    return start


def _both_can_pick(first: Sequence[T], second: Sequence[T], at: list[int], taken: set[T]) -> bool:
    """Whether each ranker still has an item after the other picks, whichever picks first.

    Otherwise the ranker with more items would get the round's second position by its length.
    """
    best_first, best_second = first[at[FIRST]], second[at[SECOND]]
    if best_first != best_second:
        return True
    return all(
        _next(ranked, start + 1, taken) < len(ranked)
        for ranked, start in zip((first, second), at, strict=True)
    )


def coins_of(seed: int | str) -> Iterator[int]:
    """Fair coins: the bits of SHA-256 of ``seed:0``, ``seed:1`` and so on, low bits first."""
    block = 0
    while True:
        digest = hashlib.sha256(f"{seed}:{block}".encode()).digest()
        for byte in digest:
            for bit in range(8):
                yield byte >> bit & 1
        block += 1
