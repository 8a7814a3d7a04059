"""The search: trials one after another within a deadline, each on every fold.

    pilots -> plan -> trials, on few rows first where the table is large -> margins to blend

Invariant: running a recorded plan again with the same seed trains the same models, byte for byte,
because the clock decides nothing that the plan does not hold.
"""

import math
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from liverank.automl.budget import FOREVER, Deadline
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import Family
from liverank.automl.search.cost_model import FIRST, CostModel
from liverank.automl.search.hardware import hurried
from liverank.automl.trials.plan import Plan, Trial, trial_order
from liverank.automl.trials.policy import PLAIN, SearchPolicy
from liverank.automl.trials.trial_result import TrialResult

_LARGEST_SHARE = 0.4
"""Of the search that one trial may take."""
_FIRST_PASS_SHARE = 0.5
"""Of the search that the first settings of all families may take on all rows; else few rows come
first."""
_RUNG = 4
"""Each rung has this many times the rows of the one below, and a third of its trials."""
_LEAST_RUNG = 5000
_CLIMB = 3
_HOPELESS = 1.25
"""A trial whose loss on the first fold is this many times that of the best so far ends there."""
_LAST_ROWS, _LAST_ROUNDS = 2000, 8
"""Of the one quick trial where preparing the rows took all the time."""

Told = Callable[[TrialResult, float], None]
"""Told of each trial, and of the seconds that are left to search."""


def run_search(
    evaluation: CrossValidation,
    families: Mapping[str, Family],
    plan: Plan,
    *,
    deadline: Deadline,
    n_all: int = 0,
    on_trial: Told | None = None,
    manner: SearchPolicy = PLAIN,
) -> tuple[list[TrialResult], Plan]:
    """Try models until the deadline; the plan comes back with the trials that were run.

    With ``n_all`` as much time is left as it should take to train the best so far on so many rows.
    The ``manner`` says what is tried before all others, whether on few rows first, and after how
    many trials without a better one the search ends early.

    A plan that holds trials is run as it is, without looking at the clock. An interrupt (Ctrl-C)
    ends the search and keeps what there is, or is raised again where there is nothing yet.
    """
    recorded = bool(plan.trials)
    pace = CostModel(plan, evaluation, families, n_all)
    tried: list[TrialResult] = []
    trials = (
        iter(plan.trials)
        if recorded
        else _trials(evaluation, families, plan, pace, deadline, tried, manner)
    )
    interrupted = False
    try:
        for trial in trials:
            ending = pace.ending(deadline, tried)
            until = FOREVER if trial.rounds else pace.until(trial, ending, first=not tried)
            bar = math.inf if recorded else _bar(tried, evaluation)
            family = families[trial.family]
            done = _run(trial, family, evaluation, plan.n_threads, until, deadline, bar)
            if done is None:
                continue
            pace.learn(done)
            tried.append(done)
            if on_trial is not None:
                on_trial(done, deadline.left_s())
            best = min(range(len(tried)), key=lambda place: tried[place].loss)
            if not recorded and len(tried) - 1 - best >= manner.patience:
                break
    except KeyboardInterrupt:
        if not tried:
            raise
        interrupted = True
    ran = tuple(
        replace(each.trial, rounds=tuple(fit.rounds_run for fit in each.fits)) for each in tried
    )
    return tried, replace(plan, trials=ran, interrupted=plan.interrupted or interrupted)


def _trials(
    evaluation: CrossValidation,
    families: Mapping[str, Family],
    plan: Plan,
    pace: CostModel,
    deadline: Deadline,
    tried: list[TrialResult],
    manner: SearchPolicy,
) -> Iterator[Trial]:
    """The trials that time allows: on the lowest rung first, then the best of it on higher ones."""
    whole_s = deadline.left_s()
    names = sorted(families, key=lambda name: name != FIRST)
    timed = {name: families[name] for name in names if name in plan.timings}
    n_rows, n_columns = evaluation.n_rows, evaluation.n_features
    rungs = _rungs(timed, pace, n_rows, whole_s) if manner.climbs else [None]
    order = trial_order(
        timed,
        seed=plan.seed,
        n_rows=rungs[0] or n_rows,
        n_columns=n_columns,
        is_absolute=evaluation.validation_rows.objective.name == "mae",
        early=manner.early,
        more=manner.settings,
    )
    for place, rows in enumerate(rungs):
        rung_end = deadline.share(1 / (len(rungs) - place))
        before = len(tried)
        if place == 0:
            stream: Iterator[Trial] = (replace(trial, rows=rows) for trial in order)
        else:
            stream = iter([replace(each.trial, rows=rows, rounds=()) for each in _climbers(tried)])
        yield from _affordable(stream, pace, rung_end, whole_s / len(rungs), tried)
        if not tried and timed:
            yield _last_resort(evaluation, timed, plan.seed)
        if len(tried) == before:
            return
    if len(rungs) > 1:  # there may be time for more
        more = (replace(trial, rows=None) for trial in order)
        yield from _affordable(more, pace, deadline, whole_s, tried)


