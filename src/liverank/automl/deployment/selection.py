"""Which model is deployed: the best that is fast and small enough.

The whole ensemble where it is, else the best of a faster ensemble and of students of the ensemble.
Invariant: all are compared on the validation rows of the last fold, which none of them trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from liverank.automl.budget import FOREVER, Clock, Deadline
from liverank.automl.data.matrix import Fit
from liverank.automl.deployment.distillation import (
    NET_FAMILY,
    NETS,
    DistillationData,
    Shape,
    distil_student,
    distillation_data,
    effort,
    worth_trying,
)
from liverank.automl.deployment.option import DeployOption, Limits
from liverank.automl.ensemble.combine import scoring_us, size_mb, terms_of
from liverank.automl.ensemble.greedy import Ensemble, greedy_weights, weighted_sum
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.trials.plan import Plan, Student
from liverank.automl.trials.trial_result import TrialResult
from liverank.models.predictor import Term, sum_terms

_MOST_FORESTS = 3
_SPARE = 0.7
"""Share of the remaining time that distilling a student may be expected to take."""
_LEAST_TREES, _USUAL_TREE_US = 20, 0.01
"""Fewest trees of a forest from which the time of a tree is estimated, and the microseconds a tree
assumed where no forest was timed."""


def choose_deployed(
    results: Sequence[TrialResult],
    ensemble: Ensemble,
    evaluation: CrossValidation,
    plan: Plan,
    *,
    limits: Limits,
    deadline: Deadline,
) -> tuple[DeployOption, Plan]:
    """The best model within the limits; the plan, with measured times and students added."""
    models = _Models(results, evaluation, dict(plan.us_per_row), deadline.clock)
    full = _full_ensemble(models, ensemble)
    if full.fits(limits):
        return full, replace(plan, us_per_row=models.measured)
    fast = _fast_ensemble(models, ensemble, limits, full.loss)
    options = [] if fast is None else [fast]
    students = _students(models, full, plan, limits, deadline)
    for _, option in students:
        if option.fits(limits) or not options:
            options.append(option)
    plan = replace(
        plan, us_per_row=models.measured, students=tuple(student for student, _ in students)
    )
    return min(options, key=lambda each: each.loss, default=full), plan


@dataclass(frozen=True, eq=False)
class _Models:
    """The trials' models of the last fold, and its validation rows to compare them on."""

    results: Sequence[TrialResult]
    evaluation: CrossValidation
    measured: dict[str, float]
    """Microseconds a row by trial id, or by the name of an ensemble or a student."""
    clock: Clock

    @property
    def features(self) -> NDArray[np.float32]:
        """Features of the validation rows, float32[n, f]."""
        return self.evaluation.folds[-1].validation.features

    @property
    def validation_rows(self) -> EvalRows:
        """The validation rows of the last fold."""
        rows = self.evaluation.last_fold_rows()
        return self.evaluation.validation_rows.take(np.arange(rows.start, rows.stop))

    def us(self, name: str, terms: Sequence[Term]) -> float:
        """Microseconds a row, measured once for each name."""
        if name not in self.measured:
            n_margins = self.evaluation.n_margins
            self.measured[name] = scoring_us(terms, self.features, n_margins, self.clock)
        return self.measured[name]

    def terms(self, weights: NDArray[np.float64]) -> tuple[Term, ...]:
        """The weighted sum of the trials' models."""
        pairs = zip(self.results, weights.tolist(), strict=True)
        return terms_of([(each.fits[-1], weight) for each, weight in pairs if weight > 0])

    def loss(self, weights: NDArray[np.float64]) -> float:
        """The loss of the weighted sum."""
        rows = self.evaluation.last_fold_rows()
        margins = weighted_sum([each.validation[rows] for each in self.results], weights)
        return self.validation_rows.loss(margins)


def _full_ensemble(models: _Models, ensemble: Ensemble) -> DeployOption:
    terms = models.terms(ensemble.weights)
    loss = models.loss(ensemble.weights)
    return DeployOption(
        kind="full_ensemble" if _n_members(ensemble.weights) > 1 else "single",
        weights=ensemble.weights,
        terms=terms,
        us_per_row=models.us("ensemble", terms),
        size_mb=size_mb(terms),
        loss=loss,
        teacher_loss=loss,
    )


