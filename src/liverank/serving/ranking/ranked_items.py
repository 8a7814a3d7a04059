"""The items of a ranking as they are answered."""

from liverank.serving.http.messages import RankedItem
from liverank.serving.ranking.ranker import RankedList

_LONG = 1_000
"""Items from which on an answer is a long one."""


def ranked_items(ranked: RankedList) -> list[RankedItem]:
    """The items of a ranking; of a long one in steps, between which other threads can go on."""
    scores = ranked.scores.tolist()
    if len(scores) <= _LONG:
        return list(map(RankedItem, ranked.items, scores, range(len(scores))))
    listed = zip(ranked.items, scores, range(len(scores)), strict=True)
    return [RankedItem(*one) for one in listed]
