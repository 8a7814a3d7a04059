"""Greedy ensemble selection, and the test whether an ensemble beats its best model.

Invariant: an ensemble is kept only if, on rows that were not used to choose it, it beats the best
single model by more than the noise of those rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.metrics.bootstrap import gain_interval

Floats = NDArray[np.float64]

_SINGLE_CONFIDENCE, _CONFIDENCE = 0.95, 0.8
"""Required confidence that a model beats a conservative one, and an ensemble a single model."""
_PARTS = 5
"""Number of parts of the validation rows; each is predicted with weights chosen on the others."""
_WARM_STEPS = 5
"""Number of first steps that minimise log-loss or squared error: they react to smaller changes than
rank metrics."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Models that may be combined: the margins of each on the same rows.

    validation, holdout  float64[n, k] of each of the m models, on the validation and holdout rows
    conservative         bool[m], models that learn little from noise
    """

    validation: Sequence[Floats]
    validation_rows: EvalRows
    holdout: Sequence[Floats]
    holdout_rows: EvalRows
    conservative: NDArray[np.bool_] | None = None

    def only(self, is_kept: NDArray[np.bool_]) -> "Candidates":
        """The models for which ``is_kept``, bool[m], is true."""
        kept = np.flatnonzero(is_kept).tolist()
        return replace(
            self,
            validation=[self.validation[i] for i in kept],
            holdout=[self.holdout[i] for i in kept],
            conservative=None if self.conservative is None else self.conservative[is_kept],
        )


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Weights of models, float64[m], that sum to 1, and the gain over the best single one.

    single        index of the best single model
    kept          whether several models are kept; else the single one has all the weight
    gain          interval of the fall of the loss, whether or not several models are kept
    cross_fitted  float64[n, k], margins of the validation rows, each part of them with weights
                  chosen on the other rows
    excluded      bool[m], models that may not be used at all; None where all may
    """

    weights: Floats
    single: int
    kept: bool
    gain: tuple[float, float]
    cross_fitted: Floats
    excluded: NDArray[np.bool_] | None = None

    def among(self, is_candidate: NDArray[np.bool_]) -> "Ensemble":
        """The same ensemble over a longer list of models; ``is_candidate``, bool[m], marks its own.

        The other models get weight 0 and are not excluded.
        """
        weights = np.zeros(len(is_candidate))
        weights[is_candidate] = self.weights
        single = int(np.flatnonzero(is_candidate)[self.single])
        excluded = None
        if self.excluded is not None:
            excluded = np.zeros(len(is_candidate), np.bool_)
            excluded[is_candidate] = self.excluded
        return replace(self, weights=weights, single=single, excluded=excluded)


def greedy_weights(
    margins: Sequence[Floats],
    rows: EvalRows,
    *,
    steps: int = 25,
    costs: Floats | None = None,
) -> Floats:
    """Weights, float64[m] that sum to 1, of a sum of margins, float64[n, k], with a low loss.

    Models are added one at a time, with replacement, each time the one that helps most (Caruana
    et al., 2004); the best sum on the way is returned, so it never loses to the best single model.
    With ``costs`` (float64[m], at least one up to 1) the costs of the members sum to at most 1.

    >>> from liverank.automl.metrics.objective import find_objective
    >>> rows = EvalRows(np.array([1.0, 0.0]), None, None, find_objective(None, "binary"), "sigmoid")
    >>> greedy_weights([np.array([[1.0], [2.0]]), np.array([[2.0], [1.0]])], rows).tolist()
    [0.0, 1.0]
    """
    price = np.zeros(len(margins)) if costs is None else costs
    singles = np.where(price <= 1, [rows.loss(margin) for margin in margins], np.inf)
    best_loss = float(singles.min())
    best_counts = np.zeros(len(margins))
    best_counts[int(np.argmin(singles))] = 1.0
    counts, total = np.zeros(len(margins)), np.zeros_like(margins[0])
    for step in range(1, steps + 1):
        measure = rows.mean_loss if step <= _WARM_STEPS else rows.loss
        spent = price[counts > 0].sum()
        losses = [
            measure((total + margin) / step) if counts[i] or spent + price[i] <= 1 else np.inf
            for i, margin in enumerate(margins)
        ]
        added = int(np.argmin(losses))
        counts[added] += 1
        total = total + margins[added]
        loss = rows.loss(total / step)
        if loss < best_loss - 1e-9 * abs(best_loss):
            best_loss, best_counts = loss, counts.copy()
    weights: Floats = best_counts / best_counts.sum()
    return weights


