"""Turns fits and weights into the terms of a predictor, and measures their scoring time and size.

Invariant: forests of one margin become one forest, with its trees in the order of the members.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Clock
from liverank.automl.data.matrix import Fit
from liverank.models.forest.forest import Forest, merge
from liverank.models.predictor import ALL, ModelPart, Term, sum_terms

BATCH = 55
"""Rows of a timed batch: as many as a ranking scores at once."""
_BATCHES = 40
_LONGEST_S = 0.5


def terms_of(members: Sequence[tuple[Fit, float]]) -> tuple[Term, ...]:
    """Terms whose sum is the weighted sum of the members' margins.

    >>> from liverank.models.forest.forest import leaf_arrays
    >>> fit = Fit((Forest.from_arrays(leaf_arrays(2.0), 1),), 1, 1, False, np.zeros(1))
    >>> terms = terms_of([(fit, 0.5), (fit, 0.25)])
    >>> len(terms), terms[0].part.margin(np.zeros((1, 1), np.float32)).tolist()
    (1, [1.5])
    """
    forests: dict[int, list[tuple[Forest, float]]] = {}
    others: list[Term] = []
    for fit, weight in members:
        for margin, part in enumerate(fit.parts):
            if isinstance(part, Forest):
                forests.setdefault(margin, []).append((part, weight))
            else:
                gives_all = len(fit.parts) == 1 and _one_margin(part).ndim == 2
                others.append(Term(part, ALL if gives_all else margin, weight))
    merged = [
        Term(merge([forest for forest, _ in some], [weight for _, weight in some]), margin, 1.0)
        for margin, some in sorted(forests.items())
    ]
    return (*merged, *others)


def scoring_us(
    terms: Sequence[Term], features: NDArray[np.float32], n_margins: int, clock: Clock
) -> float:
    """Microseconds a row to score the sum of the terms, measured by ``us_per_row``."""
    return us_per_row(lambda rows: sum_terms(terms, rows, n_margins), features, clock)


def us_per_row(
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    features: NDArray[np.float32],
    clock: Clock,
) -> float:
    """Microseconds a row, the median over batches of 55; one thread, encoding not counted."""
    times = max(-(-BATCH * 8 // max(len(features), 1)), 1)
    rows = np.tile(features[: BATCH * 8], (times, 1))
    score(rows[:BATCH])
    took_s: list[float] = []
    began = clock()
    for batch in range(_BATCHES):
        first = (batch % 8) * BATCH
        block = np.ascontiguousarray(rows[first : first + BATCH])
        before = clock()
        score(block)
        took_s.append(clock() - before)
        if took_s[-1] + clock() - began > _LONGEST_S:
            break
    return float(np.median(took_s)) * 1e6 / BATCH


def size_mb(terms: Sequence[Term]) -> float:
    """Megabytes that the parts take in a bundle."""
    file = io.BytesIO()
    arrays = {
        f"{i}.{name}": array
        for i, term in enumerate(terms)
        for name, array in term.part.to_arrays().items()
        if name != "cover"
    }
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return len(file.getvalue()) / 1e6


def _one_margin(part: ModelPart) -> NDArray[np.float64]:
    return part.margin(np.zeros((1, part.n_features), np.float32))
