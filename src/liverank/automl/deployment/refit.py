"""The last training: what is served, on all rows, where time allows.

Invariant: all parts of what is kept read the features of one encoder, so who comes too late stays
as it was only where no encoder made them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from msgspec.structs import replace

from liverank.automl.budget import FOREVER, Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.deployment.distillation import prepare_lesson, teach
from liverank.automl.deployment.selection import MOST_MB, DeployOption
from liverank.automl.ensemble.calibration import Calibrated
from liverank.automl.ensemble.combine import size_mb, terms_of, us_per_row
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import FAMILIES
from liverank.automl.trials.plan import Plan
from liverank.automl.trials.trial_result import TrialResult, expected_again_s, fit_again
from liverank.models.encoder.encoder import Encoder
from liverank.models.predictor import Link, Predictor, Term, sum_terms

_SPARE = 0.85
"""Of the time left that refits may be expected to take."""
_MOST_BAGS = 5
_BAGS_SHARE = 0.5
"""Of the serving budget that models which differ by their seed only may take together."""
_SEED_STEP = 10_007


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
class FinalModel:
    """The model that is kept, whether it was trained again on all rows, and what scoring it costs.

    ``us_per_row`` is in microseconds, in batches of 55; ``size_mb`` is of its parts.
    """

    predictor: Predictor
    refit: bool
    us_per_row: float
    size_mb: float


def finish(
    ground: Trainable,
    evaluation: CrossValidation,
    tried: Sequence[TrialResult],
    served: DeployOption,
    calibrated: Calibrated,
    plan: Plan,
    deadline: Deadline,
    *,
    serving_us: float,
) -> tuple[FinalModel, Plan]:
    """Train what is served again on all rows; where there is no time, keep it as it is.

    Members of a blend that there is no time for are dropped, or, where features are numbers that no
    encoder made, stay in it as they are.

    What time is left, and what the budget of serving leaves room for, goes into further models of
    other seeds, and the mean of all is kept. The plan comes back with the members that were dropped
    for want of time, and how many models there are.
    """
    is_recorded = bool(plan.trials) and plan.finished
    terms: tuple[Term, ...] | None = None
    encoder, features = evaluation.folds[-1].encoder, evaluation.folds[-1].validation.features
    dropped = plan.dropped
    pairs = _members(tried, served)
    if plan.refit and not plan.interrupted:
        if is_recorded:
            members = [(t, w) for t, w in pairs if t.trial.title not in plan.dropped]
        else:
            members, dropped = _affordable(
                pairs, evaluation, plan, ground.n_all, deadline.left_s() * _SPARE
            )
        if members:
            encoder, rows = ground.encode_all()
            until = FOREVER if is_recorded else deadline
            again = _Refit(rows, evaluation.n_rows, served, plan, until, serving_us)
            terms, plan, late = again.train(members)
            dropped += late
            if terms is None:
                encoder = evaluation.folds[-1].encoder
            else:
                features = rows.features
    refit = terms is not None
    if terms is not None and encoder is None and served.shape is None:
        terms = _with_old(terms, [pair for pair in pairs if pair[0].trial.title in dropped])
    kept = served.terms if terms is None else terms
    predictor = Predictor(
        terms=kept,
        calibrator=calibrated.calibrator,
        link=ground.link,
        classes=ground.class_names,
        encoder=encoder,
    )
    plan = replace(plan, refit=refit, dropped=dropped if refit else (), finished=True)
    us = us_per_row(
        lambda block: sum_terms(kept, block, evaluation.n_margins), features, deadline.clock
    )
    return FinalModel(predictor, refit, us, size_mb(kept)), plan


def _members(tried: Sequence[TrialResult], served: DeployOption) -> list[tuple[TrialResult, float]]:
    """Models of what is served or of its teacher, the heaviest first."""
    pairs = [(t, float(w)) for t, w in zip(tried, served.weights, strict=True) if w > 0]
    return sorted(pairs, key=lambda pair: -pair[1])


def _with_old(terms: tuple[Term, ...], old: list[tuple[TrialResult, float]]) -> tuple[Term, ...]:
    """The terms, and beside them by their weights models as they were tried."""
    new = 1.0 - sum(weight for _, weight in old)
    kept = terms_of([(tried.fits[-1], weight) for tried, weight in old])
    return (*(Term(term.part, term.margin, new * term.weight) for term in terms), *kept)


def _affordable(
    members: list[tuple[TrialResult, float]],
    evaluation: CrossValidation,
    plan: Plan,
    n_all: int,
    left_s: float,
) -> tuple[list[tuple[TrialResult, float]], tuple[str, ...]]:
    """The heaviest members that there is time for, and the titles of the others."""
    kept, dropped, spent = [], [], 0.0
    for tried, weight in members:
        timing = plan.timings.get(tried.trial.family)
        expected_s = expected_again_s(tried, evaluation.n_rows, n_all, timing)
        if spent + expected_s <= left_s:
            kept.append((tried, weight))
            spent += expected_s
        else:
            dropped.append(tried.trial.title)
    return kept, tuple(dropped)


@dataclass(frozen=True, eq=False)
class _Refit:
    """All that training on all ``rows`` needs; models were tried on ``n_before`` of them."""

    rows: Matrix
    n_before: int
    served: DeployOption
    plan: Plan
    deadline: Deadline
    serving_us: float

    def train(
        self, members: list[tuple[TrialResult, float]]
    ) -> tuple[tuple[Term, ...] | None, Plan, tuple[str, ...]]:
        """Terms, None where time ran out; the plan with the seeds; and who came too late."""
        began = self.deadline.clock()
        first = [(tried, weight, self._fit(tried, 0)) for tried, weight in members]
        took_s = self.deadline.clock() - began
        late = tuple(tried.trial.title for tried, _, fit in first if fit is None)
        bag = [(fit, weight) for _, weight, fit in first if fit is not None]
        if not bag:
            return None, self.plan, late
        if self.served.shape is not None:
            return self._teach(bag), self.plan, late
        on_time = [(tried, weight) for tried, weight, fit in first if fit is not None]
        bags = [bag, *self._more_bags(on_time, took_s, self._room(bag))]
        total = sum(weight for bag in bags for _, weight in bag)
        terms = terms_of([(fit, weight / total) for bag in bags for fit, weight in bag])
        return terms, replace(self.plan, bags=len(bags)), late

    def _fit(self, tried: TrialResult, bag: int) -> Fit | None:
        return fit_again(
            tried,
            FAMILIES[tried.trial.family],
            self.rows,
            tried.trial.rows or self.n_before,
            seed=tried.trial.seed + _SEED_STEP * bag,
            n_threads=self.plan.n_threads,
            deadline=self.deadline,
        )

    def _more_bags(
        self, members: list[tuple[TrialResult, float]], took_s: float, most: int
    ) -> Iterator[list[tuple[Fit, float]]]:
        """The same members by other seeds, while there is time for all of them."""
        for bag in range(1, most):
            if self.deadline.left_s() * _SPARE < took_s:
                return
            fits = [(self._fit(tried, bag), weight) for tried, weight in members]
            whole = [(fit, weight) for fit, weight in fits if fit is not None]
            if len(whole) < len(fits):
                return
            yield whole

    def _room(self, bag: list[tuple[Fit, float]]) -> int:
        """Models as large as this one that can be served together."""
        if self.deadline is FOREVER:
            return self.plan.bags
        terms, k = terms_of(bag), self.rows.classes
        us = us_per_row(
            lambda block: sum_terms(terms, block, k), self.rows.features, self.deadline.clock
        )
        room = min(_BAGS_SHARE * self.serving_us / us, MOST_MB / size_mb(terms))
        return int(np.clip(room, 1, _MOST_BAGS))

    def _teach(self, bag: list[tuple[Fit, float]]) -> tuple[Term, ...] | None:
        assert self.served.shape is not None
        total = sum(weight for _, weight in bag)
        teacher = terms_of([(fit, weight / total) for fit, weight in bag])
        k, seed = self.rows.classes, self.plan.seed
        lesson = prepare_lesson(self.rows, lambda rows: sum_terms(teacher, rows, k), seed=seed)
        student = teach(
            lesson,
            self.served.shape,
            seed=seed,
            n_threads=self.plan.n_threads,
            deadline=self.deadline,
            rounds=self.served.rounds,
            is_last=True,
        )
        return None if student is None else terms_of([(student, 1.0)])
