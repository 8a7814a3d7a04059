"""Builds the report of a search on rows of rankings."""

from dataclasses import dataclass

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.ranking_data import CLASSES, LEAST_LISTS, RankingData
from liverank.automl.metrics.bootstrap import figure_intervals
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.automl.metrics.objective import find_objective
from liverank.automl.pipeline import SearchResult
from liverank.automl.report.drift import measure_drift
from liverank.automl.report.from_search import (
    INTERRUPTED,
    calibration_of,
    closing_warnings,
    curves_of,
    ensemble_of,
    holdout_margins,
    is_useful,
    known_figures,
    leaderboard,
    served_model,
    slices_of,
)
from liverank.automl.report.reports import RankingReport, installed_versions, machine
from liverank.automl.report.schema import (
    Block,
    BlockName,
    Calibration,
    Data,
    Drift,
    LeaderboardEntry,
    SearchRequest,
    Slice,
    SplitReport,
)
from liverank.dataset.rows import Rows
from liverank.models.encoder.columns import Columns, Input
from liverank.models.predictor import Predictor

_SLICED = 6
"""Number of features by which rows are sliced, those with the most gain."""


@dataclass(frozen=True)
class Request:
    """Options of a search on rankings, and the families and settings that it left out."""

    budget_s: float
    serving_us: float
    seed: int
    skipped: dict[str, str]


def report_search(
    result: SearchResult, data: RankingData, request: Request, *, seconds: float, deadline: Deadline
) -> RankingReport:
    """The report of a search that took ``seconds``; drift and intervals until ``deadline``."""
    rows, evaluation = data.rows, result.evaluation
    used = result.final.predictor.used
    importance = _importance(result, rows.names)
    drift = _drift(result, deadline.share(0.5))
    holdout = evaluation.holdout_rows
    margins = holdout_margins(result)
    odds = _base_rate_log_odds(data)
    constant = np.full((len(holdout), 1), odds)
    warnings = closing_warnings(result, drift)
    return RankingReport(
        asked=_asked(request),
        data=_data(rows),
        split=_split(data),
        seconds=seconds,
        held_out=known_figures(holdout.figures(margins)),
        intervals=figure_intervals(margins, holdout, seed=result.plan.seed, deadline=deadline),
        baseline=known_figures(holdout.figures(constant)),
        served=served_model(result),
        ensemble=ensemble_of(result),
        calibration=calibration_of(result),
        leaderboard=leaderboard(result, result.served.weights, _list_losses(result, data)),
        skipped=request.skipped | result.plan.skipped,
        drift=drift,
        warnings=(*_useless(is_useful(result, constant)), *warnings[0], *warnings[1]),
        curves=curves_of(result, CLASSES),
        slices=_slices(result, data, list(importance)[:_SLICED]),
        stopped=INTERRUPTED if result.plan.interrupted else None,
        versions=installed_versions(),
        machine=machine(),
        used_features=tuple(rows.names[column] for column in used),
        dropped_features=dict.fromkeys(np.delete(rows.names, used).tolist(), "unused"),
        importance=importance,
        plan=result.plan,
    )


def report_unsplit(
    rows: Rows, predictor: Predictor, request: Request, *, seconds: float
) -> RankingReport:
    """The report of the one conservative model that is trained where rows are too few to split."""
    used = predictor.used
    return RankingReport(
        asked=_asked(request),
        data=_data(rows),
        split=SplitReport(
            kind="chronological",
            reason="not at all: they are too few",
            blocks=(_block("train", rows),),
            left_out=0,
        ),
        seconds=seconds,
        held_out={},
        calibration=Calibration(kind="none", kept=False, slope=1.0, offset=0.0),
        leaderboard=(
            LeaderboardEntry(
                family="linear",
                name="ridge",
                validation=None,
                seconds=seconds,
                weight=1.0,
                refit=True,
            ),
        ),
        notes=(
            f"{len(rows)} rows with {rows.positives} successes are too few to choose between "
            "models by time; one conservative logistic regression was trained on all of them",
        ),
        versions=installed_versions(),
        machine=machine(),
        used_features=tuple(rows.names[column] for column in used),
        dropped_features=dict.fromkeys(np.delete(rows.names, used).tolist(), "unused"),
        importance={rows.names[column]: 1 / len(used) for column in used},
    )


