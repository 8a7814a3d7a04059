"""The parts of a report that are built from a search result alone, for tables and rankings."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from liverank.automl.pipeline import SearchResult
from liverank.automl.report.curves import draw_curves
from liverank.automl.report.drift import drift_warning
from liverank.automl.report.schema import (
    Calibration,
    Curves,
    Drift,
    Ensemble,
    LeaderboardEntry,
    ServedModel,
    Slice,
)
from liverank.automl.report.slices import Outcomes, find_slices
from liverank.models.encoder.columns import Columns, Input
from liverank.models.predictor import linked

Floats = NDArray[np.float64]

INTERRUPTED = "interrupted; the best model so far was kept"
_STUDENT_LOSS = 0.005
"""Relative rise of the loss by distillation from which the report contains a warning."""
_WHYS = {
    "single": "one model was best, or no ensemble was better beyond noise",
    "full_ensemble": "the full ensemble is fast and small enough",
    "fast_ensemble": "the full ensemble is too slow or too large; these models are faster",
    "student": "the full ensemble is too slow or too large; this model was distilled from it",
}


def known(value: float) -> float | None:
    """A figure for a report: None in place of NaN and infinity.

    >>> known(float("nan")), known(2)
    (None, 2.0)
    """
    return float(value) if math.isfinite(value) else None


def known_figures(figures: dict[str, float]) -> dict[str, float | None]:
    """Figures by name, None in place of NaN and infinity."""
    return {name: known(value) for name, value in figures.items()}


def holdout_margins(result: SearchResult) -> Floats:
    """Calibrated margins of the holdout rows, float64[n, k], by models not trained on them."""
    return result.calibrated.on_holdout(result.holdout)


def leaderboard(
    result: SearchResult, weights: Floats, list_losses: list[float] | None = None
) -> tuple[LeaderboardEntry, ...]:
    """The trials, the best first.

    ``weights`` and ``list_losses`` have one entry a trial; the latter only for rankings.
    """
    plan = result.plan
    entries = []
    for index, (each, weight) in enumerate(zip(result.tried, weights.tolist(), strict=True)):
        entries.append(
            LeaderboardEntry(
                family=each.trial.family,
                name=each.trial.name,
                validation=known(each.figure),
                seconds=round(each.seconds, 3),
                us_per_row=plan.us_per_row.get(each.id),
                rounds=round(each.rounds),
                rows=each.trial.rows,
                weight=weight,
                refit=(result.final.refit and each.id not in plan.dropped) if weight > 0 else None,
                list_loss=None if list_losses is None else list_losses[index],
                note="stopped by the budget" if each.out_of_time else None,
            )
        )
    order = np.argsort([each.loss for each in result.tried], kind="stable")
    return tuple(entries[index] for index in order)


def served_model(result: SearchResult) -> ServedModel:
    """The model in the bundle."""
    served = result.served
    kind = served.kind
    teacher = None
    if kind in ("fast_ensemble", "student") or served.loss != served.teacher_loss:
        rows, margins = result.teacher()
        teacher = known_figures(rows.figures(margins))
    return ServedModel(
        kind=kind if served.shape is None else f"{kind} {served.shape}",
        us_per_row_55=round(result.final.us_per_row, 3),
        size_mb=round(result.final.size_mb, 3),
        teacher=teacher,
        why=_WHYS[kind] + ("" if result.final.refit else "; it was not trained again on all rows"),
    )


def ensemble_of(result: SearchResult) -> Ensemble:
    """Whether the full ensemble beat the best single model."""
    low, high = result.blend.gain
    return Ensemble(kept=result.blend.kept, gain_low=known(low), gain_high=known(high))


def calibration_of(result: SearchResult) -> Calibration:
    """The calibration, and the loss of the holdout rows before and after it."""
    calibrated, rows = result.calibrated, result.evaluation.holdout_rows
    calibrator = calibrated.calibrator
    is_single = len(calibrator.slope) == 1
    return Calibration(
        kind=calibrated.kind,
        kept=calibrated.kind != "none",
        before=known(rows.mean_loss(result.holdout)),
        after=known(rows.mean_loss(holdout_margins(result))),
        slope=float(calibrator.slope[0]) if is_single else None,
        offset=float(calibrator.offset[0]) if is_single else None,
    )


def answers_of(result: SearchResult) -> Floats:
    """Predictions for the holdout rows: probabilities float64[n] or [n, k], or values."""
    rows = result.evaluation.holdout_rows
    return linked(rows.on_base(holdout_margins(result)), rows.link)


def curves_of(result: SearchResult, classes: tuple[str, ...]) -> Curves:
    """The curves of the holdout rows."""
    rows = result.evaluation.holdout_rows
    return draw_curves(
        answers_of(result), rows.target, rows.weight, task=rows.task, classes=classes
    )


def slices_of(result: SearchResult, columns: Columns, inputs: Iterable[Input]) -> tuple[Slice, ...]:
    """Slices of the holdout rows, with their ``columns``, by each of ``inputs`` in order."""
    rows = result.evaluation.holdout_rows
    answers = answers_of(result)
    is_single = answers.ndim == 1
    outcomes = Outcomes(
        losses=rows.row_losses(holdout_margins(result)),
        observed=rows.target if is_single else None,
        predicted=answers if is_single else None,
        weight=rows.weight,
        groups=rows.groups,
        squared=rows.task == "regression",
    )
    return find_slices(columns, inputs, outcomes)


def is_useful(result: SearchResult, constant: Floats) -> bool:
    """Whether the holdout loss is below that of the ``constant`` margins, float64[n, k]."""
    rows = result.evaluation.holdout_rows
    return rows.mean_loss(holdout_margins(result)) < rows.mean_loss(constant)


def closing_warnings(result: SearchResult, drift: Drift | None) -> tuple[list[str], list[str]]:
    """Warnings about drift, and those about the final training and distillation."""
    first = [drift_warning(drift)] if drift is not None and drift.differs else []
    last = []
    if not result.final.refit:
        why = result.plan.why_no_refit or "there was no time"
        cure = "" if result.plan.interrupted else "; a larger budget allows it"
        last.append(f"the model was not trained again on all rows: {why}{cure}")
    served = result.served
    if served.teacher_loss > 0 and served.loss > served.teacher_loss * (1 + _STUDENT_LOSS):
        lost = (served.loss / served.teacher_loss - 1) * 100
        last.append(
            f"the served model has a loss {lost:.1f} % above that of the full ensemble; "
            "a larger serving budget would avoid that"
        )
    return first, last
