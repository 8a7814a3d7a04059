"""The search pipeline, from split rows to a model; the same for tables and rankings.

    folds -> timing runs -> search -> ensemble -> deployed model -> calibration
          -> training again on all rows

Invariant: models are chosen only on rows that they were not trained on; running a recorded plan
again with the same seed gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.deployment.option import DeployOption
from liverank.automl.deployment.refit import FinalModel, Refit, Trainable
from liverank.automl.deployment.selection import choose_deployed
from liverank.automl.ensemble.calibration import Calibrated, choose_calibration
from liverank.automl.ensemble.forward_calibration import (
    CalibrationBlock,
    calibrate_by_origins,
    in_parts,
)
from liverank.automl.ensemble.greedy import (
    Candidates,
    Ensemble,
    choose_proven_ensemble,
    weighted_sum,
)
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.families import FAMILIES, Family
from liverank.automl.options import SearchOptions
from liverank.automl.search.search import run_search
from liverank.automl.search.start import start_plan
from liverank.automl.trials.last_training import LastTraining
from liverank.automl.trials.plan import Plan
from liverank.automl.trials.policy import PLAIN, SearchPolicy
from liverank.automl.trials.trial_result import TrialResult, worth_combining
from liverank.errors import TrainingError
from liverank.models.predictor import sum_terms

_SEARCH_SHARE = 0.93
"""Share of the time after the timing runs that the search may use; the expected time of choosing
and retraining the best models so far is subtracted as well."""
_DEPLOYMENT_SHARE = 0.35
"""Share of the time after the search used to choose the deployed model."""

_LEAST_BLOCKS = 3
"""Fewest blocks of validation rows for a calibration by origins."""


class TrainingData(Trainable, Protocol):
    """Split rows of a table or of rankings, to search on and to train the final model on."""

    @property
    def kind(self) -> str:
        """How the rows are split: ``chronological``, ``manual`` or ``random``."""

    def evaluation(self, n_folds: int) -> CrossValidation:
        """Folds to search on; if more than one, the split's own is the last."""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The model that a search found, with its trials, ensemble and calibration.

    ``validation`` and ``holdout`` are raw margins of the deployed model, float64[n, k], of the
    validation rows (of the last fold only where it is a student) and of the holdout rows.
    """

    evaluation: CrossValidation
    tried: Sequence[TrialResult]
    blend: Ensemble
    served: DeployOption
    validation: NDArray[np.float64]
    holdout: NDArray[np.float64]
    calibrated: Calibrated
    final: FinalModel
    plan: Plan

    def validated(self) -> tuple[EvalRows, NDArray[np.float64]]:
        """Rows that evaluate the model, and its calibrated margins on them, float64[n, k].

        These are the validation and the holdout rows; each is predicted by an ensemble that was
        chosen on other rows. If rows are split by time, only the validation rows of the last fold
        are used: its models were trained on newer rows than those of other folds.
        """
        is_whole = self.served.kind in ("full_ensemble", "single") and self.served.shape is None
        return self._validating(
            self.blend.cross_fitted if is_whole else self.validation, self.holdout
        )

    def teacher(self) -> tuple[EvalRows, NDArray[np.float64]]:
        """As ``validated``, for the whole ensemble, whether it is deployed or not."""
        holdout = weighted_sum([each.holdout for each in self.tried], self.blend.weights)
        return self._validating(self.blend.cross_fitted, holdout)

    def _validating(
        self, validation: NDArray[np.float64], holdout: NDArray[np.float64]
    ) -> tuple[EvalRows, NDArray[np.float64]]:
        evaluation, last = self.evaluation, self.evaluation.last_fold_rows()
        rows = evaluation.validation_rows
        if evaluation.in_time or self.served.shape is not None:
            rows = rows.take(np.arange(last.start, last.stop))
            validation = validation[-len(rows) :]
        both = np.concatenate([validation, holdout])
        margins = self.calibrated.on_validation_and_holdout(both)
        return joined(rows, evaluation.holdout_rows), margins

    def blocks(self) -> list[tuple[EvalRows, NDArray[np.float64]]]:
        """Rows and calibrated margins of each fold's validation rows, and of the holdout.

        Of the whole ensemble, by models trained on the rows before; empty unless split by time.
        """
        if not self.evaluation.in_time:
            return []
        rows = joined(self.evaluation.validation_rows, self.evaluation.holdout_rows)
        holdout = weighted_sum([each.holdout for each in self.tried], self.blend.weights)
        margins = self.calibrated.on_validation_and_holdout(
            np.concatenate([self.blend.cross_fitted, holdout])
        )
        sizes = [len(fold.validation) for fold in self.evaluation.folds]
        parts = np.split(np.arange(len(rows)), np.cumsum(sizes))
        return [(rows.take(part), margins[part]) for part in parts]


def find_model(
    data: TrainingData,
    options: SearchOptions,
    deadline: Deadline,
    policy: SearchPolicy = PLAIN,
) -> SearchResult:
    """Find a model before a deadline.

    Raises TrainingError where no family can be tried.
    """
    evaluation, plan, families, last = _start(data, options, deadline, policy)
    results, plan = run_search(
        evaluation,
        families,
        plan,
        deadline=deadline.share(_SEARCH_SHARE),
        last=last,
        on_trial=options.on_trial,
        policy=policy,
    )
    if not results:
        raise TrainingError("the plan has neither trials nor timings; search without it")
    ensemble = _choose_ensemble(results, evaluation, policy, options.seed)
    deployed, plan = choose_deployed(
        results,
        ensemble,
        evaluation,
        plan,
        limits=options.limits,
        deadline=deadline.share(_DEPLOYMENT_SHARE),
    )
    validation, holdout = _margins(deployed, results, evaluation)
    calibrated = _calibrate(validation, holdout, evaluation, policy)
    refit = Refit(
        data=data,
        evaluation=evaluation,
        results=results,
        deployed=deployed,
        calibrator=calibrated.calibrator,
        plan=plan,
        deadline=deadline,
        limits=options.limits,
        last=last,
        grows=policy.drift is None or not policy.drift.is_too_sure,
    )
    final, plan = refit.finish()
    return SearchResult(
        evaluation, results, ensemble, deployed, validation, holdout, calibrated, final, plan
    )


def _start(
    data: TrainingData, options: SearchOptions, deadline: Deadline, policy: SearchPolicy
) -> tuple[CrossValidation, Plan, Mapping[str, Family], LastTraining]:
    """Folds, the plan to fill or to run again, the families of its trials, the last training."""
    began_s = options.clock()
    evaluation, plan = data.evaluation(1), options.plan
    # All rows are encoded once more, which takes about as long as encoding the blocks.
    last = LastTraining(
        n_all=data.n_all, encode_s=options.clock() - began_s, budget_s=options.budget_s
    )
    families: Mapping[str, Family]
    if plan is None:
        plan, families = start_plan(
            evaluation,
            options.families,
            seed=options.seed,
            kind=data.kind,
            deadline=deadline,
            memory_bytes=options.memory_bytes,
            sees_drift=policy.sees_drift,
        )
    else:
        names = dict.fromkeys(trial.family for trial in plan.trials)
        unknown = set(names) - set(FAMILIES)
        if unknown:
            raise TrainingError(f"family `{min(unknown)}` of the plan is unknown")
        families = {name: FAMILIES[name] for name in names}
    if plan.folds > 1:
        evaluation = data.evaluation(plan.folds)
    return evaluation, plan, families, last


def _choose_ensemble(
    results: Sequence[TrialResult], evaluation: CrossValidation, policy: SearchPolicy, seed: int
) -> Ensemble:
    """The whole ensemble, of the trials that are worth combining."""
    whole = worth_combining(results)
    titles = [each.trial.title for each in whole]
    candidates = Candidates(
        [each.validation for each in whole],
        evaluation.validation_rows,
        [each.holdout for each in whole],
        evaluation.holdout_rows,
        conservative=np.array([title in policy.conservative for title in titles]),
    )
    ensemble = choose_proven_ensemble(
        candidates,
        np.array([title in policy.must_improve for title in titles]),
        seed=seed,
        confidence=policy.ensemble_confidence,
    )
    return ensemble.among(np.array([each in whole for each in results]))


def _margins(
    deployed: DeployOption, results: Sequence[TrialResult], evaluation: CrossValidation
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Raw margins of the deployed model, of validation and of holdout rows, float64[n, k] each.

    A student is distilled on the last fold only, so it has no margins for other folds.
    """
    if deployed.shape is None:
        validation = weighted_sum([each.validation for each in results], deployed.weights)
        return validation, weighted_sum([each.holdout for each in results], deployed.weights)
    k, last = evaluation.n_margins, evaluation.folds[-1]
    return (
        sum_terms(deployed.terms, last.validation.features, k),
        sum_terms(deployed.terms, last.holdout, k),
    )


