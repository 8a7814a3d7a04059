"""How long trials take, what there is time for, and when to stop searching."""

from collections.abc import Mapping, Sequence

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.ensemble.greedy import greedy_weights
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import Family
from liverank.automl.trials.plan import TREES, Plan, Timing, Trial
from liverank.automl.trials.trial_result import TrialResult, expected_again_s, on_most_rows

FIRST = "linear"
"""The family that is tried first, so that there is a model however short the budget."""

_OVERTIME = 2.5
"""A trial is stopped after this many times its expected time."""
_LEAST_SHARE = 0.1
"""Of the time left that a trial is given however short it was thought to be."""
_FOLDS_SHARE = 0.3
"""Of the time left that the first settings of trees may take on all folds."""
_SLOWEST_SHARE = 0.35
"""Of the time left that the first setting of the slowest family may take on all folds."""
_ROWS_FOR_ONE_FOLD = 40_000
_BLENDED, _QUICK_STEPS = 12, 8
_RESERVE = 1.25
_KEPT = 0.8
"""Of the rounds that a trial runs, what it keeps; the others are patience."""


class CostModel:
    """How long trials take, mended by those that were run."""

    def __init__(
        self,
        plan: Plan,
        evaluation: CrossValidation,
        families: Mapping[str, Family],
        n_all: int = 0,
    ) -> None:
        self._plan = plan
        self._families = families
        self._held = evaluation.validation_rows
        self._n_all = n_all
        self._n_rows = evaluation.n_rows
        self._n_columns = evaluation.n_features
        self._n_folds = len(evaluation.folds)
        self._slower: dict[str, float] = {}

    @property
    def timings(self) -> Mapping[str, Timing]:
        """Of the pilots, by family."""
        return self._plan.timings

    def expected_s(self, trial: Trial) -> float:
        """Seconds that a trial should take, on all folds."""
        rows = trial.rows or self._n_rows
        timing, family = self._plan.timings[trial.family], self._families[trial.family]
        work = family.work(trial.params, self._n_columns)
        once = timing.seconds(rows, work * family.expected_rounds(trial.params, rows))
        return once * self._n_folds * self._slower.get(trial.family, 1.0)

    def expected_last_s(self, trial: Trial) -> float:
        """Seconds that training it on all rows should take, if it is kept."""
        if trial.rows is not None or not self._n_all:
            return 0.0
        once_s = self.expected_s(trial) / self._n_folds
        return float(once_s * _KEPT * (self._n_all / max(self._n_rows, 1)) ** 1.5)

    def learn(self, tried: TrialResult) -> None:
        """Mend what is expected of a family by how long its trial took."""
        if tried.trial.family in self._plan.timings:
            before = self._slower.pop(tried.trial.family, 1.0)
            ratio = tried.seconds / max(self.expected_s(tried.trial), 1e-6)
            self._slower[tried.trial.family] = float(np.clip(np.sqrt(before * ratio), 0.2, 5.0))

    def ending(self, deadline: Deadline, tried: Sequence[TrialResult]) -> Deadline:
        """When to stop searching, so that what would be blended now can be trained on all rows."""
        if not tried or not self._n_all:
            return deadline
        best = sorted(on_most_rows(tried), key=lambda each: each.loss)[:_BLENDED]
        weights = greedy_weights([each.validation for each in best], self._held, steps=_QUICK_STEPS)
        reserve_s = sum(
            expected_again_s(
                each, self._n_rows, self._n_all, self._plan.timings.get(each.trial.family)
            )
            for each, weight in zip(best, weights, strict=True)
            if weight > 0
        )
        return deadline.at(deadline.at_s - _RESERVE * reserve_s)

    def until(self, trial: Trial, deadline: Deadline, *, first: bool) -> Deadline:
        """When to stop a trial; the first may take all the time."""
        left_s = deadline.left_s()
        most = max(self.expected_s(trial) * _OVERTIME, _LEAST_SHARE * left_s)
        most = left_s if first else most
        return deadline.at(deadline.clock() + min(deadline.left_s(), most))


def choose_folds(
    plan: Plan,
    evaluation: CrossValidation,
    families: Mapping[str, Family],
    left_s: float,
    kind: str,
) -> int:
    """Folds that there is time for: 5, 3 or 1.

    Many rows choose well enough in one block. Fewer folds are better than no net, whose answers
    differ most from those of trees; but where even 3 leave no time for one, it is not counted.
    """
    if kind == "manual" or evaluation.n_rows > _ROWS_FOR_ONE_FOLD:
        return 1
    pace = CostModel(plan, evaluation, families)
    first_s = {
        name: pace.expected_s(
            Trial(family=name, name="", params=families[name].DEFAULTS[0][1], seed=0)
        )
        for name in plan.timings
    }
    slowest_s = max(first_s.values(), default=0.0)
    trees_s = sum(first_s[name] for name in first_s if name in TREES or name == FIRST)
    for slowest in (slowest_s, 0.0):
        for n_folds in (5, 3):
            if (
                n_folds * trees_s <= _FOLDS_SHARE * left_s
                and n_folds * slowest <= _SLOWEST_SHARE * left_s
            ):
                return n_folds
    return 1
