"""Finds a ranking model for rows of rankings automatically, within a time budget.

    rows -> blocks of time -> the pipeline of a search -> model, report

Invariant: models are chosen only on rows that they were not trained on, and the holdout rows, the
newest, decide only whether an ensemble and a calibration are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from liverank.automl.ensemble.combine import terms_of
from liverank.automl.evaluation.ranking_data import (
    CLASSES,
    LEAST_LISTS,
    RankingData,
    finite_rows,
    split_lists,
    whole_matrix,
)
from liverank.automl.families import FAMILIES, lightgbm
from liverank.automl.families.linear import linear
from liverank.automl.families.list_loss import NAME, SHARE
from liverank.automl.metrics.list_loss_kernel import list_gradients_kernel, list_losses_kernel
from liverank.automl.options import SearchOptions
from liverank.automl.pipeline import find_model
from liverank.automl.report.build_ranking import Request, report_search, report_unsplit
from liverank.automl.report.reports import RankingReport
from liverank.automl.trials.plan import Plan, Trial
from liverank.automl.trials.policy import SearchPolicy, Setting
from liverank.automl.trials.trial_result import TrialResult
from liverank.dataset.metrics import list_auc, ndcg_at
from liverank.dataset.rows import Rows
from liverank.errors import TrainingError
from liverank.models.calibrator import Calibrator
from liverank.models.forest.scorer import compile_kernels
from liverank.models.predictor import Predictor

Progress = Callable[[str, float], None]
"""Called with what was just finished and the share of the budget used so far, 0 to 1."""

_FOREST = dict(lightgbm.DEFAULTS)
_LIST_SETTINGS = tuple(
    Setting("lightgbm", f"lists {name}", {**_FOREST[name], "loss": NAME})
    for name in ("few", "random")
)
POLICY = SearchPolicy(
    first_trials=(
        "linear ridge",
        "lightgbm steady",
        "lightgbm few",
        "lightgbm random",
        "lightgbm lists few",
        "lightgbm pairs",
        "lightgbm lists random",
        "lightgbm plain",
        "lightgbm wide",
    ),
    settings=_LIST_SETTINGS,
    conservative=frozenset({"linear ridge", "lightgbm few"}),
    must_improve=frozenset(each.title for each in _LIST_SETTINGS),
    use_rungs=False,
    patience=6,
    ensemble_confidence=0.0,
    allow_ties=False,
)
"""The settings that were measured to do best on public logs of rankings come first."""
_SEARCH_SHARE, _REPORT_SHARE = 0.98, 0.99
"""Shares of the budget at which the search, without the report, and the report end."""
_MEASURE_SHARE, _MOST_MEASURE_S = 0.06, 4.0
"""Share of the budget that measuring for the report may take, and its seconds at most."""
_LONG_S, _MANY_ROWS = 60.0, 20_000
"""Seconds and rows below which the slower families take more time than they are worth."""
_PENALTY = 10.0
"""L2 penalty of the single model that is trained where rows are too few to compare models."""
_WARM = Plan(
    seed=0,
    n_threads=1,
    folds=1,
    timings={},
    trials=(Trial(family="linear", name="ridge", params={"heaviest": 10.0}, seed=0, rounds=(1,)),),
    finished=True,
)


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """The model as trained without the newest rows, and the first rows of two blocks."""

    model: Predictor
    validation_start: int
    holdout_start: int


@dataclass(frozen=True, eq=False)
class RankingModel:
    """A model, which reads the columns of the rows it was trained on, and how it was found.

    ``evaluated`` is None where there were too few rows to evaluate it on.
    """

    predictor: Predictor
    evaluated: EvaluatedModel | None
    report: RankingReport


def fit(rows: Rows, options: SearchOptions, *, on_progress: Progress | None = None) -> RankingModel:
    """Find a model of P(label = 1) for rows in time order.

    Raises TrainingError when the rows do not include both successes and failures.

    >>> generator = np.random.default_rng(0)
    >>> features = generator.normal(size=(300, 2)).astype(np.float32)
    >>> rows = Rows(
    ...     features=features,
    ...     labels=(features[:, 0] > 0).astype(np.uint8),
    ...     rankings=np.arange(300),
    ...     at_ms=np.arange(300),
    ...     names=("taste", "noise"),
    ... )
    >>> fitted = fit(rows, SearchOptions(budget_s=1))
    >>> fitted.predictor.answers(np.array([[2, 0], [-2, 0]], np.float32)).round().tolist()
    [1.0, 0.0]
    >>> next(iter(fitted.report.importance))
    'taste'
    """
    began_s = options.clock()
    _check_classes(rows)
    rows = finite_rows(rows)
    lists = split_lists(rows, validation=options.validation, gap_ms=options.gap_ms)
    if lists is None:
        return _without_split(rows, options, began_s)
    policy, skipped = _policy(lists)
    if options.families is None:
        families, slow = _families(rows, options.budget_s)
        options, skipped = replace(options, families=families), slow | skipped

    def report_progress(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    def on_trial(result: TrialResult, left_s: float) -> None:
        share = min((options.clock() - began_s) / options.budget_s, 1.0)
        report_progress(result.trial.title, share)
        if options.on_trial is not None:
            options.on_trial(result, left_s)

    measure_s = min(_MEASURE_SHARE * options.budget_s, _MOST_MEASURE_S)
    deadline = options.deadline(began_s + _SEARCH_SHARE * options.budget_s - measure_s)
    found = find_model(lists, replace(options, on_trial=on_trial), deadline, policy)
    report_progress("refit", 1.0)
    report = report_search(
        found,
        lists,
        Request(options.budget_s, options.serving_us, options.seed, skipped),
        seconds=options.clock() - began_s,
        deadline=options.deadline(began_s + _REPORT_SHARE * options.budget_s),
    )
    before = Predictor(found.served.terms, found.calibrated.calibrator, "sigmoid", CLASSES)
    evaluated = EvaluatedModel(before, lists.validation.start, lists.holdout.start)
    return RankingModel(found.final.predictor, evaluated, report)


def warm_up() -> None:
    """Compile the kernels that a search runs, so that a machine's first search keeps its budget."""
    features = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    labels = (np.arange(60) % 3 == 0).astype(np.uint8)
    rows = Rows(
        features=np.where(features < -0.9, np.nan, features),
        labels=labels,
        rankings=np.arange(60) // 2,
        at_ms=np.arange(60) // 2,
        names=("x",),
    )
    scores = fit(rows, SearchOptions(plan=_WARM)).predictor.answers(rows.features)
    compile_kernels()
    offsets, target = np.array([0, 60]), labels.astype(np.float64)
    list_gradients_kernel(scores, target, offsets, SHARE)
    list_losses_kernel(scores, target, offsets)
    list_auc(scores, labels, offsets)
    ndcg_at(10, scores, labels, offsets)


