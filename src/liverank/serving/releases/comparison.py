"""Scores the candidates of a request by the champion and by the challenger, and compares both.

Invariant: both read the same candidates from the same state, each with its own features, and
nothing that is served depends on it.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id
from liverank.features.kinds.context import SERVED_POSITION
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.fallback import popularity
from liverank.serving.ranking.order_kernel import best_positions
from liverank.serving.ranking.ranker import Ranker, View

TOP = 10
"""Length of the lists whose overlap is measured."""
_POSITIONS = np.array([SERVED_POSITION])
_NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Sample:
    """A ranking that was answered, to be scored again; ``view`` is the champion's."""

    view: View
    request: RankRequest
    request_id: str
    at_ms: int
    items: NDArray[np.uint64]
    """Hashes of the candidates, uint64[n]."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two rankers scored the candidates of one request."""

    candidates: int
    champion_us: float
    challenger_us: float
    """Time to read features and score, microseconds."""
    overlap_at_10: float
    """Share of the first 10 items (of all, if there are fewer) that both have in common."""
    score: float
    """Mean score by the challenger; NaN if a score is not finite."""
    champion_score: float
    """The same by the champion; NaN if popularity ranks."""


@dataclass(frozen=True, slots=True)
class _Scored:
    scores: NDArray[np.float64]
    second: NDArray[np.float64]
    took_us: float


def compare(sample: Sample, challenger: Ranker) -> Comparison:
    """Score a sample by both. There must be a candidate. Raises StateBusyError."""
    seed = np.uint64(hash_id(sample.request_id))
    rankers = [sample.view.ranker, challenger]
    is_reversed = bool(int(seed) & 1)  # the second finds the state in the processor's cache
    scored = [_scored(sample, one) for one in (rankers[::-1] if is_reversed else rankers)]
    champion, other = scored[::-1] if is_reversed else scored
    tops = [
        set(best_positions(one.scores, one.second, sample.items, seed, TOP).tolist())
        for one in (champion, other)
    ]
    is_model = sample.view.ranker.level.bundle is not None
    return Comparison(
        candidates=len(sample.items),
        champion_us=champion.took_us,
        challenger_us=other.took_us,
        overlap_at_10=len(tops[0] & tops[1]) / min(TOP, len(sample.items)),
        score=float(other.scores.mean()) if np.isfinite(other.scores).all() else float("nan"),
        champion_score=float(champion.scores.mean()) if is_model else float("nan"),
    )


def _scored(sample: Sample, ranker: Ranker) -> _Scored:
    """The scores by a bundle, or by popularity if the ranker has none. Raises StateBusyError."""
    began = time.perf_counter()
    bundle = ranker.level.bundle
    program = ranker.popularity_program if ranker.program is None else ranker.program
    columns, _ = sample.view.state.read_cut(
        program,
        user=hash_id(sample.request.user),
        at_ms=float(sample.at_ms),
        items=sample.items,
        request=ranker.request_words(sample.request),
        positions=_POSITIONS,
        patience_s=0.05,
    )
    if bundle is None:
        scores, second = popularity(columns)
    else:
        scores, second = bundle.model.answers(columns), _NOTHING
    return _Scored(scores, second, 1e6 * (time.perf_counter() - began))
