"""Ranking, pure: a request, the folded log and a rung of the ladder in, an ordered list out.

Features are read by the same compiled code that made the training rows.
Invariant: the same request id, cut, time and rung give the same list; nothing here reads a clock,
and an item that is known to have ended is never in it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id, hash_ids
from liverank.features.instructions import Program
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.layout import Layout
from liverank.features.spec import compile_spec
from liverank.features.stream import request_words
from liverank.serving.http.messages import RankedItem, RankRequest
from liverank.serving.ranking.fallback import Rung, popularity, popularity_program
from liverank.serving.ranking.reasons import as_json, reasons_of, typical_values
from liverank.serving.state.live_items import Candidates
from liverank.serving.state.log_fold import Folded

_POSITIONS = np.array([SERVED_POSITION])


@dataclass(frozen=True, slots=True)
class Ranker:
    """A rung, compiled for the layout that the log is folded in."""

    rung: Rung
    layout: Layout
    program: Program | None
    """Of the bundle's features; None without a bundle."""
    popular: Program


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list, and all that the log must know of it."""

    items: list[RankedItem]
    scored: list[str]
    """All candidates that were scored."""
    model: str | None
    fallback: str | None
    reason: str | None
    dropped: dict[str, int]
    cut: int
    vectors: NDArray[np.float32] | None = field(default=None, compare=False)
    """What the model read, float32[scored, features]; None without a bundle."""


def make_ranker(rung: Rung, layout: Layout) -> Ranker:
    """Compile a rung; the layout is the bundle's own where there is one."""
    program = None if rung.bundle is None else compile_spec(rung.bundle.spec)
    return Ranker(rung, layout, program, popularity_program(layout))


def rank(
    ranker: Ranker,
    folded: Folded,
    request: RankRequest,
    *,
    request_id: str,
    at_ms: int,
    limit: int,
) -> Ranked:
    """Rank a request's candidates as of ``at_ms``, by what has been folded so far."""
    candidates, dropped = _candidates(folded, request, at_ms)
    columns = None
    fallback, reason = ranker.rung.fallback, ranker.rung.reason
    ties = _tie_breaks(request_id, candidates.hashes)
    if ranker.rung.bundle is None:
        program = ranker.popular
        scores, newest = popularity(_read(folded, program, request, candidates, at_ms))
        order = np.lexsort((ties, -newest, -scores))
        if not scores.any():
            scores, fallback = newest, "newest"
            reason = f"{reason}; and none of the candidates had a success yet"
    else:
        assert ranker.program is not None
        columns = _read(folded, ranker.program, request, candidates, at_ms)
        scores = ranker.rung.bundle.model.answers(columns)
        order = np.lexsort((ties, -scores))
    order = order[:limit]
    values = scores[order].tolist()
    items = [
        RankedItem(item=candidates.ids[place], score=values[position], position=position)
        for position, place in enumerate(order.tolist())
    ]
    if request.explain and columns is not None:
        items = _explained(ranker, items, columns, order)
    return Ranked(
        items=items,
        scored=candidates.ids,
        model=None if ranker.rung.bundle is None else ranker.rung.bundle.version,
        fallback=fallback,
        reason=reason,
        dropped=dropped,
        cut=folded.seq,
        vectors=columns,
    )


def _candidates(
    folded: Folded, request: RankRequest, at_ms: int
) -> tuple[Candidates, dict[str, int]]:
    """What to score: each item once, without the excluded and the ended; and how many fell out."""
    dropped: dict[str, int] = {}
    if request.items is None:
        live = folded.live.candidates(at_ms=at_ms)
        if not request.exclude:
            return live, dropped
        names = live.ids
    else:
        distinct = list(dict.fromkeys(request.items))
        names = [name for name in distinct if not folded.live.has_ended(name)]
        if len(names) < len(distinct):
            dropped["ended"] = len(distinct) - len(names)
    if request.exclude:
        excluded = set(request.exclude)
        kept = [name for name in names if name not in excluded]
        if len(kept) < len(names):
            dropped["excluded"] = len(names) - len(kept)
        names = kept
    return Candidates(names, hash_ids(names)), dropped


def _read(
    folded: Folded, program: Program, request: RankRequest, candidates: Candidates, at_ms: int
) -> NDArray[np.float32]:
    return folded.state.read(
        program,
        user=hash_id(request.user),
        at_ms=float(at_ms),
        items=candidates.hashes,
        request=request_words(request.fields, request.surface, folded.layout),
        positions=_POSITIONS,
    )


def _tie_breaks(request_id: str, items: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """An order among equals that differs between requests and not with the order given."""
    mixed = (items ^ np.uint64(hash_id(request_id))) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(32))


def _explained(
    ranker: Ranker,
    items: list[RankedItem],
    columns: NDArray[np.float32],
    order: NDArray[np.int64],
) -> list[RankedItem]:
    """The items with their features and reasons."""
    bundle = ranker.rung.bundle
    assert bundle is not None
    rows = np.ascontiguousarray(columns[order])
    reasons = reasons_of(bundle.model, bundle.spec.names, rows, typical_values(columns))
    return [
        RankedItem(
            item=item.item,
            score=item.score,
            position=item.position,
            features={
                name: as_json(value)
                for name, value in zip(bundle.spec.names, row.tolist(), strict=True)
            },
            reasons=why,
        )
        for item, row, why in zip(items, rows, reasons, strict=True)
    ]
