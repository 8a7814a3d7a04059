"""The last training: the deployed model, on all rows, where time allows.

Invariant: all parts of the final model read the features of one encoder. A member of the ensemble
that cannot be retrained in time keeps its model from the search if there is no encoder; otherwise
it is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from msgspec.structs import replace

from liverank.automl.budget import FOREVER, Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.deployment.distillation import distil_student, distillation_data
from liverank.automl.deployment.members import (
    INTERRUPTED,
    LATE,
    Member,
    MemberChoice,
    RefitChoice,
    members_of,
)
from liverank.automl.deployment.option import DeployOption, Limits
from liverank.automl.ensemble.combine import scoring_us, size_mb, terms_of
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import FAMILIES
from liverank.automl.trials.last_training import LastTraining
from liverank.automl.trials.plan import Plan
from liverank.automl.trials.trial_result import TrialResult, fit_again
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.encoder import Encoder
from liverank.models.predictor import Link, Predictor, Term, sum_terms

_SPARE = 0.85
"""Share of the remaining time that training with another seed may be expected to take."""
_MOST_SEEDS = 5
_SEEDS_SHARE = 0.5
"""Share of the serving limit for all models that differ only by their seed, together."""
_SEED_STEP = 10_007


class Trainable(Protocol):
    """Rows for the last training, and the link and classes of a model trained on them."""

    @property
    def n_all(self) -> int:
        """Number of rows for the last training."""

    @property
    def link(self) -> Link:
        """How margins become predictions."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty for a regression."""

    def encode_all(self) -> tuple[Encoder | None, Matrix]:
        """The encoder of the features (None where they are numbers), and all rows encoded."""


@dataclass(frozen=True, eq=False)
class FinalModel:
    """The final model, whether it was retrained on all rows, and the cost of scoring it.

    ``us_per_row`` is in microseconds, in batches of 55; ``size_mb`` is of its parts.
    """

    predictor: Predictor
    refit: bool
    us_per_row: float
    size_mb: float


class _Trained(NamedTuple):
    """The result of training on all rows: terms, features, and the plan that records it."""

    terms: tuple[Term, ...]
    encoder: Encoder | None
    rows: Matrix
    plan: Plan


@dataclass(frozen=True, eq=False, kw_only=True)
class Refit:
    """The last training, with its inputs; ``deployed`` is an option made of ``results``."""

    data: Trainable
    evaluation: CrossValidation
    results: Sequence[TrialResult]
    deployed: DeployOption
    calibrator: Calibrator
    plan: Plan
    deadline: Deadline
    limits: Limits
    last: LastTraining
    grows: bool = True
    """Whether more rows than in the search get more rounds, where a family's rounds grow at all."""

    def finish(self) -> tuple[FinalModel, Plan]:
        """The final model: retrained on all rows, or, if there is no time, the search's own.

        The returned plan records the members that were dropped for lack of time, the number of
        seeds that the remaining time and the serving limit allowed, and why nothing was retrained.
        """
        trained = self._train_all()
        if isinstance(trained, str):
            plan = replace(self.plan, refit=False, why_no_refit=trained, dropped=(), finished=True)
            last = self.evaluation.folds[-1]
            return self._final(self.deployed.terms, last.encoder, last.validation, plan), plan
        plan = replace(trained.plan, refit=True, finished=True)
        return self._final(trained.terms, trained.encoder, trained.rows, plan), plan

    def _final(
        self, terms: tuple[Term, ...], encoder: Encoder | None, rows: Matrix, plan: Plan
    ) -> FinalModel:
        predictor = Predictor(
            terms=terms,
            calibrator=self.calibrator,
            link=self.data.link,
            classes=self.data.class_names,
            encoder=encoder,
        )
        us = scoring_us(terms, rows.features, self.evaluation.n_margins, self.deadline.clock)
        return FinalModel(predictor, plan.refit, us, size_mb(terms))

    def _train_all(self) -> "_Trained | str":
        """Train on all rows; or the reason why not."""
        everyone = members_of(self.results, self.deployed.weights.tolist())
        chosen = self._members(everyone)
        if not chosen.members:
            return chosen.why_none
        encoder, rows = self.data.encode_all()
        until = FOREVER if self.plan.is_recorded else self.deadline
        n_before = self.evaluation.n_rows if self.grows else len(rows)
        training = _Training(rows, n_before, self.plan, until, self.limits)
        began = self.deadline.clock()
        fits = [(each, training.fit(each, 0)) for each in chosen.members]
        took_s = self.deadline.clock() - began
        on_time = [(each, fit) for each, fit in fits if fit is not None]
        trained = [each for each, _ in on_time]
        if len(on_time) < len(fits) and not self._choice.suffice(trained, everyone):
            return LATE
        terms, n_seeds = self._terms(training, on_time, took_s)
        if terms is None:
            return LATE
        dropped = [each for each in everyone if each not in trained]
        if encoder is None and self.deployed.shape is None:
            terms = _with_old(terms, dropped)
        names = tuple(each.result.id for each in dropped)
        return _Trained(terms, encoder, rows, replace(self.plan, bags=n_seeds, dropped=names))

    def _members(self, everyone: list[Member]) -> RefitChoice:
        """The members to train again: those of a recorded plan, or those that there is time for."""
        if not self.plan.refit:
            return RefitChoice((), self.plan.why_no_refit)
        if self.plan.interrupted:
            return RefitChoice((), INTERRUPTED)
        if self.plan.is_recorded:
            return RefitChoice(
                [each for each in everyone if each.result.id not in self.plan.dropped]
            )
        return self._choice.affordable(everyone, self.deadline)

    @property
    def _choice(self) -> MemberChoice:
        return MemberChoice(
            evaluation=self.evaluation,
            last=self.last,
            plan=self.plan,
            keeps_old=self.evaluation.folds[-1].encoder is None and self.deployed.shape is None,
            after_s=self.deployed.distil_s,
        )

    def _terms(
        self, training: "_Training", fits: list[tuple[Member, Fit]], took_s: float
    ) -> tuple[tuple[Term, ...] | None, int]:
        """Terms of the ensemble, or of its student, and the number of seeds averaged."""
        if not fits:
            return None, self.plan.bags
        models = [(fit, each.weight) for each, fit in fits]
        if self.deployed.shape is not None:
            return training.student(models, self.deployed), self.plan.bags
        seeds = [models, *training.more_seeds([each for each, _ in fits], models, took_s)]
        total = sum(weight for models in seeds for _, weight in models)
        terms = terms_of([(fit, weight / total) for models in seeds for fit, weight in models])
        return terms, len(seeds)


