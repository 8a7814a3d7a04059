"""From what a search on rows of rankings found to the report of it."""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.ranking_data import LEAST_LISTS, RankingData
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.automl.pipeline import SearchResult
from liverank.automl.report.ranking_schema import (
    Calibration,
    Candidate,
    Member,
    Scores,
    Served,
    Span,
    TrainingReport,
    installed_versions,
    known,
)
from liverank.dataset.metrics import auc
from liverank.dataset.rows import Rows
from liverank.models.predictor import Predictor


def report_found(
    found: SearchResult,
    lists: RankingData,
    *,
    skipped: dict[str, str],
    seed: int,
    budget_s: float,
    seconds: float,
) -> TrainingReport:
    """The report of a search that took ``seconds``."""
    rows, calibrator = lists.rows, found.calibrated.calibrator
    scores = _scores(calibrator.apply(found.holdout)[:, 0], lists)
    used = found.final.predictor.used
    return TrainingReport(
        rows=len(rows),
        positives=rows.positives,
        seed=seed,
        budget_s=budget_s,
        seconds=seconds,
        fit=_span(rows.take(slice(0, lists.n_train))),
        choose=_span(rows.take(lists.validation)),
        judge=_span(rows.take(lists.holdout)),
        candidates=_candidates(found, lists),
        blend=_members(found),
        calibration=Calibration(
            slope=float(calibrator.slope[0]),
            offset=float(calibrator.offset[0]),
            kept=found.calibrated.kind != "none",
        ),
        served=_served(found),
        scores=scores,
        used_features=tuple(rows.names[column] for column in used),
        dropped_features=dict.fromkeys(np.delete(rows.names, used).tolist(), "unused"),
        importance=_importance(found, rows.names),
        skipped=skipped | found.plan.skipped,
        notes=_notes(found, scores),
        plan=found.plan,
        versions=installed_versions(),
    )


def report_unsplit(
    rows: Rows, predictor: Predictor, *, seed: int, budget_s: float, seconds: float
) -> TrainingReport:
    """The report of one cautious model, of rows that are too few to choose and to judge by."""
    used = predictor.used
    return TrainingReport(
        rows=len(rows),
        positives=rows.positives,
        seed=seed,
        budget_s=budget_s,
        seconds=seconds,
        fit=_span(rows),
        choose=None,
        judge=None,
        candidates=(Candidate(name="linear ridge", log_loss=None, seconds=seconds),),
        blend=(Member(name="linear ridge", weight=1.0, refit=True),),
        calibration=Calibration(slope=1.0, offset=0.0, kept=False),
        served=None,
        scores=None,
        used_features=tuple(rows.names[column] for column in used),
        dropped_features=dict.fromkeys(np.delete(rows.names, used).tolist(), "unused"),
        importance={rows.names[column]: 1 / len(used) for column in used},
        notes=(
            f"{len(rows)} rows with {rows.positives} successes are too few to choose between "
            "models by time; one cautious logistic was trained on all of them",
        ),
        versions=installed_versions(),
    )


def _notes(found: SearchResult, scores: Scores) -> tuple[str, ...]:
    notes = []
    if scores.log_loss is None or scores.log_loss >= (scores.base_rate_log_loss or math.inf):
        notes.append(
            "on the newest rows the model is no better than the share of successes; "
            "more successes, or fields that tell people and items apart, would help"
        )
    if not found.final.refit:
        notes.append(
            "the budget left no time to train again on the newest rows; raise training.budget"
        )
    if found.plan.interrupted:
        notes.append("the search was interrupted; the best so far was kept")
    return tuple(notes)


def _scores(margins: NDArray[np.float64], lists: RankingData) -> Scores:
    judged = lists.rows.take(lists.holdout)
    held, labels = lists.eval_rows(lists.holdout), lists.rows.labels
    before = slice(0, lists.holdout.start)
    base = None if lists.rows.base is None else lists.rows.base[before]
    odds = mean_log_odds(labels[before].astype(np.float64), base)
    return Scores(
        rows=len(judged),
        positives=judged.positives,
        log_loss=known(held.mean_loss(margins[:, None])),
        base_rate_log_loss=known(held.mean_loss(np.full((len(judged), 1), odds))),
        auc=known(auc(held.on_base(margins[:, None])[:, 0], judged.labels)),
    )


def _members(found: SearchResult) -> tuple[Member, ...]:
    pairs = zip(found.tried, found.served.weights.tolist(), strict=True)
    kept = [
        Member(
            name=each.trial.title,
            weight=weight,
            refit=found.final.refit and each.id not in found.plan.dropped,
        )
        for each, weight in pairs
        if weight > 0
    ]
    return tuple(sorted(kept, key=lambda member: -member.weight))


def _served(found: SearchResult) -> Served:
    served = found.served
    shape = "" if served.shape is None else f" {served.shape}"
    return Served(
        kind=served.kind + shape,
        us_per_row_55=round(found.final.us_per_row, 3),
        size_mb=round(found.final.size_mb, 3),
    )


def _importance(found: SearchResult, names: tuple[str, ...]) -> dict[str, float]:
    """Shares of what the features did in the models of the newest fold, by the blend's weights."""
    gains = np.zeros(len(names))
    for each, weight in zip(found.tried, found.served.weights, strict=True):
        of_model = each.fits[-1].gains
        if weight > 0 and of_model.sum() > 0:
            gains += weight * of_model / of_model.sum()
    shares = gains / gains.sum() if gains.sum() > 0 else gains
    order = np.argsort(-shares, kind="stable")
    return {names[column]: float(shares[column]) for column in order if shares[column] > 0}


def _candidates(found: SearchResult, lists: RankingData) -> tuple[Candidate, ...]:
    held, tells = found.evaluation.validation_rows, lists.told_lists >= LEAST_LISTS
    return tuple(
        Candidate(
            name=each.trial.title,
            log_loss=known(each.loss),
            list_loss=float(held.which_losses(each.validation).mean()) if tells else None,
            seconds=round(each.seconds, 3),
            rounds=round(each.rounds) if each.has_rounds else None,
            stopped="budget" if each.out_of_time else None,
        )
        for each in found.tried
    )


def _span(rows: Rows) -> Span:
    return Span(
        rows=len(rows),
        positives=rows.positives,
        from_ms=int(rows.at_ms[0]),
        to_ms=int(rows.at_ms[-1]),
    )
