"""From rows that are split to a model, within a time budget: what any kind of rows goes through.

    folds -> pilots -> search -> blend -> served model -> calibration -> training again on all rows

Invariant: nothing that is kept was chosen by rows it was trained on; running a recorded plan again
with the same seed gives the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.deployment.refit import FinalModel, Trainable, finish
from liverank.automl.deployment.selection import DeployOption, choose_served
from liverank.automl.ensemble.calibration import Calibrated, choose_calibration
from liverank.automl.ensemble.greedy import Blend, blended, choose_with_doubted
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.families import FAMILIES
from liverank.automl.search.search import run_search
from liverank.automl.search.timing_runs import start_plan
from liverank.automl.trials.plan import Plan
from liverank.automl.trials.policy import PLAIN, SearchPolicy
from liverank.automl.trials.trial_result import TrialResult, on_most_rows
from liverank.errors import TrainingError
from liverank.models.predictor import sum_terms

_SEARCH_SHARE = 0.93
"""Of what is left after the pilots, less what training the best so far again should take."""
_SERVED_SHARE = 0.35

OnTrial = Callable[[TrialResult, float], None]
"""Told of each trial that was run, and of the seconds left to search."""


class TrainingData(Trainable, Protocol):
    """Rows that are split, of a table or of rankings; on them models are tried and trained."""

    @property
    def kind(self) -> str:
        """How they are split: ``chronological``, ``manual`` or ``random``."""

    def evaluation(self, n_folds: int) -> CrossValidation:
        """Folds to search on: the split's own, and with more than one, others beside it."""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """A model, and all that it came from.

    ``choose`` and ``judge`` are raw margins of what is served, float64[n, k], of the choosing rows
    (of the last fold only where it is a student) and of the judging rows.
    """

    evaluation: CrossValidation
    tried: Sequence[TrialResult]
    blend: Blend
    served: DeployOption
    validation: NDArray[np.float64]
    holdout: NDArray[np.float64]
    calibrated: Calibrated
    final: FinalModel
    plan: Plan

    def validated(self) -> tuple[EvalRows, NDArray[np.float64]]:
        """Rows to tell how good the model is, and its calibrated margins of them, float64[n, k].

        The judging rows, and the choosing rows, each answered by what the others chose; where there
        is time, only those of the last fold, whose models saw newer rows than the others.
        """
        is_blend = self.served.kind in ("ensemble", "single") and self.served.shape is None
        return self._validating(self.blend.crossed if is_blend else self.validation, self.holdout)

    def teacher(self) -> tuple[EvalRows, NDArray[np.float64]]:
        """The same of the blend, whether it is served or not."""
        holdout = blended([each.holdout for each in self.tried], self.blend.weights)
        return self._validating(self.blend.crossed, holdout)

    def _validating(
        self, validation: NDArray[np.float64], holdout: NDArray[np.float64]
    ) -> tuple[EvalRows, NDArray[np.float64]]:
        evaluation, last = self.evaluation, self.evaluation.last_fold_rows()
        held = evaluation.validation_rows
        if evaluation.in_time or self.served.shape is not None:
            held = held.take(np.arange(last.start, last.stop))
            validation = validation[-len(held) :]
        margins = self.calibrated.calibrator.apply(np.concatenate([validation, holdout]))
        return joined(held, evaluation.holdout_rows), margins


def find_model(
    ground: TrainingData,
    *,
    families: Sequence[str] | None,
    plan: Plan | None,
    serving_us: float,
    seed: int,
    deadline: Deadline,
    on_trial: OnTrial | None = None,
    memory_bytes: int | None = None,
    manner: SearchPolicy = PLAIN,
) -> SearchResult:
    """Find a model before a deadline; arguments as ``liverank.automl.fit`` has them.

    Raises TrainingError where no family can be tried.
    """
    evaluation = ground.evaluation(1)
    if plan is None:
        plan, chosen = start_plan(
            evaluation,
            families,
            seed=seed,
            kind=ground.kind,
            deadline=deadline,
            memory_bytes=memory_bytes,
        )
    else:
        chosen = {name: FAMILIES[name] for name in dict.fromkeys(t.family for t in plan.trials)}
    if plan.folds > 1:
        evaluation = ground.evaluation(plan.folds)
    tried, plan = run_search(
        evaluation,
        chosen,
        plan,
        deadline=deadline.share(_SEARCH_SHARE),
        n_all=ground.n_all,
        on_trial=on_trial,
        manner=manner,
    )
    if not tried:
        raise TrainingError("the plan has neither trials nor timings; search without it")
    whole = on_most_rows(tried)
    titles = [each.trial.title for each in whole]
    blend = choose_with_doubted(
        [each.validation for each in whole],
        evaluation.validation_rows,
        [each.holdout for each in whole],
        evaluation.holdout_rows,
        seed=seed,
        cautious=np.array([title in manner.cautious for title in titles]),
        doubted=np.array([title in manner.doubted for title in titles]),
        confidence=manner.blend_confidence,
    ).among(np.array([each in whole for each in tried]))
    served, plan = choose_served(
        tried,
        blend,
        evaluation,
        plan,
        serving_us=serving_us,
        deadline=deadline.share(_SERVED_SHARE),
    )
    validation, holdout, calibrated = _calibrated(served, tried, evaluation, manner)
    final, plan = finish(
        ground,
        evaluation,
        tried,
        served,
        calibrated,
        plan,
        deadline,
        serving_us=serving_us,
    )
    return SearchResult(
        evaluation, tried, blend, served, validation, holdout, calibrated, final, plan
    )


def _calibrated(
    served: DeployOption,
    tried: Sequence[TrialResult],
    evaluation: CrossValidation,
    manner: SearchPolicy,
) -> tuple[NDArray[np.float64], NDArray[np.float64], Calibrated]:
    """Raw margins of what is served, of choosing and judging rows, and their calibration."""
    k, held = evaluation.n_margins, evaluation.validation_rows
    if served.shape is None:
        validation = blended([each.validation for each in tried], served.weights)
        holdout = blended([each.holdout for each in tried], served.weights)
    else:
        last = evaluation.last_fold_rows()
        held = held.take(np.arange(last.start, last.stop))
        validation = sum_terms(served.terms, evaluation.folds[-1].validation.features, k)
        holdout = sum_terms(served.terms, evaluation.folds[-1].holdout, k)
    calibrated = choose_calibration(
        validation, held, holdout, evaluation.holdout_rows, may_tie=manner.may_tie
    )
    return validation, holdout, calibrated