def _fast_ensemble(
    models: _Models, ensemble: Ensemble, limits: Limits, teacher_loss: float
) -> DeployOption | None:
    """The best ensemble within the limits; None if not even one model is within them.

    Trials on few rows may be members too, unlike in the whole ensemble: their models are smaller,
    so they may be the only ones that are fast enough, and all are compared on the same rows.
    """
    results = models.results
    alone = [models.terms(row) for row in np.eye(len(results))]
    costs = np.array(
        [
            limits.share(models.us(each.id, terms), size_mb(terms))
            for each, terms in zip(results, alone, strict=True)
        ]
    )
    if ensemble.excluded is not None:
        costs[ensemble.excluded] = np.inf
    if not (costs <= 1).any():
        return None
    weights = greedy_weights(
        [each.validation for each in results], models.evaluation.validation_rows, costs=costs
    )
    terms = models.terms(weights)
    return DeployOption(
        kind="fast_ensemble" if _n_members(weights) > 1 else "single",
        weights=weights,
        terms=terms,
        us_per_row=models.us("blend", terms),
        size_mb=size_mb(terms),
        loss=models.loss(weights),
        teacher_loss=teacher_loss,
    )


def _students(
    models: _Models, full: DeployOption, plan: Plan, limits: Limits, deadline: Deadline
) -> list[tuple[Student, DeployOption]]:
    """Students of the whole ensemble, as a plan records them and as they could be deployed."""
    evaluation = models.evaluation
    teacher, n_margins = full.terms, evaluation.n_margins
    data = distillation_data(
        evaluation.folds[-1].train, lambda rows: sum_terms(teacher, rows, n_margins), seed=plan.seed
    )
    distilled = _Students(data, plan, deadline)
    if plan.students:
        distilled.replay()
    else:
        distilled.explore(worth_trying(limits.us_per_row, n_margins, _tree_us(models)), n_margins)
    students = []
    for shape, fit, seconds in distilled.fits:
        terms = terms_of([(fit, 1.0)])
        option = DeployOption(
            kind="student",
            weights=full.weights,
            terms=terms,
            us_per_row=models.us(f"student {shape}", terms),
            size_mb=size_mb(terms),
            loss=models.validation_rows.loss(fit.margins(models.features)),
            teacher_loss=full.loss,
            shape=shape,
            rounds=fit.rounds,
            distil_s=seconds,
        )
        student = Student(
            **shape._asdict(),
            rounds=fit.rounds_run,
            us_per_row=option.us_per_row,
            loss=option.loss,
        )
        students.append((student, option))
    return students


@dataclass(eq=False)
class _Students:
    """Students that were distilled so far, with their shapes and the seconds that they took."""

    data: DistillationData
    plan: Plan
    deadline: Deadline
    fits: list[tuple[Shape, Fit, float]] = field(default_factory=list)

    def replay(self) -> None:
        """Distil the plan's students again."""
        for student in self.plan.students:
            shape = Shape(student.size, student.parts, student.is_net)
            self._distil(shape, FOREVER, student.rounds)

    def explore(self, shapes: Sequence[Shape], n_margins: int) -> None:
        """Distil a few students that should be fast enough: fastest, most accurate, and nets."""
        *larger, least = shapes
        began = self.deadline.clock()
        self._distil(least, FOREVER)  # at least one fast model is needed
        second_s = (self.deadline.clock() - began) / effort(least)
        for shape in larger:
            if len(self.fits) == _MOST_FORESTS:
                break
            if second_s * effort(shape) < _SPARE * self.deadline.left_s():
                self._distil(shape, self.deadline)
        if NET_FAMILY in self.plan.timings and n_margins == 1 and not self.deadline.expired():
            for shape in NETS:
                self._distil(shape, self.deadline.share(0.5))

    def _distil(self, shape: Shape, until: Deadline, rounds: int | None = None) -> None:
        began = self.deadline.clock()
        fit = distil_student(
            self.data,
            shape,
            seed=self.plan.seed,
            n_threads=self.plan.n_threads,
            deadline=until,
            rounds=rounds,
        )
        if fit is not None:
            self.fits.append((shape, fit, self.deadline.clock() - began))


def _tree_us(models: _Models) -> float:
    """Microseconds a row of one tree, from the forests that were timed."""
    rates = []
    for each in models.results:
        trees = sum(getattr(part, "n_trees", 0) for part in each.fits[-1].parts)
        us = models.measured.get(each.id)
        if us is not None and trees >= _LEAST_TREES:
            rates.append(us / trees)
    return float(np.median(rates)) if rates else _USUAL_TREE_US


def _n_members(weights: NDArray[np.float64]) -> int:
    return int((weights > 0).sum())