def _last_resort(evaluation: CrossValidation, timed: Mapping[str, Family], seed: int) -> Trial:
    """A quick trial of the first family, so that there is a model however little time there was."""
    name, family = next(iter(timed.items()))
    title, params = family.DEFAULTS[0]
    rows = _LAST_ROWS if evaluation.n_rows > _LAST_ROWS else None
    rounds = (_LAST_ROUNDS,) * len(evaluation.folds)
    return Trial(family=name, name=title, params=params, seed=seed, rows=rows, rounds=rounds)


def _affordable(
    stream: Iterator[Trial],
    pace: CostModel,
    until: Deadline,
    whole_s: float,
    tried: list[TrialResult],
) -> Iterator[Trial]:
    """Those that should end in time, some at a higher rate; ends after many that would not."""
    refused = 0
    for trial in stream:
        deadline = pace.ending(until, tried)
        if deadline.expired() or refused >= 2 * len(pace.timings) + 2:
            return
        expected_s = pace.expected_s(trial)
        # What enters the blend is trained once more, on all rows.
        share = expected_s / max(expected_s + pace.expected_last_s(trial), 1e-9)
        room_s = min(share * deadline.left_s(), max(_LARGEST_SHARE * whole_s, 0.0))
        fitting = hurried(trial, expected_s / max(room_s, 1e-9))
        if fitting is None and tried:
            refused += 1
            continue
        refused = 0
        trial = replace(fitting or trial, rows=trial.rows)
        yield replace(trial, expected_s=round(pace.expected_s(trial), 3))


def _rungs(
    families: Mapping[str, Family], pace: CostModel, n_rows: int, whole_s: float
) -> list[int | None]:
    """Rows of each rung, rising; None for all. How long nets take decides nothing."""
    first = [
        Trial(family=name, name="", params=family.DEFAULTS[0][1], seed=0)
        for name, family in families.items()
        if family.GROWS
    ]
    rungs: list[int | None] = [None]
    rows = n_rows
    while rows > _RUNG * _LEAST_RUNG and _FIRST_PASS_SHARE * whole_s < sum(
        pace.expected_s(replace(trial, rows=rows)) for trial in first
    ):
        rows //= _RUNG
        rungs.insert(0, rows)
    return rungs


def _climbers(tried: list[TrialResult]) -> list[TrialResult]:
    """The best third of the last rung, the best of each of several families before second ones."""
    rows = tried[-1].trial.rows
    rung = sorted((each for each in tried if each.trial.rows == rows), key=lambda each: each.loss)
    wanted = max(math.ceil(len(rung) / _CLIMB), 2)
    seen: set[str] = set()
    first: list[TrialResult] = []
    second: list[TrialResult] = []
    for each in rung:
        (second if each.trial.family in seen else first).append(each)
        seen.add(each.trial.family)
    return [*first[: max(wanted - 1, 1)], *second, *first[max(wanted - 1, 1) :]][:wanted]


def _bar(tried: list[TrialResult], evaluation: CrossValidation) -> float:
    """The loss on the first fold beyond which a trial cannot become useful."""
    if not tried:
        return math.inf
    return _HOPELESS * min(evaluation.first_loss(each.validation) for each in tried)


def _run(
    trial: Trial,
    family: Family,
    evaluation: CrossValidation,
    n_threads: int,
    until: Deadline,
    deadline: Deadline,
    bar: float,
) -> TrialResult | None:
    """Train on every fold; None where time is over, or the first fold's loss is above the bar."""
    began = deadline.clock()
    fits = []
    for fold, rows in enumerate(evaluation.folds):
        left = len(evaluation.folds) - fold
        if fold > 0 and until.expired():
            return None
        fits.append(
            family.fit(
                evaluation.train_rows(fold, trial.rows),
                rows.validation,
                trial.params,
                seed=trial.seed,
                n_threads=n_threads,
                deadline=until if until is FOREVER else until.share(1 / left),
                rounds=trial.rounds[fold] if trial.rounds else None,
            )
        )
        if (
            fold == 0
            and left > 1
            and evaluation.first_loss(fits[0].margins(rows.validation.features)) > bar
        ):
            return None
    seconds = deadline.clock() - began
    validation, holdout = evaluation.margins(fits)
    return TrialResult(
        trial,
        tuple(fits),
        validation,
        holdout,
        evaluation.validation_rows.loss(validation),
        seconds,
    )