def best_single(
    margins: Sequence[Floats], rows: EvalRows, conservative: NDArray[np.bool_] | None = None
) -> int:
    """Index of the model with the least loss.

    Where some are ``conservative``, bool[m], it is the best of those unless another beats it by
    more than noise: with few successes the least loss of many models is luck, and conservative
    models are the safer choice.
    """
    losses = np.array([rows.loss(margin) for margin in margins])
    best = int(np.argmin(losses))
    if conservative is None or conservative[best] or not conservative.any():
        return best
    safe = int(np.argmin(np.where(conservative, losses, np.inf)))
    gain = gain_interval(margins[safe], margins[best], rows, confidence=_SINGLE_CONFIDENCE)
    return best if gain[0] > 0 else safe


def weighted_sum(margins: Sequence[Floats], weights: Floats) -> Floats:
    """The weighted sum of margins, float64[n, k]."""
    total = np.zeros_like(margins[0])
    for margin, weight in zip(margins, weights, strict=True):
        if weight:
            total = total + weight * margin
    return total


def choose_ensemble(
    models: Candidates, *, seed: int = 0, confidence: float = _CONFIDENCE
) -> Ensemble:
    """The greedy ensemble if it beats the best single model by more than noise, else that model.

    ``confidence`` is the confidence required that the ensemble is better, on the holdout rows and
    on the validation rows; each part of the latter is predicted with weights chosen on the other
    parts.
    """
    validation, rows = models.validation, models.validation_rows
    single = best_single(validation, rows, models.conservative)
    alone = np.zeros(len(validation))
    alone[single] = 1.0
    weights = greedy_weights(validation, rows)
    if len(validation) == 1 or (weights == alone).all():
        return Ensemble(alone, single, kept=False, gain=(0.0, 0.0), cross_fitted=validation[single])
    before, after = validation[single].copy(), weighted_sum(validation, weights)
    parts = rows.parts(_PARTS)
    for is_part in (parts == part for part in np.unique(parts)):
        if is_part.all():  # one group: there are no other rows to choose weights on
            continue
        others = [margin[~is_part] for margin in validation]
        other_rows = rows.take(~is_part)
        best = best_single(others, other_rows, models.conservative)
        before[is_part] = validation[best][is_part]
        other_weights = greedy_weights(others, other_rows)
        after[is_part] = weighted_sum([m[is_part] for m in validation], other_weights)
    gain = gain_interval(
        np.concatenate([before, models.holdout[single]]),
        np.concatenate([after, weighted_sum(models.holdout, weights)]),
        joined(rows, models.holdout_rows),
        seed=seed,
        confidence=confidence,
    )
    kept = gain[0] > 0
    return Ensemble(weights if kept else alone, single, kept, gain, after if kept else before)


def choose_proven_ensemble(
    models: Candidates,
    must_improve: NDArray[np.bool_],
    *,
    seed: int,
    confidence: float = _CONFIDENCE,
) -> Ensemble:
    """As ``choose_ensemble``, but models that ``must_improve`` are used only where they help.

    The models that ``must_improve``, bool[m], are excluded unless the choice among all models beats
    the choice among the others by more than noise.
    """
    every = choose_ensemble(models, seed=seed, confidence=confidence)
    if must_improve.all() or not must_improve.any():
        return every
    others = choose_ensemble(models.only(~must_improve), seed=seed, confidence=confidence)
    others = replace(others.among(~must_improve), excluded=must_improve)
    if not every.weights[must_improve].any():
        return others
    holdout = models.holdout
    gain = gain_interval(
        np.concatenate([others.cross_fitted, weighted_sum(holdout, others.weights)]),
        np.concatenate([every.cross_fitted, weighted_sum(holdout, every.weights)]),
        joined(models.validation_rows, models.holdout_rows),
        seed=seed,
        confidence=_CONFIDENCE,
    )
    return every if gain[0] > 0 else others