def _with_old(terms: tuple[Term, ...], old: list[Member]) -> tuple[Term, ...]:
    """The terms, plus the search's models of the other members with their weights."""
    new = 1.0 - sum(member.weight for member in old)
    kept = terms_of([(member.result.fits[-1], member.weight) for member in old])
    return (*(Term(term.part, term.margin, new * term.weight) for term in terms), *kept)


@dataclass(frozen=True, eq=False)
class _Training:
    """Training on all ``rows``; ``n_before`` is the number of training rows in the search."""

    rows: Matrix
    n_before: int
    plan: Plan
    deadline: Deadline
    limits: Limits

    def fit(self, member: Member, seed_number: int) -> Fit | None:
        """A member's model; None where time ran out."""
        trial = member.result.trial
        return fit_again(
            member.result,
            FAMILIES[trial.family],
            self.rows,
            trial.rows or self.n_before,
            seed=trial.seed + _SEED_STEP * seed_number,
            n_threads=self.plan.n_threads,
            deadline=self.deadline,
        )

    def more_seeds(
        self, members: list[Member], first: list[tuple[Fit, float]], took_s: float
    ) -> Iterator[list[tuple[Fit, float]]]:
        """Fits of the same members with further seeds, while there is time for all members."""
        for seed_number in range(1, self._most_seeds(first)):
            if self.deadline.left_s() * _SPARE < took_s:
                return
            fits = [(self.fit(member, seed_number), member.weight) for member in members]
            on_time = [(fit, weight) for fit, weight in fits if fit is not None]
            if len(on_time) < len(fits):
                return
            yield on_time

    def student(
        self, models: list[tuple[Fit, float]], deployed: DeployOption
    ) -> tuple[Term, ...] | None:
        """The student, distilled from new models of its teacher; None where time ran out."""
        assert deployed.shape is not None
        total = sum(weight for _, weight in models)
        teacher = terms_of([(fit, weight / total) for fit, weight in models])
        k, seed = self.rows.classes, self.plan.seed
        data = distillation_data(self.rows, lambda rows: sum_terms(teacher, rows, k), seed=seed)
        student = distil_student(
            data,
            deployed.shape,
            seed=seed,
            n_threads=self.plan.n_threads,
            deadline=self.deadline,
            rounds=deployed.rounds,
            is_last=True,
        )
        return None if student is None else terms_of([(student, 1.0)])

    def _most_seeds(self, first: list[tuple[Fit, float]]) -> int:
        """Number of seeds whose models, each as large as the first, can be served together."""
        if self.deadline is FOREVER:
            return self.plan.bags
        terms = terms_of(first)
        us = scoring_us(terms, self.rows.features, self.rows.classes, self.deadline.clock)
        most = min(_SEEDS_SHARE * self.limits.us_per_row / us, self.limits.size_mb / size_mb(terms))
        return int(np.clip(most, 1, _MOST_SEEDS))
