"""Which model is served: the best that is fast and small enough.

The blend itself where it is, else the best of a cheaper blend and of models that the blend taught.
Invariant: all are compared on the choosing rows of the last fold, which none of them trained on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from liverank.automl.budget import FOREVER, Deadline
from liverank.automl.data.matrix import Fit
from liverank.automl.deployment.distillation import (
    NETS,
    DistillationData,
    Shape,
    effort,
    prepare_lesson,
    teach,
    worth_trying,
)
from liverank.automl.ensemble.combine import size_mb, terms_of, us_per_row
from liverank.automl.ensemble.greedy import Blend, blended, greedy_weights
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.trials.plan import Plan, Student
from liverank.automl.trials.trial_result import TrialResult
from liverank.models.predictor import Term, sum_terms

MOST_MB = 4.5
"""Megabytes that the parts of a served model may take."""
_MOST_FORESTS = 3
_SPARE = 0.7
"""Of the time left that teaching a student may be expected to take."""
_GROWTH = 1.4
"""A model that is trained again on all rows has more trees, and some batches take longer."""


@dataclass(frozen=True, eq=False)
class DeployOption:
    """What is served: a weighted blend of trials, or a student of a ``shape`` and ``rounds``.

    ``loss`` and ``teacher_loss`` are of the last fold's choosing rows; ``terms`` are those of the
    models of the last fold.
    """

    kind: Literal["ensemble", "single", "blend", "student"]
    weights: NDArray[np.float64]
    shape: Shape | None
    rounds: int | None
    us_per_row: float
    size_mb: float
    loss: float
    teacher_loss: float
    terms: tuple[Term, ...]


def choose_served(
    tried: Sequence[TrialResult],
    blend: Blend,
    evaluation: CrossValidation,
    plan: Plan,
    *,
    serving_us: float,
    deadline: Deadline,
) -> tuple[DeployOption, Plan]:
    """The best model within ``serving_us`` microseconds a row; the plan with what was measured."""
    rows = evaluation.last_fold_rows()
    held = evaluation.validation_rows.take(np.arange(rows.start, rows.stop))
    features = evaluation.folds[-1].validation.features
    validation = [each.validation[rows] for each in tried]
    measured = dict(plan.us_per_row)

    def us_of(name: str, terms: Sequence[Term]) -> float:
        if name not in measured:
            measured[name] = us_per_row(
                lambda block: sum_terms(terms, block, evaluation.n_margins),
                features,
                deadline.clock,
            )
        return measured[name]

    def terms_for(weights: NDArray[np.float64]) -> tuple[Term, ...]:
        return terms_of(
            [
                (each.fits[-1], float(weight))
                for each, weight in zip(tried, weights, strict=True)
                if weight > 0
            ]
        )

    teacher = terms_for(blend.weights)
    teacher_loss = held.loss(blended(validation, blend.weights))
    us, mb = us_of("ensemble", teacher), size_mb(teacher)
    is_single = int((blend.weights > 0).sum()) == 1
    if us * _GROWTH <= serving_us and mb * _GROWTH <= MOST_MB:
        kind: Literal["single", "ensemble"] = "single" if is_single else "ensemble"
        served = DeployOption(
            kind, blend.weights, None, None, us, mb, teacher_loss, teacher_loss, teacher
        )
        return served, replace(plan, us_per_row=measured)

    candidates: list[DeployOption] = []
    alone = [terms_for(np.eye(len(tried))[i]) for i in range(len(tried))]
    costs = _GROWTH * np.array(
        [
            max(us_of(f"{i} {each.trial.title}", terms) / serving_us, size_mb(terms) / MOST_MB)
            for i, (each, terms) in enumerate(zip(tried, alone, strict=True))
        ]
    )
    if blend.refused is not None:
        costs[blend.refused] = np.inf
    if (costs <= 1).any():
        weights = greedy_weights(
            [each.validation for each in tried], evaluation.validation_rows, costs=costs
        )
        terms = terms_for(weights)
        candidates.append(
            DeployOption(
                "single" if int((weights > 0).sum()) == 1 else "blend",
                weights,
                None,
                None,
                us_of("blend", terms),
                size_mb(terms),
                held.loss(blended(validation, weights)),
                teacher_loss,
                terms,
            )
        )
    students = []
    sums = _sum_of(teacher, evaluation.n_margins)
    lesson = prepare_lesson(evaluation.folds[-1].train, sums, seed=plan.seed)
    for student, fit in _students(
        lesson, evaluation, plan, serving_us, deadline, us_of, tree_us=_tree_us(alone, measured)
    ):
        margins = fit.margins(features)
        terms = terms_of([(fit, 1.0)])
        mb, loss = size_mb(terms), held.loss(margins)
        students.append(replace(student, loss=loss))
        fits = student.us_per_row <= serving_us and mb <= MOST_MB
        if fits or not candidates:
            candidates.append(
                DeployOption(
                    "student",
                    blend.weights,
                    Shape(student.size, student.parts, student.is_net),
                    fit.rounds,
                    student.us_per_row,
                    mb,
                    loss,
                    teacher_loss,
                    terms,
                )
            )
    plan = replace(plan, us_per_row=measured, students=tuple(students))
    if not candidates:  # no time was left to teach anything
        return DeployOption(
            "ensemble", blend.weights, None, None, us, mb, teacher_loss, teacher_loss, teacher
        ), plan
    return min(candidates, key=lambda each: each.loss), plan


def _students(
    lesson: DistillationData,
    evaluation: CrossValidation,
    plan: Plan,
    serving_us: float,
    deadline: Deadline,
    us_of: Callable[[str, Sequence[Term]], float],
    *,
    tree_us: float,
) -> list[tuple[Student, Fit]]:
    """A few that should be fast enough: the quickest to teach, the most able, and nets."""
    taught: list[tuple[Student, Fit]] = []

    def teach_one(shape: Shape, until: Deadline, rounds: int | None = None) -> None:
        fit = teach(
            lesson,
            shape,
            seed=plan.seed,
            n_threads=plan.n_threads,
            deadline=until,
            rounds=rounds,
        )
        if fit is not None:
            us = us_of(f"student {shape}", terms_of([(fit, 1.0)]))
            taught.append((Student(**shape._asdict(), rounds=fit.rounds_run, us_per_row=us), fit))

    if plan.students:
        for student in plan.students:
            shape = Shape(student.size, student.parts, student.is_net)
            teach_one(shape, FOREVER, student.rounds)
        return taught
    *shapes, least = worth_trying(serving_us, evaluation.n_margins, tree_us)
    began = deadline.clock()
    teach_one(least, FOREVER)  # something that fast must be there to be served
    second_s = (deadline.clock() - began) / effort(least)
    for shape in shapes:
        if len(taught) == _MOST_FORESTS:
            break
        if second_s * effort(shape) < _SPARE * deadline.left_s():
            teach_one(shape, deadline)
    if "mlp" in plan.timings and evaluation.n_margins == 1 and not deadline.expired():
        for shape in NETS:
            teach_one(shape, deadline.share(0.5))
    return taught


def _tree_us(alone: Sequence[tuple[Term, ...]], measured: dict[str, float]) -> float:
    """Microseconds a row of one tree, from the forests that were timed."""
    rates = []
    for place, terms in enumerate(alone):
        trees = sum(getattr(term.part, "n_trees", 0) for term in terms)
        us = next((us for name, us in measured.items() if name.startswith(f"{place} ")), None)
        if us is not None and trees >= 20:
            rates.append(us / trees)
    return float(np.median(rates)) if rates else 0.01


def _sum_of(
    terms: tuple[Term, ...], n_margins: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    return lambda features: sum_terms(terms, features, n_margins)