def _policy(lists: RankingData) -> tuple[SearchPolicy, dict[str, str]]:
    """The policy of the search, and the settings that are left out, with the reason.

    The list loss learns nothing where few lists have both a success and a failure.
    """
    if lists.informative_lists >= LEAST_LISTS:
        return POLICY, {}
    reason = (
        f"needs {LEAST_LISTS} training lists with both a success and a failure; "
        f"there are {lists.informative_lists}"
    )
    return POLICY._replace(settings=()), {each.title: reason for each in POLICY.settings}


def _families(rows: Rows, budget_s: float) -> tuple[list[str], dict[str, str]]:
    """Families to try, and why the others are left out."""
    is_short = budget_s < _LONG_S or len(rows) < _MANY_ROWS
    skipped: dict[str, str] = {}
    for name, family in FAMILIES.items():
        traits = family.TRAITS
        if traits.no_constraints and any(rows.directions):
            skipped[name] = traits.no_constraints
        elif traits.needs_long_search and is_short:
            skipped[name] = (
                f"needs {_LONG_S:g} s and {_MANY_ROWS:,} rows; "
                f"there are {budget_s:g}, {len(rows):,}"
            )
    return [name for name in FAMILIES if name not in skipped], skipped


def _without_split(rows: Rows, options: SearchOptions, began_s: float) -> RankingModel:
    """One conservative logistic regression on all rows, where they are too few to split."""
    fit_all = linear.fit(
        whole_matrix(rows),
        None,
        {"heaviest": _PENALTY},
        seed=0,
        n_threads=1,
        deadline=options.deadline(began_s + options.budget_s),
        rounds=1,
    )
    predictor = Predictor(terms_of([(fit_all, 1.0)]), Calibrator.none(1), "sigmoid", CLASSES)
    request = Request(options.budget_s, options.serving_us, options.seed, {})
    report = report_unsplit(rows, predictor, request, seconds=options.clock() - began_s)
    return RankingModel(predictor, None, report)


def _check_classes(rows: Rows) -> None:
    if not 0 < rows.positives < len(rows):
        raise TrainingError(
            f"{len(rows)} rows hold {rows.positives} successes and "
            f"{len(rows) - rows.positives} failures; a model needs both: check [label] in "
            "liverank.toml and that interactions name their item and ranking"
        )
