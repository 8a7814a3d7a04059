"""Expected times of trials, the trials that there is time for, and the end of the search."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from liverank.automl.budget import Deadline
from liverank.automl.ensemble.greedy import greedy_weights
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import Family
from liverank.automl.trials.last_training import NO_LAST_TRAINING, LastTraining
from liverank.automl.trials.plan import Plan, Timing, Trial
from liverank.automl.trials.trial_result import TrialResult, more_rows, worth_combining

_OVERTIME = 2.5
"""A trial is stopped after this many times its expected time."""
_LEAST_SHARE = 0.1
"""Share of the remaining time that a trial is given however short it is expected to be."""
_FOLDS_SHARE = 0.3
"""Share of the remaining time for the first settings of the tree families on all folds."""
_SLOWEST_SHARE = 0.35
"""Share of the remaining time that the slowest family's first setting may take on all folds."""
_DRIFT_FOLDS_SHARE, _QUICK_FAMILIES = 0.4, 3
"""Share of the remaining time that the first settings of the quickest families may take on all
folds where rows change with time, and how many of these families count."""
_ROWS_FOR_ONE_FOLD = 40_000
_MOST_MEMBERS, _QUICK_STEPS = 12, 8
"""Number of trials, and of greedy steps, used to estimate the ensemble so far."""
_RESERVE = 1.25
"""Factor by which more time is left to the last training than it is expected to take."""
_CHOICE = 16.0
"""Time to choose the ensemble, relative to that of estimating it: more steps, on five parts."""
_KEPT = 0.8
"""Share of the rounds run that a trial keeps; the rest is the patience of early stopping."""
_BEARABLE = 1.3
"""Largest ``slow_by`` at which a trial runs unchanged: expected times are not exact."""
_MOST_RAISES = 4
"""Times that a learning rate is raised: not all of a trial's time shrinks with its rounds."""
_HOPELESS = 1.5
"""Factor by which a trial may still be too slow at the highest learning rate; slower ones are left
out."""


class CostModel:
    """Expected times of trials, corrected by the trials that were run."""

    def __init__(
        self,
        plan: Plan,
        evaluation: CrossValidation,
        families: Mapping[str, Family],
        last: LastTraining = NO_LAST_TRAINING,
    ) -> None:
        self._plan = plan
        self._families = families
        self._validation_rows = evaluation.validation_rows
        self._last = last
        self._n_rows = evaluation.n_rows
        self._n_columns = evaluation.n_features
        self._n_folds = len(evaluation.folds)
        self._slower: dict[str, float] = {}
        self._reserves: dict[int, float] = {}

    @property
    def timings(self) -> Mapping[str, Timing]:
        """Results of the timing runs, by family."""
        return self._plan.timings

    def expected_s(self, trial: Trial) -> float:
        """Expected seconds of a trial on all folds."""
        rows = trial.rows or self._n_rows
        timing, family = self._plan.timings[trial.family], self._families[trial.family]
        work = family.work(trial.params, self._n_columns)
        once = timing.seconds(rows, work * family.expected_rounds(trial.params, rows))
        return once * self._n_folds * self._slower.get(trial.family, 1.0)

    def expected_refit_s(self, trial: Trial) -> float:
        """Expected seconds of training the trial's model on all rows, if it is kept.

        0 for a trial on few rows, which only says what to try on more.
        """
        if trial.rows is not None or not self._last.n_all:
            return 0.0
        once_s = self.expected_s(trial) / self._n_folds
        return float(once_s * _KEPT * (self._last.n_all / max(self._n_rows, 1)) ** 1.5)

    def price_s(self, trial: Trial) -> float:
        """Expected seconds of a trial and of the last training of its model."""
        return self.expected_s(trial) + self.expected_refit_s(trial)

    def is_boosting(self, trial: Trial) -> bool:
        """Whether the trial boosts trees."""
        return self._families[trial.family].TRAITS.is_boosting

    def learn(self, result: TrialResult) -> None:
        """Correct the expected times of a family by the time that its trial took."""
        trial = result.trial
        if trial.family in self._plan.timings:
            before = self._slower.pop(trial.family, None)
            ratio = result.seconds / max(self.expected_s(trial), 1e-6)
            # The first trial of a family counts in full where it was slower than expected.
            before = max(ratio, 1.0) if before is None else before
            self._slower[trial.family] = float(np.clip(np.sqrt(before * ratio), 0.2, 5.0))

    def search_end(self, deadline: Deadline, results: Sequence[TrialResult]) -> Deadline:
        """Deadline of the search that leaves time for the last training of the ensemble so far."""
        if not self._last.n_all:
            return deadline
        if len(results) not in self._reserves:
            self._reserves[len(results)] = self._reserve_s(results, deadline)
        return deadline.at(deadline.at_s - self._reserves[len(results)])

    def trial_end(self, trial: Trial, deadline: Deadline, *, first: bool) -> Deadline:
        """Deadline of a trial, which leaves time to train its model again on all rows.

        The first may take all the other time.
        """
        left_s = deadline.left_s()
        most_s = max(self.expected_s(trial) * _OVERTIME, _LEAST_SHARE * left_s)
        available_s = left_s / (1.0 + self._most_growth(trial) / self._n_folds)
        most_s = available_s if first else min(most_s, available_s)
        return deadline.at(deadline.clock() + most_s)

    def _most_growth(self, trial: Trial) -> float:
        """Most time of the last training of the trial's model, relative to one fold of the trial.

        That of a trial that time ends: it keeps all of its rounds.
        """
        if trial.rows is not None or not self._last.n_all:
            return 0.0
        return more_rows(self._last.n_all, self._n_rows)

    def _reserve_s(self, results: Sequence[TrialResult], deadline: Deadline) -> float:
        """Seconds to choose the ensemble so far and to train it again; the latter 0 where skipped.

        Before the first result only the time to encode all rows is known. Members that take more
        than the budget allows are not trained again, so they are left out.
        """
        if not results:
            return self._last.encode_s
        began = deadline.clock()
        best = sorted(worth_combining(results), key=lambda each: each.loss)[:_MOST_MEMBERS]
        weights = greedy_weights(
            [each.validation for each in best], self._validation_rows, steps=_QUICK_STEPS
        )
        choice_s = _CHOICE * (deadline.clock() - began)
        members_s = [
            self._last.expected_s(each, self._n_rows, self._plan.timings, self._families)
            for each, weight in zip(best, weights, strict=True)
            if weight > 0
        ]
        refit_s = sum(seconds for seconds in members_s if not self._last.is_too_long(seconds))
        return choice_s + (_RESERVE * refit_s + self._last.encode_s if refit_s else 0.0)

    def in_time(
        self, trial: Trial, available_s: float, most_s: float = math.inf, most_rate: float = 0.3
    ) -> Trial | None:
        """The trial, at a higher learning rate where it would take too long.

        It may take ``most_s`` and, with the last training of its model, ``available_s``. A higher
        rate takes fewer rounds: a coarser model in time is better than an unfinished one. None
        where even the highest rate is far too slow, or there is no rate to raise.
        """
        for _ in range(_MOST_RAISES):
            slow_by = max(
                self.price_s(trial) / max(available_s, 1e-9),
                self.expected_s(trial) / max(most_s, 1e-9),
            )
            rate = trial.params.get("learning_rate")
            if slow_by <= _BEARABLE:
                break
            if (
                not self.is_boosting(trial)
                or rate is None
                or rate * slow_by > _HOPELESS * most_rate
            ):
                return None
            params = {**trial.params, "learning_rate": min(rate * slow_by, most_rate)}
            trial = replace(trial, params=params)
        return trial