def _asked(request: Request) -> SearchRequest:
    objective = find_objective(None, "binary")
    return SearchRequest(
        target="success",
        task="binary",
        classes=CLASSES,
        objective=objective.name,
        larger_is_better=objective.larger_is_better,
        budget_s=request.budget_s,
        serving_budget_us=request.serving_us,
        seed=request.seed,
    )


def _data(rows: Rows) -> Data:
    return Data(name="the log", rows=len(rows), columns=len(rows.names), positives=rows.positives)


def _split(data: RankingData) -> SplitReport:
    rows = data.rows
    blocks = (
        _block("train", rows.take(slice(0, data.n_train))),
        _block("validation", rows.take(data.validation)),
        _block("holdout", rows.take(data.holdout)),
    )
    return SplitReport(
        kind="chronological",
        reason="by time, no ranking divided: the oldest rows train, newer ones choose between "
        "models, the newest are held out",
        blocks=blocks,
        left_out=len(rows) - sum(block.rows for block in blocks),
    )


def _block(name: BlockName, rows: Rows) -> Block:
    return Block(
        name=name,
        rows=len(rows),
        mean=rows.positives / max(len(rows), 1),
        from_ms=float(rows.at_ms[0]),
        to_ms=float(rows.at_ms[-1]),
    )


def _base_rate_log_odds(data: RankingData) -> float:
    """Log-odds of success before the holdout rows, to be added to the base of the rows."""
    before = slice(0, data.holdout.start)
    base = None if data.rows.base is None else data.rows.base[before]
    return mean_log_odds(data.rows.labels[before].astype(np.float64), base)


def _useless(useful: bool) -> tuple[str, ...]:
    if useful:
        return ()
    return (
        "on the newest rows the model is no better than the share of successes; "
        "more successes, or fields that distinguish users and items, would help",
    )


def _drift(result: SearchResult, deadline: Deadline) -> Drift | None:
    return measure_drift(
        result.evaluation.folds[-1],
        seed=result.plan.seed,
        n_threads=result.plan.n_threads,
        deadline=deadline,
    )


def _importance(result: SearchResult, names: tuple[str, ...]) -> dict[str, float]:
    """Share of the gain by feature: the last fold's models, weighted as in the ensemble."""
    gains = np.zeros(len(names))
    for each, weight in zip(result.tried, result.served.weights, strict=True):
        of_model = each.fits[-1].gains
        if weight > 0 and of_model.sum() > 0:
            gains += weight * of_model / of_model.sum()
    shares = gains / gains.sum() if gains.sum() > 0 else gains
    order = np.argsort(-shares, kind="stable")
    return {names[column]: float(shares[column]) for column in order if shares[column] > 0}


def _list_losses(result: SearchResult, data: RankingData) -> list[float] | None:
    """Mean softmax loss of each trial within lists; None where too few lists have both outcomes."""
    if data.informative_lists < LEAST_LISTS:
        return None
    rows = result.evaluation.validation_rows
    return [float(rows.list_losses(each.validation).mean()) for each in result.tried]


def _slices(result: SearchResult, data: RankingData, names: list[str]) -> tuple[Slice, ...]:
    """Slices of the holdout rows by features, as numbers."""
    holdout = data.rows.features[data.holdout]
    columns: Columns = {
        name: holdout[:, data.rows.names.index(name)].astype(np.float64) for name in names
    }
    return slices_of(result, columns, [Input(name=name, type="number") for name in names])
