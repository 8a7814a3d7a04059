"""Admits requests: how each may be ranked in the time that is left, or why it is refused.

Invariant: a request that asks for too much is refused before anything is ranked.
"""

from liverank.serving.http.messages import BadRequestError, RankRequest
from liverank.serving.ranking.deadline import DeadlinePolicy
from liverank.serving.ranking.ranker import TimeLimit

MAX_EXPLAINED = 1_000
"""Maximum number of explained items in a request: each costs as much as scoring many items."""


def check_explained(request: RankRequest, count: int, limit: int) -> None:
    """Refuse to explain too many of ``count`` candidates. Raises BadRequestError (422)."""
    if request.explain and min(limit, count) > MAX_EXPLAINED:
        what = f"at most {MAX_EXPLAINED:,} items are explained; lower `limit`, or omit `explain`"
        raise BadRequestError(422, "$.explain", what)


def time_limit_of(
    policy: DeadlinePolicy,
    request: RankRequest,
    *,
    candidates: int,
    deadline_s: float,
    now_s: float,
    waited_s: float,
) -> TimeLimit | None:
    """The remaining time of a request with this number of candidates; None means: refuse it.

    ``deadline_s`` is the surface's, which the request may override.
    """
    if request.deadline_ms is not None:
        deadline_s = request.deadline_ms / 1000
    return policy.time_limit(
        now_s=now_s, waited_s=waited_s, deadline_s=deadline_s, candidates=candidates
    )
