"""Builds the items of a response from a ranking."""

from liverank.serving.http.messages import RankedItem
from liverank.serving.ranking.ranker import RankedList

_MAX_SHORT = 1_000
"""Maximum number of items of a list that is built in one step."""


def ranked_items(ranked: RankedList) -> list[RankedItem]:
    """The items of a ranking; a long list is built item by item, so that other threads can run."""
    scores = ranked.scores.tolist()
    if len(scores) <= _MAX_SHORT:
        return list(map(RankedItem, ranked.items, scores, range(len(scores))))
    listed = zip(ranked.items, scores, range(len(scores)), strict=True)
    return [RankedItem(*one) for one in listed]
