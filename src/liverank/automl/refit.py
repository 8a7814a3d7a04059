"""The last training: what is served, on all rows, where time allows.

Invariant: a model is trained again as a whole or not at all, since all of its parts read the
features of one encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from msgspec.structs import replace

from liverank.automl.assemble import terms_of
from liverank.automl.calibrate import Calibrated
from liverank.automl.deadline import Deadline
from liverank.automl.distil import prepare_lesson, teach
from liverank.automl.evaluation import Evaluation
from liverank.automl.families import FAMILIES
from liverank.automl.matrix import Fit, Matrix
from liverank.automl.plan import Plan
from liverank.automl.served import Served
from liverank.automl.tried import Tried, expected_again_s, fit_again
from liverank.models.encoder import Encoder
from liverank.models.predictor import Link, Predictor, Term, sum_terms

_SPARE = 0.85
"""Of the time left that refits may be expected to take."""
_FOREVER = Deadline(np.inf, lambda: 0.0)


class Trainable(Protocol):
    """Rows to train on for the last time, and what the margins of such a model mean."""

    @property
    def n_all(self) -> int:
        """How many there are."""

    @property
    def link(self) -> Link:
        """What the margins mean."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, or none for a value."""

    def encode_all(self) -> tuple[Encoder | None, Matrix]:
        """All of them, and the encoder that made their features (None where they are numbers)."""


@dataclass(frozen=True, eq=False)
class Final:
    """The model that is kept, and whether it was trained again on all rows."""

    predictor: Predictor
    refit: bool


def finish(
    ground: Trainable,
    evaluation: Evaluation,
    tried: Sequence[Tried],
    served: Served,
    calibrated: Calibrated,
    plan: Plan,
    deadline: Deadline,
) -> tuple[Final, Plan]:
    """Train what is served again on all rows; where there is no time, keep it as it is.

    The plan comes back with the members that were dropped for want of time, and whether it was.
    """
    is_recorded = bool(plan.trials) and plan.finished
    terms: tuple[Term, ...] | None = None
    encoder = evaluation.folds[-1].encoder
    dropped = plan.dropped
    if plan.refit and not plan.interrupted:
        until = _FOREVER if is_recorded else deadline
        members = _members(tried, served)
        if is_recorded:
            members = [(t, w) for t, w in members if t.trial.title not in plan.dropped]
        else:
            members, dropped = _affordable(
                members, evaluation, ground.n_all, deadline.left_s() * _SPARE
            )
        if members:
            encoder, rows = ground.encode_all()
            terms = _train(members, rows, evaluation, served, plan, until)
    refit = terms is not None
    if terms is None:
        terms, encoder = served.terms, evaluation.folds[-1].encoder
    predictor = Predictor(
        terms=terms,
        calibrator=calibrated.calibrator,
        link=ground.link,
        classes=ground.class_names,
        encoder=encoder,
    ).narrow()
    plan = replace(plan, refit=refit, dropped=dropped if refit else (), finished=True)
    return Final(predictor, refit), plan


def _members(tried: Sequence[Tried], served: Served) -> list[tuple[Tried, float]]:
    """Models of what is served or of its teacher, the heaviest first."""
    pairs = [(t, float(w)) for t, w in zip(tried, served.weights, strict=True) if w > 0]
    return sorted(pairs, key=lambda pair: -pair[1])


def _affordable(
    members: list[tuple[Tried, float]], evaluation: Evaluation, n_all: int, left_s: float
) -> tuple[list[tuple[Tried, float]], tuple[str, ...]]:
    """The heaviest members that there is time for, and the titles of the others."""
    kept, dropped, spent = [], [], 0.0
    for tried, weight in members:
        expected_s = expected_again_s(tried, evaluation.n_rows, n_all)
        if spent + expected_s <= left_s:
            kept.append((tried, weight))
            spent += expected_s
        else:
            dropped.append(tried.trial.title)
    return kept, tuple(dropped)


def _train(
    members: list[tuple[Tried, float]],
    rows: Matrix,
    evaluation: Evaluation,
    served: Served,
    plan: Plan,
    deadline: Deadline,
) -> tuple[Term, ...] | None:
    """Terms of the model trained on all rows; None where time ran out."""
    total = sum(weight for _, weight in members)
    fits: list[tuple[Fit, float]] = []
    for tried, weight in members:
        n_before = tried.trial.rows or evaluation.n_rows
        fit = fit_again(
            tried,
            FAMILIES[tried.trial.family],
            rows,
            n_before,
            n_threads=plan.n_threads,
            deadline=deadline,
        )
        if fit is None:
            return None
        fits.append((fit, weight / total))
    teacher = terms_of(fits)
    if served.shape is None:
        return teacher
    lesson = prepare_lesson(
        rows, lambda features: sum_terms(teacher, features, rows.classes), seed=plan.seed
    )
    trees, leaves = served.shape
    student = teach(
        lesson, trees, leaves, seed=plan.seed, n_threads=plan.n_threads, deadline=deadline
    )
    return None if student is None else terms_of([(student, 1.0)])