def choose_folds(
    plan: Plan,
    evaluation: CrossValidation,
    families: Mapping[str, Family],
    left_s: float,
    kind: str,
) -> int:
    """The number of folds that there is time for: 5, 3 or 1.

    On many rows one validation block is enough. Otherwise folds are reduced until the slowest
    family has time, usually the net, whose predictions differ most from those of trees; where even
    3 folds leave it no time, it is ignored.
    """
    if kind == "manual" or evaluation.n_rows > _ROWS_FOR_ONE_FOLD:
        return 1
    first_s = _first_settings_s(plan, evaluation, families)
    slowest_s = max(first_s.values(), default=0.0)
    trees_s = sum(
        seconds
        for name, seconds in first_s.items()
        if families[name].TRAITS.is_boosting or families[name].TRAITS.first
    )
    for slowest in (slowest_s, 0.0):
        for n_folds in (5, 3):
            if (
                n_folds * trees_s <= _FOLDS_SHARE * left_s
                and n_folds * slowest <= _SLOWEST_SHARE * left_s
            ):
                return n_folds
    return 1


def folds_under_drift(
    plan: Plan, evaluation: CrossValidation, families: Mapping[str, Family], left_s: float
) -> int:
    """The number of folds where rows change with time: 5, 4, 3, or 1 if there is no time at all.

    Fewer models that were seen at several origins are worth more than many models on one block.
    """
    quick_s = sorted(_first_settings_s(plan, evaluation, families).values())[:_QUICK_FAMILIES]
    tried_s = sum(quick_s)
    for n_folds in (5, 4, 3):
        if n_folds * tried_s <= _DRIFT_FOLDS_SHARE * left_s:
            return n_folds
    return 1


def _first_settings_s(
    plan: Plan, evaluation: CrossValidation, families: Mapping[str, Family]
) -> dict[str, float]:
    """Expected seconds on one fold of each family's first setting, by family."""
    cost = CostModel(plan, evaluation, families)
    return {
        name: cost.expected_s(
            Trial(family=name, name="", params=families[name].DEFAULTS[0][1], seed=0)
        )
        for name in plan.timings
    }
