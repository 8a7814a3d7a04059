"""The search: trials one after another until a deadline, each on every fold.

    timing runs -> plan -> trials, on few rows first where the table is large -> trial results

Invariant: running a recorded plan again with the same seed trains the same models, byte for byte,
because the plan records every decision that depends on the clock.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replaced

from msgspec.structs import replace

from liverank.automl.budget import FOREVER, Deadline, StopToken
from liverank.automl.data.matrix import Fit
from liverank.automl.ensemble.combine import scoring_us, terms_of
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import Family
from liverank.automl.search.cost_model import CostModel
from liverank.automl.search.origin_rounds import (
    at_most,
    best_rounds,
    have_common_rounds,
    with_rounds_of_others,
)
from liverank.automl.search.rungs import climb, next_rung, rungs
from liverank.automl.trials.last_training import NO_LAST_TRAINING, LastTraining
from liverank.automl.trials.plan import Plan, Trial, trial_order
from liverank.automl.trials.policy import PLAIN, SearchPolicy
from liverank.automl.trials.trial_result import TrialResult

_LARGEST_SHARE = 0.4
"""Share of the search that one trial may take."""
_RUNG_SHARE = 1 / 3
"""Share of the remaining time for a rung below the last, whose best models are trained again."""
_HOPELESS = 1.25
"""Ratio to the best loss so far on the first fold above which a trial is ended."""
_LAST_ROWS, _LAST_ROUNDS = 2000, 8
"""Rows and rounds of the one quick trial where preparing the rows took all the time."""

OnTrial = Callable[[TrialResult, float], None]
"""Called after each trial with its result and the seconds that are left to search."""


def run_search(
    evaluation: CrossValidation,
    families: Mapping[str, Family],
    plan: Plan,
    *,
    deadline: Deadline,
    last: LastTraining = NO_LAST_TRAINING,
    on_trial: OnTrial | None = None,
    policy: SearchPolicy = PLAIN,
) -> tuple[list[TrialResult], Plan]:
    """Run trials until the deadline; the returned plan records them.

    The time that the ``last`` training of the best models so far is expected to take is left.
    A plan that already has trials is replayed. An interrupt (Ctrl-C) stops the deadline's token and
    keeps the results so far, or is raised again where there is none.
    """
    search = Search(
        evaluation, families, plan, CostModel(plan, evaluation, families, last), deadline, policy
    )
    with _interrupt_as_stop(deadline.stop, search.results):
        for result in search.replay() if plan.trials else search.explore():
            if on_trial is not None:
                on_trial(result, deadline.left_s())
    ran = tuple(
        replace(each.trial, rounds=tuple(fit.rounds_run for fit in each.fits))
        for each in search.results
    )
    interrupted = plan.interrupted or deadline.stop.stopped
    times = {each.id: each.us_per_row for each in search.results if each.us_per_row is not None}
    return search.results, replace(
        plan, trials=ran, interrupted=interrupted, us_per_row={**plan.us_per_row, **times}
    )


@dataclass(eq=False)
class Search:
    """The state of a search: ``next_trial`` decides by the results so far, ``run`` adds one."""

    evaluation: CrossValidation
    families: Mapping[str, Family]
    plan: Plan
    cost: CostModel
    deadline: Deadline
    policy: SearchPolicy
    results: list[TrialResult] = field(default_factory=list)
    _trials: Iterator[Trial] | None = None
    _last_rung_from: int = 0
    """Number of trials before those of the last rung, as far as it has begun."""

    def explore(self) -> Iterator[TrialResult]:
        """Run new trials until time runs out or patience ends, and yield their results."""
        while (trial := self.next_trial()) is not None:
            end = self._end()
            if not trial.rounds:
                end = self.cost.trial_end(trial, end, first=not self.results)
            result = self.run(trial, FOREVER if trial.rounds else end, self._worst_first_loss())
            if result is not None:
                self.cost.learn(result)
                yield result
                if self._without_better() >= self.policy.patience:
                    return

    def replay(self) -> Iterator[TrialResult]:
        """Run the plan's trials and yield their results; only the stop token ends them early."""
        for trial in self.plan.trials:
            result = None
            if not (self.results and self.deadline.stop.stopped):
                result = self.run(trial, FOREVER, math.inf)
            if result is not None:
                yield result

    def next_trial(self) -> Trial | None:
        """The next trial that time allows; None where there is none."""
        if self._trials is None:
            self._trials = self._affordable_trials()
        return next(self._trials, None)

    def run(self, trial: Trial, until: Deadline, worst_first_loss: float) -> TrialResult | None:
        """Train on every fold and keep the result.

        None where time ran out, or the loss on the first fold is above the worst allowed.
        """
        began = self.deadline.clock()
        evaluation, family = self.evaluation, self.families[trial.family]
        fits = []
        for fold, rows in enumerate(evaluation.folds):
            left = len(evaluation.folds) - fold
            if fold > 0 and until.expired():
                return None
            fit = family.fit(
                evaluation.train_rows(fold, trial.rows),
                rows.validation,
                trial.params,
                seed=trial.seed,
                n_threads=self.plan.n_threads,
                deadline=until if until is FOREVER else until.share(1 / left),
                rounds=trial.rounds[fold] if trial.rounds else None,
            )
            fits.append(fit)
            if fold == 0 and left > 1:
                loss = evaluation.first_loss(fit.margins(rows.validation.features))
                if loss > worst_first_loss:
                    return None
        common_rounds = None
        if self.policy.sees_drift:
            common_rounds = (
                best_rounds([f.losses for f in fits]) if have_common_rounds(fits) else None
            )
            fits = self._held_at_origins(trial, fits)
        seconds = self.deadline.clock() - began
        validation, holdout = evaluation.margins(fits)
        loss = evaluation.validation_rows.loss(validation)
        larger_is_better = evaluation.validation_rows.objective.larger_is_better
        result = TrialResult(
            trial,
            tuple(fits),
            validation,
            holdout,
            loss,
            seconds,
            figure=-loss if larger_is_better else loss,
            number=len(self.results),
            common_rounds=common_rounds,
        )
        if self.policy.time_trials and not self.plan.trials:
            terms, features = terms_of([(fits[-1], 1.0)]), evaluation.folds[-1].validation.features
            us = scoring_us(terms, features, evaluation.n_margins, self.deadline.clock)
            result = replaced(result, us_per_row=us)
        self.results.append(result)
        return result

    def _held_at_origins(self, trial: Trial, fits: list[Fit]) -> list[Fit]:
        """The models with the rounds that hold at several origins."""
        effort = None if self.policy.drift is None else self.policy.drift.effort
        rate = trial.params.get("learning_rate")
        if len(fits) == 1 and effort is not None and rate is not None and len(fits[0].losses):
            return [at_most(fits[0], max(round(effort / rate), 1))]
        return with_rounds_of_others(fits)

    def _affordable_trials(self) -> Iterator[Trial]:
        """The trials that time allows: on the lowest rung first, then the best on higher ones."""
        whole_s = self.deadline.left_s()
        names = sorted(self.families, key=lambda name: not self.families[name].TRAITS.first)
        timed = {name: self.families[name] for name in names if name in self.plan.timings}
        n_rows = self.evaluation.n_rows
        sizes = rungs(timed, self.cost, n_rows, whole_s) if self.policy.use_rungs else [None]
        order = trial_order(
            timed,
            seed=self.plan.seed,
            n_rows=sizes[0] or n_rows,
            n_columns=self.evaluation.n_features,
            is_absolute=self.evaluation.validation_rows.objective.name == "mae",
            early=self.policy.first_trials,
            more=self.policy.settings,
        )
        higher = sizes[1:]
        trials: Iterator[Trial] = (replace(trial, rows=sizes[0]) for trial in order)
        while True:
            before = len(self.results)
            self._last_rung_from = sys.maxsize if higher else before
            rung_end = self.deadline.share(_RUNG_SHARE if higher else 1.0)
            yield from self._in_time(trials, rung_end, rung_end.left_s())
            if not self.results and timed:
                yield self._last_resort(timed)
            if not higher or len(self.results) == before:
                break
            higher = climb(higher, self.results, self.cost, self._end().left_s())
            if not higher:
                break
            rows, *higher = higher
            trials = iter(next_rung(self.results, rows))
        if (
            len(sizes) > 1 and self.results
        ):  # use the time that is left, on as many rows as there was time for
            self._last_rung_from = min(self._last_rung_from, before)
            more = (replace(trial, rows=self.results[-1].trial.rows) for trial in order)
            yield from self._in_time(more, self.deadline, whole_s)

    def _in_time(self, trials: Iterator[Trial], until: Deadline, whole_s: float) -> Iterator[Trial]:
        """Trials expected to end in time, some at a higher rate; ends after many that are not."""
        refused = 0
        for trial in trials:
            deadline = until.at(min(until.at_s, self._end().at_s))
            if deadline.expired() or refused >= 2 * len(self.cost.timings) + 2:
                return
            affordable = self.cost.in_time(trial, deadline.left_s(), _LARGEST_SHARE * whole_s)
            if affordable is None and self.results:
                refused += 1
                continue
            refused = 0
            trial = affordable or trial
            yield replace(trial, expected_s=round(self.cost.expected_s(trial), 3))

    def _end(self) -> Deadline:
        """The end of the search, which leaves time for the last training of the models so far.

        Models of lower rungs are followed by better ones, so nothing is left for theirs.
        """
        return self.cost.search_end(self.deadline, self.results[self._last_rung_from :])

    def _last_resort(self, timed: Mapping[str, Family]) -> Trial:
        """A quick trial of the first family, to have a model even if time is very short."""
        name, family = next(iter(timed.items()))
        title, params = family.DEFAULTS[0]
        return Trial(
            family=name,
            name=title,
            params=params,
            seed=self.plan.seed,
            rows=_LAST_ROWS if self.evaluation.n_rows > _LAST_ROWS else None,
            rounds=(_LAST_ROUNDS,) * len(self.evaluation.folds),
        )

    def _worst_first_loss(self) -> float:
        """The loss on the first fold above which a trial cannot become useful."""
        losses = (self.evaluation.first_loss(each.validation) for each in self.results)
        return _HOPELESS * min(losses, default=math.inf)

    def _without_better(self) -> int:
        """Number of trials since the best one."""
        losses = [each.loss for each in self.results]
        return len(losses) - 1 - losses.index(min(losses))


@contextmanager
def _interrupt_as_stop(stop: StopToken, results: list[TrialResult]) -> Iterator[None]:
    """Within the context Ctrl-C stops the token, or is raised again where there is no result."""
    try:
        yield
    except KeyboardInterrupt:
        if not results:
            raise
        stop.stop()
