"""Ranking as a pure function from a request and a View to an ordered list.

    request -> candidates -> features -> scores -> order

Features are read by the same compiled code as for training rows.
Invariant: the same request id, cut, time and fallback level give the same list; an item that is
known to have ended is never in it; a request is answered from one View.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.bundle import Bundle
from liverank.errors import StateBusyError
from liverank.features.compiler import Program
from liverank.features.hashing import hash_id
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.layout.layout import Layout
from liverank.features.spec import compile_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import request_words
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Candidates, Hashes, candidates_of
from liverank.serving.ranking.fallback import FallbackLevel, popularity, popularity_program
from liverank.serving.ranking.order_kernel import best_positions
from liverank.serving.state.live_table import LiveTable

if TYPE_CHECKING:
    from liverank.serving.experiments.variants import Variants
    from liverank.serving.releases.challenger import Challenger

_POSITIONS = np.array([SERVED_POSITION])
_MAX_SURFACES = 1_000
_EMPTY = np.empty(0)


@dataclass(frozen=True, slots=True)
class Ranker:
    """A fallback level with its programs, compiled for the layout of the folded log."""

    level: FallbackLevel
    layout: Layout
    program: Program | None
    """Reads the bundle's features; None without a bundle."""
    popularity_program: Program
    plain_requests: dict[str, NDArray[np.uint64]] = field(default_factory=dict)
    """Request words of requests without fields, by surface."""

    def request_words(self, request: RankRequest) -> NDArray[np.uint64]:
        """The fields and the surface of a request, encoded as the fold encodes them: uint64[n]."""
        if request.fields:
            return request_words(request.fields, request.surface, self.layout)
        words = self.plain_requests.get(request.surface)
        if words is None:
            words = request_words({}, request.surface, self.layout)
            if len(self.plain_requests) < _MAX_SURFACES:
                self.plain_requests[request.surface] = words
        return words


@dataclass(frozen=True, slots=True)
class View:
    """State, live items and model that a ranking is made from."""

    state: State
    live: LiveTable
    ranker: Ranker
    generation: int
    """Generation of the log when the fold began; a later one lacks events that were folded."""
    variants: "Variants | None" = None
    """Ranks in place of ``rank``; None if the config has no experiments."""
    explore: float = 0.0
    """Share of the requests that are ranked at random, because there was never a model."""
    challenger: "Challenger | None" = None
    """The challenger on trial; None if there is none."""

    def bundle(self, version: str | None) -> Bundle | None:
        """The bundle with this version, among those of this view."""
        bundle = self.ranker.level.bundle
        if self.variants is None or version is None:
            return bundle
        is_current = bundle is not None and bundle.version == version
        return bundle if is_current else self.variants.bundle(version)


@dataclass(slots=True)  # not frozen, since that takes a microsecond a request
class RankedList:
    """A ranked list, and the data logged with it."""

    candidates: Candidates
    order: list[int]
    """Positions in ``candidates`` of the items that are served, best first."""
    items: list[str]
    """Ids of the served items."""
    scores: NDArray[np.float64]
    """Scores of the served items."""
    model: str | None
    fallback: str | None
    reason: str | None
    dropped: dict[str, int]
    cut: int
    vectors: NDArray[np.float32] | None = None
    """Features that the model read, float32[candidates, features]; None without a bundle."""
    variant: str | None = None
    """Variant of an experiment, as it is logged."""
    policy: str | None = None
    """Name of the ranking policy, if it was neither a bundle nor a fallback."""
    propensities: list[float] | None = None
    """Probability with which each item got its position, if that is known."""
    teams: str | None = None
    """Source of each item of an interleaved list."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """The time that a ranking may take.

    ``skip_reason`` is the reason to skip the model and rank by popularity; None uses the model.
    ``state_wait_s`` is the time to wait for state while a batch is being folded.
    """

    skip_reason: str | None = None
    state_wait_s: float = 1.0


NO_LIMIT = TimeLimit()


def make_ranker(level: FallbackLevel, layout: Layout) -> Ranker:
    """Compile a fallback level; if it has a bundle, ``layout`` is the bundle's own."""
    program = None if level.bundle is None else compile_spec(level.bundle.spec)
    return Ranker(level, layout, program, popularity_program(layout))


def rank(
    view: View,
    hashes: Hashes,
    request: RankRequest,
    *,
    request_id: str,
    at_ms: int,
    limit: int,
    time_limit: TimeLimit = NO_LIMIT,
) -> RankedList:
    """Rank a request's candidates as of ``at_ms``, from the events folded so far."""
    candidates, dropped = candidates_of(request, view.live, hashes, at_ms=at_ms)
    level = view.ranker.level
    bundle = level.bundle if time_limit.skip_reason is None else None
    columns, model, scores, second, cut = None, None, _EMPTY, _EMPTY, 0
    fallback, reason = level.fallback, level.reason
    if bundle is not None:
        assert view.ranker.program is not None
        try:
            columns, cut = _read(view, view.ranker.program, request, candidates, at_ms, time_limit)
            scores, model = bundle.model.answers(columns), bundle.version
        except StateBusyError as error:  # popularity reads far less state
            bundle, time_limit = None, replace(time_limit, skip_reason=str(error))
    if bundle is None:
        program = view.ranker.popularity_program
        try:
            read, cut = _read(view, program, request, candidates, at_ms, time_limit)
            scores, second = popularity(read)
            fallback, reason = "popular", time_limit.skip_reason or reason
            if not scores.any():
                scores, fallback = second, "newest"
                reason = f"{reason}; and none of the candidates had a success yet"
        except StateBusyError as error:
            cut = view.state.seq
            scores = newness(view.live.since(candidates.hashes), at_ms)
            fallback, reason = "newest", str(error)
    seed = np.uint64(hash_id(request_id))
    order = best_positions(scores, second, candidates.hashes, seed, limit).tolist()
    return RankedList(
        candidates=candidates,
        order=order,
        items=candidates.names(order),
        scores=scores[order],
        model=model,
        fallback=fallback,
        reason=reason,
        dropped=dropped,
        cut=cut,
        vectors=columns,
    )


def _read(
    view: View,
    program: Program,
    request: RankRequest,
    candidates: Candidates,
    at_ms: int,
    time_limit: TimeLimit,
) -> tuple[NDArray[np.float32], int]:
    """A program's features of the candidates, float32[n, columns], and the cut of the read."""
    return view.state.read_cut(
        program,
        user=hash_id(request.user),
        at_ms=float(at_ms),
        items=candidates.hashes,
        request=view.ranker.request_words(request),
        positions=_POSITIONS,
        patience_s=time_limit.state_wait_s,
    )


def newness(since: NDArray[np.float64], at_ms: int) -> NDArray[np.float64]:
    """Score from 1 for an item that started now towards 0 for an old or unknown one.

    ``since`` float64[n] in Unix ms; returns float64[n].
    """
    age_s = np.maximum(at_ms - since, 0.0) / 1000.0
    return np.nan_to_num(1.0 / (1.0 + age_s), nan=0.0)
