"""Multileaving: merges the lists of two or more rankers into one, with unbiased credit.

For each position a ranker is drawn uniformly and independently; it adds its best item that is not
yet in the list. The item is credited not to the drawn ranker alone but to all that would have added
it, in equal shares: the probability, given the list, that each was the one drawn. This
marginalises over the assignments, as in Hofmann, Whiteson and de Rijke, "A probabilistic method for
inferring preferences from clicks", CIKM 2011, and for several rankers in Schuth et al.,
"Probabilistic multileave for online retrieval evaluation", SIGIR 2015. There a ranker draws its
item by a softmax; here it adds its best, so that no user gets an item that all rankers rank low.
Invariant: given everything above it, a counted position credits each of m rankers with 1/m on
average, so that clicks which don't depend on the items favour no ranker.
"""

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from liverank.experiments.interleaving.teams import MOST_RANKERS

T = TypeVar("T", bound=Hashable)


def multileave(
    rankings: Sequence[Sequence[T]], seed: int | str, limit: int | None = None
) -> tuple[list[T], list[tuple[int, ...]]]:
    """Merge several rankers' lists: the items, and for each the rankers that share its credit.

    ``rankings`` are each ranker's items, best first, without repeats; rankers may have different
    items. ``seed`` (such as the request's id) determines every draw; ``limit`` is the maximum
    length. Once a ranker has run out of items the others fill the rest, without credit.
    Raises ValueError for fewer than 2 rankers or more than 26.

    >>> multileave([["r1", "r2"], ["r2", "r1"], ["r1", "r3"]], seed="q1")
    (['r1', 'r2', 'r3'], [(0, 2), (0, 1), ()])
    """
    if not 2 <= len(rankings) <= MOST_RANKERS:
        raise ValueError(f"Expected 2 to {MOST_RANKERS} rankers, got {len(rankings)}")
    return multileaved(rankings, draws_of(seed, len(rankings)), limit)


def multileaved(
    rankings: Sequence[Sequence[T]], draws: Iterable[int], limit: int | None = None
) -> tuple[list[T], list[tuple[int, ...]]]:
    """``multileave`` with given draws: for each position the index of the ranker that adds an item.

    >>> multileaved([["r1", "r2"], ["r2", "r1"]], draws=[1, 0])
    (['r2', 'r1'], [(1,), (0, 1)])
    """
    wanted = sum(map(len, rankings)) if limit is None else limit
    order: list[T] = []
    teams: list[tuple[int, ...]] = []
    taken: set[T] = set()
    at = [0] * len(rankings)
    for drawn in draws:
        for ranker, ranked in enumerate(rankings):
            while at[ranker] < len(ranked) and ranked[at[ranker]] in taken:
                at[ranker] += 1
        if len(order) >= wanted or any(
            index == len(ranked) for index, ranked in zip(at, rankings, strict=True)
        ):
            break
        best = [ranked[index] for ranked, index in zip(rankings, at, strict=True)]
        item = best[drawn]
        taken.add(item)
        order.append(item)
        teams.append(tuple(ranker for ranker, other in enumerate(best) if other == item))
    rest = [item for item in _in_turns(rankings) if item not in taken]
    order += rest
    teams += [()] * len(rest)
    return order[:wanted], teams[:wanted]


def _in_turns(rankings: Sequence[Sequence[T]]) -> list[T]:
    """All items without repeats, in order of the best position that a ranker gives them."""
    longest = max(map(len, rankings))
    turns = (
        ranked[index] for index in range(longest) for ranked in rankings if index < len(ranked)
    )
    return list(dict.fromkeys(turns))


def draws_of(seed: int | str, rankers: int) -> Iterator[int]:
    """Endless uniform draws of 0 to ``rankers`` - 1.

    The bytes of SHA-256 of ``seed:0``, ``seed:1`` and so on, modulo ``rankers``; bytes at or above
    the largest multiple of ``rankers`` that is at most 256 are left out, so that all have the same
    chance.
    """
    even = 256 - 256 % rankers
    block = 0
    while True:
        for byte in hashlib.sha256(f"{seed}:{block}".encode()).digest():
            if byte < even:
                yield byte % rankers
        block += 1
