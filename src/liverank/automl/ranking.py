"""From rows of rankings to a model that ranks, by itself, within a time budget.

    rows -> blocks of time -> the engine of a search -> model, report

Invariant: nothing that is kept was chosen by rows it was trained on, and the judging rows, the
newest, decide nothing but whether a blend and a calibration are kept.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from liverank.automl.budget import Clock, Deadline
from liverank.automl.ensemble.combine import terms_of
from liverank.automl.evaluation.ranking_data import (
    CLASSES,
    LEAST_LISTS,
    RankingData,
    finite_rows,
    split_lists,
    whole_matrix,
)
from liverank.automl.families import lightgbm
from liverank.automl.families.linear import linear
from liverank.automl.families.list_loss import NAME, SHARE
from liverank.automl.metrics.list_loss_kernel import list_gradients_kernel, list_losses_kernel
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
"""Told what was just finished and the share of the budget used so far, 0 to 1."""

SERVING_US = 20.0
"""Microseconds that scoring a candidate may take, on one core in batches of 55."""
_FOREST = dict(lightgbm.DEFAULTS)
_SETTINGS = tuple(
    Setting("lightgbm", f"lists {name}", {**_FOREST[name], "loss": NAME})
    for name in ("few", "random")
)
MANNER = SearchPolicy(
    early=(
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
    settings=_SETTINGS,
    cautious=frozenset({"linear ridge", "lightgbm few"}),
    doubted=frozenset(each.title for each in _SETTINGS),
    climbs=False,
    patience=6,
    blend_confidence=0.0,
    may_tie=False,
)
"""What was measured to do best on public logs of rankings comes first."""
_LONG_S, _MANY_ROWS = 60.0, 20_000
"""With less of either, other libraries cost more time than they are worth."""
_PENALTY = 10.0
_REPORT_SHARE, _MOST_REPORT_S = 0.06, 4.0
"""Share of the budget that measuring for the report may take, and its seconds at most."""
_WARM = Plan(
    seed=0,
    n_threads=1,
    folds=1,
    timings={},
    trials=(Trial(family="linear", name="ridge", params={"heaviest": 10.0}, seed=0, rounds=(1,)),),
    finished=True,
)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a model was before it saw the newest rows, and the rows at which two blocks begin.

    Rows from ``chose`` on chose between models, those from ``judges`` on did not.
    """

    model: Predictor
    chose: int
    judges: int


@dataclass(frozen=True, eq=False)
class RankingModel:
    """A model, which reads the columns of the rows it was trained on, and how it came to be.

    ``judged`` is None where there were too few rows to judge by.
    """

    predictor: Predictor
    judged: Judged | None
    report: RankingReport


