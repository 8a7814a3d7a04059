"""The ways to rank that a variant may name, other than that of the server itself.

Invariant: the same request id, View and time give the same list; every list has the candidates
that the server's own would have.
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
class Asked:
    """A request on its way to be ranked: all that a policy needs to know of it."""

    view: View
    hashes: Hashes
    request: RankRequest
    request_id: str
    at_ms: int
    limit: int
    time_limit: TimeLimit

    @property
    def seed(self) -> np.uint64:
        """What decides between equals, and all that is random."""
        return np.uint64(hash_id(self.request_id))


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of candidates, float64[n] each, and how they came to be."""

    scores: NDArray[np.float64]
    second: NDArray[np.float64]
    policy: str
    model: str | None = None
    vectors: NDArray[np.float32] | None = None
    cut: int | None = None
    propensity: float | None = None
    """The probability of each item at each place, where it is the same everywhere."""


def in_order(
    asked: Asked, candidates: Candidates, dropped: dict[str, int], by: Scored
) -> RankedList:
    """The list that scores come to."""
    order = best_positions(
        by.scores, by.second, candidates.hashes, asked.seed, asked.limit
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
        cut=asked.view.state.seq if by.cut is None else by.cut,
        vectors=by.vectors,
        policy=by.policy,
        propensities=chances,
    )


def by_popularity(asked: Asked, table: ArmTable, arm: int) -> RankedList:
    """The most popular among the users of this arm; of equals the newest first."""
    view = asked.view
    candidates, dropped = candidates_of(asked.request, view.live, asked.hashes, at_ms=asked.at_ms)
    scores = table.read(arm, candidates.hashes, at_ms=float(asked.at_ms))
    second = newness(view.live.since(candidates.hashes), asked.at_ms)
    ranked = in_order(asked, candidates, dropped, Scored(scores, second, "popular"))
    if scores.any():
        return ranked
    newest = in_order(asked, candidates, dropped, Scored(second, _NOTHING, "popular"))
    why = "none of the candidates had a success among the users of this variant yet"
    return replace(newest, fallback="newest", reason=why)


def at_random(asked: Asked) -> RankedList:
    """Every order is as likely as any other; the request id decides."""
    view = asked.view
    candidates, dropped = candidates_of(asked.request, view.live, asked.hashes, at_ms=asked.at_ms)
    draws = mixed(candidates.hashes ^ mixed(np.array([asked.seed])))
    count = len(draws)
    chance = 1 / count if count else None
    scores = draws.astype(np.float64) * 2.0**-64
    by = Scored(scores, _NOTHING, "random", propensity=chance)
    return in_order(asked, candidates, dropped, by)


def by_weights(asked: Asked, weights: Mapping[str, float], table: ArmTable, arm: int) -> RankedList:
    """By a weighted sum of the chances of the bundle's labels, and of popularity.

    Popularity is each item's share of the list's largest. Only where a bundle serves that has all
    labels, and there is no time_limit. Raises StateBusyError.
    """
    view, request = asked.view, asked.request
    bundle, program = view.ranker.level.bundle, view.ranker.program
    assert bundle is not None
    assert program is not None
    candidates, dropped = candidates_of(request, view.live, asked.hashes, at_ms=asked.at_ms)
    columns, cut = view.state.read_cut(
        program,
        user=hash_id(request.user),
        at_ms=float(asked.at_ms),
        items=candidates.hashes,
        request=view.ranker.request_words(request),
        positions=_POSITIONS,
        patience_s=asked.time_limit.state_wait_s,
    )
    scores = np.zeros(len(candidates.hashes))
    for label, weight in weights.items():
        if label in bundle.heads:
            scores += weight * bundle.heads[label].answers(columns)
        else:
            popular = table.read(arm, candidates.hashes, at_ms=float(asked.at_ms))
            scores += weight * popular / max(float(popular.max(initial=0.0)), 1e-300)
    by = Scored(scores, _NOTHING, "weights", bundle.version, columns, cut)
    return in_order(asked, candidates, dropped, by)


def combined(asked: Asked, lists: Sequence[RankedList], policy: str) -> RankedList:
    """One list out of several of one View: two take turns (team draft), or ``multileave``.

    ``policy`` is the variant's ``rank``. ``order`` is empty, as each list has places of its own.
    Scores are 1 over the place, from 1, as those of the lists may not be compared.
    """
    first = lists[0]
    theirs = [first.items, *(_known_to(first, one) for one in lists[1:])]
    if policy.startswith("interleave:"):
        items, teams = team_draft(theirs[0], theirs[1], asked.request_id, asked.limit)
        told = teams_text(teams)
    else:
        items, shared = multileave(theirs, asked.request_id, asked.limit)
        told = teams_text(shared)
    fallen = next((one for one in lists if one.fallback is not None), None)
    return RankedList(
        candidates=first.candidates,
        order=[],
        items=items,
        scores=1.0 / np.arange(1.0, len(items) + 1.0),
        model=None,
        fallback=None if fallen is None else fallen.fallback,
        reason=None if fallen is None else fallen.reason,
        dropped=first.dropped,
        cut=min(one.cut for one in lists),
        policy=policy,
        teams=told,
    )


def _known_to(first: RankedList, other: RankedList) -> list[str]:
    """The items of a list that are candidates of the first: an item may have ended meanwhile."""
    if np.array_equal(first.candidates.hashes, other.candidates.hashes):
        return other.items
    is_known = np.isin(other.candidates.hashes[other.order], first.candidates.hashes)
    return list(compress(other.items, is_known.tolist()))
