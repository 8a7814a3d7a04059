"""Ranking policies of variants, besides that of the server itself.

Invariant: the same request id, View and time give the same list; every policy ranks the same
candidates as the server would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.interleaving.multileave import multileave
from liverank.experiments.interleaving.team_draft import team_draft
from liverank.experiments.interleaving.teams import teams_text
from liverank.features.hashing import hash_id, mixed
from liverank.features.kinds.context import SERVED_POSITION
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Candidates, Hashes, candidates_of
from liverank.serving.ranking.order_kernel import best_positions
from liverank.serving.ranking.ranker import RankedList, TimeLimit, View, newness

_POSITIONS = np.array([SERVED_POSITION])
_NOTHING = np.empty(0)


@dataclass(slots=True)
class RankingContext:
    """A request and everything that a policy needs to rank it."""

    view: View
    hashes: Hashes
    request: RankRequest
    request_id: str
    at_ms: int
    limit: int
    time_limit: TimeLimit

    @property
    def seed(self) -> np.uint64:
        """Seed of all random choices, including the order of equal items."""
        return np.uint64(hash_id(self.request_id))


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores of candidates, float64[n] each, and their source."""

    scores: NDArray[np.float64]
    second: NDArray[np.float64]
    policy: str
    model: str | None = None
    vectors: NDArray[np.float32] | None = None
    cut: int | None = None
    propensity: float | None = None
    """Probability of each item at each position, if it is the same everywhere; else None."""


def in_order(
    context: RankingContext, candidates: Candidates, dropped: dict[str, int], by: Scoring
) -> RankedList:
    """The list of candidates in the order of their scores."""
    order = best_positions(
        by.scores, by.second, candidates.hashes, context.seed, context.limit
    ).tolist()
    chances = None if by.propensity is None else [by.propensity] * len(order)
    return RankedList(
        candidates=candidates,
        order=order,
        items=candidates.names(order),
        scores=by.scores[order],
        model=by.model,
        fallback=None,
        reason=None,
        dropped=dropped,
        cut=context.view.state.seq if by.cut is None else by.cut,
        vectors=by.vectors,
        policy=by.policy,
        propensities=chances,
    )


def by_popularity(context: RankingContext, table: ArmTable, arm: int) -> RankedList:
    """Rank by popularity among the users of this arm; equal items are ordered newest first."""
    view = context.view
    candidates, dropped = candidates_of(
        context.request, view.live, context.hashes, at_ms=context.at_ms
    )
    scores = table.read(arm, candidates.hashes, at_ms=float(context.at_ms))
    second = newness(view.live.since(candidates.hashes), context.at_ms)
    ranked = in_order(context, candidates, dropped, Scoring(scores, second, "popular"))
    if scores.any():
        return ranked
    newest = in_order(context, candidates, dropped, Scoring(second, _NOTHING, "popular"))
    reason = "none of the candidates had a success among the users of this variant yet"
    return replace(newest, fallback="newest", reason=reason)


def at_random(context: RankingContext) -> RankedList:
    """Rank uniformly at random, seeded by the request id."""
    view = context.view
    candidates, dropped = candidates_of(
        context.request, view.live, context.hashes, at_ms=context.at_ms
    )
    draws = mixed(candidates.hashes ^ mixed(np.array([context.seed])))
    count = len(draws)
    chance = 1 / count if count else None
    scores = draws.astype(np.float64) * 2.0**-64
    by = Scoring(scores, _NOTHING, "random", propensity=chance)
    return in_order(context, candidates, dropped, by)


def by_weights(
    context: RankingContext, weights: Mapping[str, float], table: ArmTable, arm: int
) -> RankedList:
    """Rank by a weighted sum of the probabilities of the bundle's labels, and of popularity.

    Popularity is scaled by the largest in the list. The served bundle must have all labels, and the
    time limit must allow a model. Raises StateBusyError.
    """
    view, request = context.view, context.request
    bundle, program = view.ranker.level.bundle, view.ranker.program
    assert bundle is not None
    assert program is not None
    candidates, dropped = candidates_of(request, view.live, context.hashes, at_ms=context.at_ms)
    columns, cut = view.state.read_cut(
        program,
        user=hash_id(request.user),
        at_ms=float(context.at_ms),
        items=candidates.hashes,
        request=view.ranker.request_words(request),
        positions=_POSITIONS,
        patience_s=context.time_limit.state_wait_s,
    )
    scores = np.zeros(len(candidates.hashes))
    for label, weight in weights.items():
        if label in bundle.heads:
            scores += weight * bundle.heads[label].answers(columns)
        else:
            popular = table.read(arm, candidates.hashes, at_ms=float(context.at_ms))
            scores += weight * popular / max(float(popular.max(initial=0.0)), 1e-300)
    by = Scoring(scores, _NOTHING, "weights", bundle.version, columns, cut)
    return in_order(context, candidates, dropped, by)


def combined(context: RankingContext, lists: Sequence[RankedList], policy: str) -> RankedList:
    """Merge several lists of one View into one, by team draft (two lists) or ``multileave``.

    ``policy`` is the variant's ``rank``. ``order`` is empty, because the lists have different
    candidate positions. Scores are 1 / (position + 1), because those of the lists are not
    comparable.
    """
    first = lists[0]
    item_lists = [first.items, *(_items_in(first, one) for one in lists[1:])]
    if policy.startswith("interleave:"):
        items, teams = team_draft(item_lists[0], item_lists[1], context.request_id, context.limit)
        sources = teams_text(teams)
    else:
        items, shared = multileave(item_lists, context.request_id, context.limit)
        sources = teams_text(shared)
    with_fallback = next((one for one in lists if one.fallback is not None), None)
    return RankedList(
        candidates=first.candidates,
        order=[],
        items=items,
        scores=1.0 / np.arange(1.0, len(items) + 1.0),
        model=None,
        fallback=None if with_fallback is None else with_fallback.fallback,
        reason=None if with_fallback is None else with_fallback.reason,
        dropped=first.dropped,
        cut=min(one.cut for one in lists),
        policy=policy,
        teams=sources,
    )


def _items_in(first: RankedList, other: RankedList) -> list[str]:
    """The items of ``other`` that are candidates of ``first``: an item may have ended meanwhile."""
    if np.array_equal(first.candidates.hashes, other.candidates.hashes):
        return other.items
    is_known = np.isin(other.candidates.hashes[other.order], first.candidates.hashes)
    return list(compress(other.items, is_known.tolist()))
