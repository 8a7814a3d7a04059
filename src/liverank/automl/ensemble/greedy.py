"""Which models to blend, and whether blending is worth it.

Invariant: a blend is kept only where rows that did not choose it say that it beats the best single
model beyond the noise of those rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.metrics.bootstrap import gain_interval

Floats = NDArray[np.float64]

_BOLD_CONFIDENCE, _CONFIDENCE = 0.95, 0.8
_PARTS = 5
_WARM_STEPS = 5
"""First steps go by log-loss or squared error, which tell more than a figure of ranks."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Weights of models, float64[m], that sum to 1, and what was gained over the best single one.

    ``gain`` is the interval of how much the loss fell, whether or not the blend was ``kept``.
    ``crossed`` are margins of the choosing rows, float64[n, k], each by what the others chose.
    ``refused``, bool[m], are models that may not be used at all; None where all may.
    """

    weights: Floats
    single: int
    kept: bool
    gain: tuple[float, float]
    crossed: Floats
    refused: NDArray[np.bool_] | None = None

    def among(self, is_chosen: NDArray[np.bool_]) -> "Blend":
        """The same, of which these models of a longer list, bool[m], were the only choice."""
        weights = np.zeros(len(is_chosen))
        weights[is_chosen] = self.weights
        single = int(np.flatnonzero(is_chosen)[self.single])
        refused = None
        if self.refused is not None:
            refused = np.zeros(len(is_chosen), np.bool_)
            refused[is_chosen] = self.refused
        return replace(self, weights=weights, single=single, refused=refused)


def greedy_weights(
    margins: Sequence[Floats],
    held: EvalRows,
    *,
    steps: int = 25,
    costs: Floats | None = None,
) -> Floats:
    """Weights, float64[m] that sum to 1, of a blend of margins, float64[n, k], with a low loss.

    Models are added one at a time, with replacement, each time the one that helps most (Caruana
    et al., 2004); the best blend on the way is returned, so it never loses to the best single one.
    With ``costs`` (float64[m], at least one up to 1) those of all members stay within 1.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> held = EvalRows(np.array([1.0, 0.0]), None, None, find_objective(None, "binary"), "sigmoid")
    >>> greedy_weights([np.array([[1.0], [2.0]]), np.array([[2.0], [1.0]])], held).tolist()
    [0.0, 1.0]
    """
    price = np.zeros(len(margins)) if costs is None else costs
    singles = np.where(price <= 1, [held.loss(margin) for margin in margins], np.inf)
    best_loss = float(singles.min())
    best_counts = np.zeros(len(margins))
    best_counts[int(np.argmin(singles))] = 1.0
    counts, total = np.zeros(len(margins)), np.zeros_like(margins[0])
    for step in range(1, steps + 1):
        measure = held.mean_loss if step <= _WARM_STEPS else held.loss
        spent = price[counts > 0].sum()
        losses = [
            measure((total + margin) / step)
            if counts[place] or spent + price[place] <= 1
            else np.inf
            for place, margin in enumerate(margins)
        ]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total = total + margins[chosen]
        loss = held.loss(total / step)
        if loss < best_loss - 1e-9 * abs(best_loss):
            best_loss, best_counts = loss, counts.copy()
    weights: Floats = best_counts / best_counts.sum()
    return weights


def best_single(
    margins: Sequence[Floats], held: EvalRows, cautious: NDArray[np.bool_] | None = None
) -> int:
    """The place of the model with the least loss.

    Where some are ``cautious``, bool[m], the best of those unless another beats it beyond noise: on
    few successes the least loss of many models is luck, and cautious ones do less harm.
    """
    losses = np.array([held.loss(margin) for margin in margins])
    best = int(np.argmin(losses))
    if cautious is None or cautious[best] or not cautious.any():
        return best
    calm = int(np.argmin(np.where(cautious, losses, np.inf)))
    gain = gain_interval(margins[calm], margins[best], held, confidence=_BOLD_CONFIDENCE)
    return best if gain[0] > 0 else calm


def blended(margins: Sequence[Floats], weights: Floats) -> Floats:
    """The weighted sum, float64[n, k]."""
    total = np.zeros_like(margins[0])
    for margin, weight in zip(margins, weights, strict=True):
        if weight:
            total = total + weight * margin
    return total


def choose_blend(
    validation: Sequence[Floats],
    held: EvalRows,
    holdout: Sequence[Floats],
    judged: EvalRows,
    *,
    seed: int = 0,
    cautious: NDArray[np.bool_] | None = None,
    confidence: float = _CONFIDENCE,
) -> Blend:
    """The greedy blend of models if it beats the best single one beyond noise, else that one.

    ``choose`` and ``judge`` are the margins of each model on the rows ``held`` and ``judged``. Each
    fifth of ``held`` is judged by what the other rows would have chosen. ``cautious`` is as
    ``best_single`` has it, and ``confidence`` says how sure it must be that the blend is better.
    """
    single = best_single(validation, held, cautious)
    alone = np.zeros(len(validation))
    alone[single] = 1.0
    weights = greedy_weights(validation, held)
    if len(validation) == 1 or (weights == alone).all():
        return Blend(alone, single, kept=False, gain=(0.0, 0.0), crossed=validation[single])
    before, after = validation[single].copy(), blended(validation, weights)
    part = held.parts(_PARTS)
    for there in (part == place for place in np.unique(part)):
        if there.all():  # one group: nothing else could choose
            continue
        learned = [margin[~there] for margin in validation]
        rows = held.take(~there)
        before[there] = validation[best_single(learned, rows, cautious)][there]
        after[there] = blended([m[there] for m in validation], greedy_weights(learned, rows))
    gain = gain_interval(
        np.concatenate([before, holdout[single]]),
        np.concatenate([after, blended(holdout, weights)]),
        joined(held, judged),
        seed=seed,
        confidence=confidence,
    )
    kept = gain[0] > 0
    return Blend(weights if kept else alone, single, kept, gain, after if kept else before)


def choose_with_doubted(
    validation: Sequence[Floats],
    held: EvalRows,
    holdout: Sequence[Floats],
    judged: EvalRows,
    *,
    seed: int,
    cautious: NDArray[np.bool_],
    doubted: NDArray[np.bool_],
    confidence: float = _CONFIDENCE,
) -> Blend:
    """As ``choose_blend``, but models that are ``doubted``, bool[m], must prove themselves.

    They are refused unless what is chosen among all beats what is chosen among the others beyond
    the noise of the rows ``held``, each answered by what other rows chose, and ``judged``.
    """
    every = choose_blend(
        validation, held, holdout, judged, seed=seed, cautious=cautious, confidence=confidence
    )
    sure = np.flatnonzero(~doubted).tolist()
    if len(sure) in (0, len(doubted)):
        return every
    others = choose_blend(
        [validation[i] for i in sure],
        held,
        [holdout[i] for i in sure],
        judged,
        seed=seed,
        cautious=cautious[sure],
        confidence=confidence,
    ).among(~doubted)
    others = replace(others, refused=doubted)
    if not every.weights[doubted].any():
        return others
    gain = gain_interval(
        np.concatenate([others.crossed, blended(holdout, others.weights)]),
        np.concatenate([every.crossed, blended(holdout, every.weights)]),
        joined(held, judged),
        seed=seed,
        confidence=_CONFIDENCE,
    )
    return every if gain[0] > 0 else others
