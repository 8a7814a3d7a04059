"""The result of a trial, and training its model again on other rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import FAMILIES, Family
from liverank.automl.trials.plan import Timing, Trial, trial_id

_MOST_GROWTH = 1.5


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The models that a trial trained, with their margins, loss and time.

    fits        a trained model for each fold
    validation  float64[n, k], margins of the validation rows of all folds, each by its own fold
    holdout     float64[m, k], margins of the holdout rows
    loss        the objective on the validation rows, with its sign such that less is better
    figure      the objective itself
    seconds     seconds of training on all folds
    number      number of trials of the search before this one
    common_rounds  the number of rounds that is best over all folds together, where rows change
                with time; None for the mean over folds
    us_per_row  microseconds a row of the last fold's model, in batches of 55; None if not measured
    """

    trial: Trial
    fits: tuple[Fit, ...]
    validation: NDArray[np.float64]
    holdout: NDArray[np.float64]
    loss: float
    seconds: float
    figure: float = math.nan
    number: int = 0
    us_per_row: float | None = None
    common_rounds: int | None = None

    @property
    def id(self) -> str:
        """The key of this trial in a plan: unlike its title, no other trial of a search has it."""
        return trial_id(self.number, self.trial)

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline ended the training of a fold."""
        return any(fit.out_of_time for fit in self.fits)

    @property
    def rounds(self) -> float:
        """The number of rounds kept: the common one, or the mean over folds."""
        if self.common_rounds is not None:
            return float(self.common_rounds)
        return float(np.mean([fit.rounds for fit in self.fits]))

    @property
    def has_rounds(self) -> bool:
        """Whether the number of rounds is a size of the model that grows with the rows."""
        return FAMILIES[self.trial.family].TRAITS.rounds_grow


def fit_again(
    result: TrialResult,
    family: Family,
    rows: Matrix,
    n_before: int,
    *,
    seed: int,
    n_threads: int,
    deadline: Deadline,
) -> Fit | None:
    """Train a trial's model on other rows, usually all of them; None where time ran out.

    ``n_before`` is the number of rows of the trial; more rows allow more rounds.
    """
    rounds = result.rounds
    if family.TRAITS.rounds_grow:
        rounds *= _more_rounds(len(rows), n_before)
    fit = family.fit(
        rows,
        None,
        result.trial.params,
        seed=seed,
        n_threads=n_threads,
        deadline=deadline,
        rounds=max(round(rounds), 1),
    )
    return None if fit.out_of_time else fit


def expected_refit_s(
    result: TrialResult, family: Family, n_before: int, n_all: int, timing: Timing | None
) -> float:
    """Expected seconds of training again on ``n_all`` rows.

    ``n_before`` is the number of rows of the trials that use all training rows.
    """
    n_trial = result.trial.rows or n_before
    run = sum(fit.rounds_run for fit in result.fits)
    kept = sum(fit.rounds for fit in result.fits) / max(run, 1)
    fold_s = result.seconds / len(result.fits) * min(kept, 1.0)
    if timing is None:
        return fold_s * max(n_all / n_trial, 1.0) ** 2
    growth = _more_rounds(n_all, n_trial) if family.TRAITS.rounds_grow else 1.0
    before_s = timing.seconds(n_trial, result.rounds)
    return fold_s * (timing.seconds(n_all, result.rounds * growth) / max(before_s, 1e-9))


def more_rows(n_all: int, n_before: int) -> float:
    """Factor by which training takes longer on ``n_all`` rows, with the rounds that they allow.

    >>> more_rows(1250, 1000)
    1.5625
    """
    return max(n_all / max(n_before, 1), 1.0) * _more_rounds(n_all, n_before)


def on_most_rows(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The results of trials with as many training rows as any had."""
    most = max((each.trial.rows or math.inf for each in results), default=math.inf)
    return [each for each in results if (each.trial.rows or math.inf) == most]


def worth_combining(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The results on the most rows, and those on fewer rows that are better than all of them.

    Models of fewer rows mostly only slow an ensemble down; but a trial on many rows may have had
    too little time.
    """
    whole = on_most_rows(results)
    least = min((each.loss for each in whole), default=math.inf)
    return [each for each in results if each in whole or each.loss < least]


def _more_rounds(n_rows: int, n_before: int) -> float:
    """Factor by which rounds grow with the rows: in proportion, up to half as many again."""
    return float(np.clip(n_rows / max(n_before, 1), 1.0, _MOST_GROWTH))