def fit(
    rows: Rows,
    *,
    budget_s: float,
    seed: int,
    validation: float = 0.2,
    gap_ms: float = 0.0,
    serving_us: float = SERVING_US,
    families: Sequence[str] | None = None,
    plan: Plan | None = None,
    on_progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> RankingModel:
    """Find a model of P(label = 1) for rows in time order.

    ``budget_s`` is wall time, refit included. ``validation`` is the newest share of the rows, of
    which one half chooses between models and the other judges the result; ``gap_ms`` is how long a
    label takes to be known. Other arguments are as ``liverank.automl.fit`` has them. Raises
    TrainingError when the rows do not hold both successes and failures.

    >>> generator = np.random.default_rng(0)
    >>> features = generator.normal(size=(300, 2)).astype(np.float32)
    >>> rows = Rows(
    ...     features=features,
    ...     labels=(features[:, 0] > 0).astype(np.uint8),
    ...     rankings=np.arange(300),
    ...     at_ms=np.arange(300),
    ...     names=("taste", "noise"),
    ... )
    >>> fitted = fit(rows, budget_s=1, seed=0)
    >>> fitted.predictor.answers(np.array([[2, 0], [-2, 0]], np.float32)).round().tolist()
    [1.0, 0.0]
    >>> next(iter(fitted.report.importance))
    'taste'
    """
    began = clock()
    report_s = min(_REPORT_SHARE * budget_s, _MOST_REPORT_S)
    _check_classes(rows)
    rows = finite_rows(rows)
    lists = split_lists(rows, validation=validation, gap_ms=gap_ms)
    if lists is None:
        predictor = _cautious(rows, Deadline(began + budget_s, clock))
        asked = Request(budget_s, serving_us, seed, {})
        report = report_unsplit(rows, predictor, asked, seconds=clock() - began)
        return RankingModel(predictor, None, report)
    wanted, skipped = _families(rows, budget_s) if families is None else (families, {})
    manner = MANNER
    if lists.informative_lists < LEAST_LISTS:
        manner = manner._replace(settings=())
        skipped |= dict.fromkeys((each.title for each in MANNER.settings), _untold(lists))

    def on_trial(tried: TrialResult, _: float) -> None:
        if on_progress is not None:
            on_progress(tried.trial.title, min((clock() - began) / budget_s, 1.0))

    found = find_model(
        lists,
        families=wanted,
        plan=plan,
        serving_us=serving_us,
        seed=seed,
        deadline=Deadline(began + 0.98 * budget_s - report_s, clock),
        on_trial=on_trial,
        manner=manner,
    )
    if on_progress is not None:
        on_progress("refit", 1.0)
    report = report_search(
        found,
        lists,
        Request(budget_s, serving_us, seed, skipped),
        seconds=clock() - began,
        deadline=Deadline(began + 0.99 * budget_s, clock),
    )
    before = Predictor(found.served.terms, found.calibrated.calibrator, "sigmoid", CLASSES)
    judged = Judged(before, lists.validation.start, lists.holdout.start)
    return RankingModel(found.final.predictor, judged, report)


def warm_up() -> None:
    """Compile the kernels that a search runs, so that the first on a machine keeps its budget."""
    features = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    labels = (np.arange(60) % 3 == 0).astype(np.uint8)
    rows = Rows(
        features=np.where(features < -0.9, np.nan, features),
        labels=labels,
        rankings=np.arange(60) // 2,
        at_ms=np.arange(60) // 2,
        names=("x",),
    )
    scores = fit(rows, budget_s=60, seed=0, plan=_WARM).predictor.answers(rows.features)
    compile_kernels()
    offsets, target = np.array([0, 60]), labels.astype(np.float64)
    list_gradients_kernel(scores, target, offsets, SHARE)
    list_losses_kernel(scores, target, offsets)
    list_auc(scores, labels, offsets)
    ndcg_at(10, scores, labels, offsets)


def _untold(lists: RankingData) -> str:
    """Why nothing is learned from which item of a list succeeds."""
    return (
        f"needs {LEAST_LISTS} lists with a success beside a failure among those that train; "
        f"there are {lists.informative_lists}"
    )


def _families(rows: Rows, budget_s: float) -> tuple[list[str], dict[str, str]]:
    """Families to try, and why not the others."""
    skipped: dict[str, str] = {}
    if any(rows.directions):
        skipped["mlp"] = "it cannot be told which way features point"
        skipped["catboost"] = "it takes ten times as long as others to keep to directions"
    if budget_s < _LONG_S or len(rows) < _MANY_ROWS:
        short = (
            f"needs {_LONG_S:g} s and {_MANY_ROWS:,} rows; there are {budget_s:g}, {len(rows):,}"
        )
        skipped = dict.fromkeys(("xgboost", "catboost", "mlp"), short) | skipped
    every = ("linear", "lightgbm", "xgboost", "catboost", "mlp")
    return [name for name in every if name not in skipped], skipped


def _cautious(rows: Rows, deadline: Deadline) -> Predictor:
    """A cautious logistic on all rows, where there are too few of them to choose by."""
    fit_all = linear.fit(
        whole_matrix(rows),
        None,
        {"heaviest": _PENALTY},
        seed=0,
        n_threads=1,
        deadline=deadline,
        rounds=1,
    )
    return Predictor(terms_of([(fit_all, 1.0)]), Calibrator.none(1), "sigmoid", CLASSES)


def _check_classes(rows: Rows) -> None:
    if not 0 < rows.positives < len(rows):
        raise TrainingError(
            f"{len(rows)} rows hold {rows.positives} successes and "
            f"{len(rows) - rows.positives} failures; a model needs both: check [label] in "
            "liverank.toml and that interactions name their item and ranking"
        )
