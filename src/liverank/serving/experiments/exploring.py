"""Exploration at a cold start: while there was never a model, some lists are in random order.

A first model learns from them without the bias of what was popular; their propensities are logged.
Invariant: the request id alone decides which lists these are.
"""

from liverank.serving.experiments.policies import RankingContext, at_random
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.ranker import NO_LIMIT, RankedList, TimeLimit, View, rank
from liverank.serving.ranking.ranking_log import EXPLORED_SAMPLE, is_sampled

REASON = (
    "this list is in random order, to learn from (`autopilot.explore`); that ends with the first "
    "model"
)


def rank_exploring(
    view: View,
    hashes: Hashes,
    request: RankRequest,
    *,
    request_id: str,
    at_ms: int,
    limit: int,
    time_limit: TimeLimit = NO_LIMIT,
) -> RankedList:
    """Rank at random a share ``view.explore`` of the requests, and the others as ``rank`` does."""
    if not is_sampled(request_id, view.explore, EXPLORED_SAMPLE):
        return rank(
            view,
            hashes,
            request,
            request_id=request_id,
            at_ms=at_ms,
            limit=limit,
            time_limit=time_limit,
        )
    context = RankingContext(view, hashes, request, request_id, at_ms, limit, time_limit)
    ranked = at_random(context)
    ranked.reason = REASON
    return ranked
