"""A model that was tried: what it gave, and how to train it again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import Family
from liverank.automl.trials.plan import Timing, Trial

_MOST_GROWTH = 1.5
STEADY = frozenset({"linear"})
"""Families whose rounds do not grow with the rows."""


@dataclass(frozen=True, eq=False)
class TrialResult:
    """A trial that was run: a fit a fold, margins of choosing and of judging rows, and its loss."""

    trial: Trial
    fits: tuple[Fit, ...]
    validation: NDArray[np.float64]
    holdout: NDArray[np.float64]
    loss: float
    seconds: float

    @property
    def out_of_time(self) -> bool:
        """Whether the clock ended the training of a fold."""
        return any(fit.out_of_time for fit in self.fits)

    @property
    def rounds(self) -> float:
        """Rounds kept, the mean over folds."""
        return float(np.mean([fit.rounds for fit in self.fits]))


def fit_again(
    tried: TrialResult,
    family: Family,
    rows: Matrix,
    n_before: int,
    *,
    seed: int,
    n_threads: int,
    deadline: Deadline,
) -> Fit | None:
    """Train a trial's model on other, usually all, rows; None where time ran out.

    ``n_before`` is how many rows it was tried on; more rows bear more rounds.
    """
    rounds = tried.rounds
    if tried.trial.family not in STEADY:
        rounds *= _more_rounds(len(rows), n_before)
    fit = family.fit(
        rows,
        None,
        tried.trial.params,
        seed=seed,
        n_threads=n_threads,
        deadline=deadline,
        rounds=max(round(rounds), 1),
    )
    return None if fit.out_of_time else fit


def expected_again_s(tried: TrialResult, n_before: int, n_all: int, timing: Timing | None) -> float:
    """Seconds that training again on ``n_all`` rows should take, tried on ``n_before``."""
    n_tried = tried.trial.rows or n_before
    run = sum(fit.rounds_run for fit in tried.fits)
    kept = sum(fit.rounds for fit in tried.fits) / max(run, 1)
    longer = max(n_all / n_tried, 1.0)
    is_steady = tried.trial.family in STEADY
    rounds = tried.rounds * (1.0 if is_steady else _more_rounds(n_all, n_tried))
    if timing is None:
        return tried.seconds / len(tried.fits) * min(kept, 1.0) * longer**2
    slower = timing.seconds(n_all, rounds) / max(timing.seconds(n_tried, tried.rounds), 1e-9)
    return tried.seconds / len(tried.fits) * min(kept, 1.0) * slower


def on_most_rows(tried: Sequence[TrialResult]) -> list[TrialResult]:
    """Those that were tried on as many rows as any was."""
    most = max((each.trial.rows or math.inf for each in tried), default=math.inf)
    return [each for each in tried if (each.trial.rows or math.inf) == most]


def _more_rounds(n_rows: int, n_before: int) -> float:
    """By how much rounds grow with the rows: in proportion, up to half as many again."""
    return float(np.clip(n_rows / max(n_before, 1), 1.0, _MOST_GROWTH))
