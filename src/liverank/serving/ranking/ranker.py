"""Ranking, pure: a request and a View in, an ordered list out.

    request -> candidates -> features -> scores -> order

Features are read by the same compiled code that made the training rows.
Invariant: the same request id, cut, time and rung give the same list; an item that is known to have
ended is never in it; a request is answered from one View.
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
from liverank.serving.ranking.order_kernel import best_places
from liverank.serving.state.live_table import LiveTable

if TYPE_CHECKING:
    from liverank.serving.experiments.variants import Variants

_POSITIONS = np.array([SERVED_POSITION])
_MOST_SURFACES = 1_000
_NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Ranker:
    """A rung, compiled for the layout that the log is folded in."""

    rung: FallbackLevel
    layout: Layout
    program: Program | None
    """Of the bundle's features; None without a bundle."""
    popular: Program
    plain: dict[str, NDArray[np.uint64]] = field(default_factory=dict)
    """The words of requests without fields, by their surface."""

    def request_words(self, request: RankRequest) -> NDArray[np.uint64]:
        """The words of a request, uint64[request words], as the fold knows them."""
        if request.fields:
            return request_words(request.fields, request.surface, self.layout)
        words = self.plain.get(request.surface)
        if words is None:
            words = request_words({}, request.surface, self.layout)
            if len(self.plain) < _MOST_SURFACES:
                self.plain[request.surface] = words
        return words


@dataclass(frozen=True, slots=True)
class View:
    """What a ranking is made from."""

    state: State
    live: LiveTable
    ranker: Ranker
    generation: int
    """Of the log, when the fold began: a later one lacks events that were folded."""
    variants: "Variants | None" = None
    """What ranks in place of ``rank`` where the config names experiments."""

    def bundle(self, version: str | None) -> Bundle | None:
        """The bundle of that version, of those that may have ranked."""
        bundle = self.ranker.rung.bundle
        if self.variants is None or version is None:
            return bundle
        is_current = bundle is not None and bundle.version == version
        return bundle if is_current else self.variants.bundle(version)


@dataclass(slots=True)  # not frozen, since that takes a microsecond a request
class Ranked:
    """A ranked list, and all that the log must know of it."""

    candidates: Candidates
    order: list[int]
    """The places in ``candidates`` of those that are served, the best first."""
    items: list[str]
    """The ids of those."""
    scores: NDArray[np.float64]
    """The scores of those."""
    model: str | None
    fallback: str | None
    reason: str | None
    dropped: dict[str, int]
    cut: int
    vectors: NDArray[np.float32] | None = None
    """What the model read, float32[candidates, features]; None without a bundle."""
    variant: str | None = None
    """The variant of an experiment, as it is logged."""
    policy: str | None = None
    """What ranked where that was neither a bundle nor a fallback."""
    propensities: list[float] | None = None
    """The probability with which each of the items got its place, where that is known."""
    teams: str | None = None
    """Of an interleaved list: who placed each item."""


@dataclass(frozen=True, slots=True)
class Haste:
    """Why a request is answered by popularity though a model is there.

    ``patience_s`` is how long to wait for state while a batch is being folded.
    """

    reason: str | None = None
    patience_s: float = 1.0


NO_HASTE = Haste()


def make_ranker(rung: FallbackLevel, layout: Layout) -> Ranker:
    """Compile a rung; the layout is the bundle's own where there is one."""
    program = None if rung.bundle is None else compile_spec(rung.bundle.spec)
    return Ranker(rung, layout, program, popularity_program(layout))


def rank(
    view: View,
    hashes: Hashes,
    request: RankRequest,
    *,
    request_id: str,
    at_ms: int,
    limit: int,
    haste: Haste = NO_HASTE,
) -> Ranked:
    """Rank a request's candidates as of ``at_ms``, by what has been folded so far."""
    candidates, dropped = candidates_of(request, view.live, hashes, at_ms=at_ms)
    rung = view.ranker.rung
    bundle = rung.bundle if haste.reason is None else None
    columns, model, scores, second, cut = None, None, _NOTHING, _NOTHING, 0
    fallback, reason = rung.fallback, rung.reason
    if bundle is not None:
        assert view.ranker.program is not None
        try:
            columns, cut = _read(view, view.ranker.program, request, candidates, at_ms, haste)
            scores, model = bundle.model.answers(columns), bundle.version
        except StateBusyError as error:  # popularity reads a fraction of it
            bundle, haste = None, replace(haste, reason=str(error))
    if bundle is None:
        try:
            read, cut = _read(view, view.ranker.popular, request, candidates, at_ms, haste)
            scores, second = popularity(read)
            fallback, reason = "popular", haste.reason or reason
            if not scores.any():
                scores, fallback = second, "newest"
                reason = f"{reason}; and none of the candidates had a success yet"
        except StateBusyError as error:
            cut = view.state.seq
            scores = newness(view.live.since(candidates.hashes), at_ms)
            fallback, reason = "newest", str(error)
    seed = np.uint64(hash_id(request_id))
    order = best_places(scores, second, candidates.hashes, seed, limit).tolist()
    return Ranked(
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
    haste: Haste,
) -> tuple[NDArray[np.float32], int]:
    return view.state.read_cut(
        program,
        user=hash_id(request.user),
        at_ms=float(at_ms),
        items=candidates.hashes,
        request=view.ranker.request_words(request),
        positions=_POSITIONS,
        patience_s=haste.patience_s,
    )


def newness(since: NDArray[np.float64], at_ms: int) -> NDArray[np.float64]:
    """From 1 for what started now towards 0 for what is old or unknown."""
    age_s = np.maximum(at_ms - since, 0.0) / 1000.0
    return np.nan_to_num(1.0 / (1.0 + age_s), nan=0.0)