def _calibrate(
    validation: NDArray[np.float64],
    holdout: NDArray[np.float64],
    evaluation: CrossValidation,
    policy: SearchPolicy,
) -> Calibrated:
    rows = evaluation.validation_rows
    if len(validation) < len(rows):  # the last fold only: its rows are at the end
        rows = rows.take(np.arange(len(rows) - len(validation), len(rows)))
    if policy.sees_drift:
        last = CalibrationBlock(holdout, evaluation.holdout_rows)
        blocks = _blocks(CalibrationBlock(validation, rows), evaluation)
        return calibrate_by_origins([*blocks, last])
    return choose_calibration(
        validation, rows, holdout, evaluation.holdout_rows, allow_ties=policy.allow_ties
    )


def _blocks(validation: CalibrationBlock, evaluation: CrossValidation) -> list[CalibrationBlock]:
    """The validation rows of each fold; in equal parts where that would be fewer than three."""
    sizes = [len(fold.validation) for fold in evaluation.folds]
    if len(validation.rows) < sum(sizes) or len(sizes) < _LEAST_BLOCKS:
        return in_parts(validation, _LEAST_BLOCKS)
    parts = np.split(np.arange(len(validation.rows)), np.cumsum(sizes)[:-1])
    return [
        CalibrationBlock(validation.margins[part], validation.rows.take(part)) for part in parts
    ]
