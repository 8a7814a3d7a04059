"""From what a search found to the report of it."""

import importlib.metadata
import math
import os
import platform
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.subsampling import thinned_warning
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.pipeline import SearchResult
from liverank.automl.preprocessing.encoder import take_rows
from liverank.automl.profile.leakage import Leak
from liverank.automl.profile.profile import TableProfile
from liverank.automl.report import table_schema as report
from liverank.automl.report.curves import draw_curves
from liverank.automl.report.drift import drift_warning
from liverank.automl.report.slices import find_slices
from liverank.models.predictor import linked
from liverank.quantities import told_duration

Floats = NDArray[np.float64]

PACKAGES = {
    "liverank": "liverank",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "xgboost-cpu": "xgboost",
    "jax": "jax",
    "numpy": "numpy",
    "numba": "numba",
    "polars": "polars",
}
"""Packages whose versions a report names, and what they are imported as."""

_LOST = 0.005


@dataclass(frozen=True, eq=False)
class TableRun:
    """What a search on a table found: the model, and what was looked at around it."""

    profile: TableProfile
    table_data: TableData
    why: str
    model: SearchResult
    leaks: tuple[Leak, ...]
    drift: report.Drift | None
    importance: tuple[report.Importance, ...]
    intervals: dict[str, tuple[float, float]]
    budget_s: float
    serving_us: float
    source: str
    sha256: str | None
    used: int | None
    """Rows of the table that there was time for; None for all."""


def write_report(found: TableRun, *, seconds: float) -> report.TableReport:
    """The report of a search that took ``seconds``."""
    model, table_data = found.model, found.table_data
    judged = model.evaluation.holdout_rows
    margins = model.calibrated.calibrator.apply(model.holdout)
    validating, answered = model.validated()
    validation = _known(validating.figures(answered))
    baseline = _known(validating.figures(_constant(table_data, validating)))
    return report.TableReport(
        asked=_asked(found),
        data=report.Data(
            name=found.source,
            rows=found.profile.rows,
            columns=len(found.profile.columns),
            sha256=found.sha256,
            profile=found.profile.columns,
            reason=found.profile.target.reason,
            used_rows=found.used,
        ),
        split=_split(found),
        seconds=seconds,
        validation=validation,
        intervals=found.intervals,
        baseline=baseline,
        served=_served(found, validation),
        blend=report.Blend(
            kept=model.blend.kept,
            gain_low=model.blend.gain[0],
            gain_high=model.blend.gain[1],
        ),
        calibration=report.Calibration(
            kind=model.calibrated.kind,
            kept=model.calibrated.kind != "none",
            before=_finite(judged.mean_loss(model.holdout)),
            after=_finite(judged.mean_loss(margins)),
        ),
        leaderboard=_leaderboard(found),
        skipped=model.plan.skipped,
        leaks=found.leaks,
        drift=found.drift,
        warnings=_warnings(found, judged, margins),
        notes=found.profile.notes,
        importance=found.importance,
        curves=draw_curves(
            linked(margins, table_data.link),
            judged.target,
            judged.weight,
            task=judged.task,
            classes=found.profile.target.classes,
        ),
        slices=_slices(found, judged, margins),
        stopped="interrupted; the best so far was kept" if model.plan.interrupted else None,
        versions={
            name: importlib.metadata.version(name)
            for name, module in PACKAGES.items()
            if find_spec(module) is not None
        },
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
    )


def _asked(found: TableRun) -> report.Asked:
    target, objective = found.profile.target, found.table_data.objective
    return report.Asked(
        target=target.name,
        task=target.task,
        classes=target.classes,
        objective=objective.name,
        larger_is_better=objective.larger_is_better,
        budget_s=found.budget_s,
        serving_budget_us=found.serving_us,
        seed=found.model.plan.seed,
    )


def _split(found: TableRun) -> report.SplitReport:
    table_data = found.table_data
    split = table_data.split
    blocks = []
    for name, places in (
        ("fit", split.train),
        ("choose", split.validation),
        ("judge", split.holdout),
    ):
        spans = None if table_data.at_ms is None else table_data.at_ms[places]
        mean = None if table_data.classes > 1 else float(table_data.target[places].mean())
        blocks.append(
            report.Block(
                name=name,  # type: ignore[arg-type]  # one of the three
                rows=len(places),
                mean=mean,
                from_ms=None if spans is None else float(spans.min()),
                to_ms=None if spans is None else float(spans.max()),
            )
        )
    return report.SplitReport(
        kind=split.kind, reason=found.why, blocks=tuple(blocks), left_out=split.left_out
    )


def _served(found: TableRun, validation: dict[str, float | None]) -> report.Served:
    model, served = found.model, found.model.served
    whys = {
        "single": "one model was best, or no blend beat it beyond noise",
        "ensemble": "the blend itself is fast and small enough",
        "blend": "the whole blend is too slow or too large; this is the best of faster models",
        "student": "the blend is too slow or too large; it taught this model",
    }
    teacher = None
    if served.kind in ("blend", "student") or (served.loss != served.teacher_loss):
        rows, margins = model.teacher()
        teacher = _known(rows.figures(margins))
    shape = "" if served.shape is None else f" {served.shape}"
    return report.Served(
        kind=served.kind + shape,
        us_per_row_55=round(model.final.us_per_row, 3),
        size_mb=round(model.final.size_mb, 3),
        figures=validation,
        teacher=teacher,
        why=whys[served.kind]
        + ("" if model.final.refit else "; no time was left to train it again on all rows"),
    )


def _leaderboard(found: TableRun) -> tuple[report.Entry, ...]:
    model, larger = found.model, found.table_data.objective.larger_is_better
    entries = []
    for each, weight in zip(model.tried, model.blend.weights, strict=True):
        entries.append(
            report.Entry(
                family=each.trial.family,
                name=each.trial.name,
                validation=_finite(-each.loss if larger else each.loss),
                seconds=round(each.seconds, 3),
                us_per_row=model.plan.us_per_row.get(each.id),
                rounds=round(each.rounds),
                rows=each.trial.rows,
                weight=float(weight),
                note="stopped by the budget" if each.out_of_time else None,
            )
        )
    losses = [each.loss for each in model.tried]
    return tuple(entries[i] for i in np.argsort(losses, kind="stable"))


def _warnings(found: TableRun, judged: EvalRows, margins: Floats) -> tuple[str, ...]:
    said = []
    constant = judged.mean_loss(_constant(found.table_data, judged))
    if not judged.mean_loss(margins) < constant:
        said.append(
            "on the judging rows the model is no better than an answer that never changes; "
            "more rows, or columns that tell the target, would help"
        )
    if found.used is not None:
        said.append(thinned_warning(found.used, found.profile.rows))
    if judged.task != "regression" and len(np.unique(judged.target)) == 1:
        only = found.profile.target.classes[int(judged.target[0])]
        said.append(
            f'all {len(judged)} judging rows are "{only}", so their figures say little; '
            "more rows, or a --split-column, would help"
        )
    if found.table_data.gap_ms and found.table_data.at_ms is None:
        said.append(
            f"a gap of {told_duration(found.table_data.gap_ms)} was asked for, and does nothing "
            "where rows are not divided by time; name their --time"
        )
    if found.drift is not None and found.drift.differs:
        said.append(drift_warning(found.drift))
    said += [leak.message for leak in found.leaks]
    if not found.model.final.refit:
        said.append("the model was not trained again on all rows; give a larger budget")
    dropped = [
        each.trial.title for each in found.model.tried if each.id in found.model.plan.dropped
    ]
    if dropped:
        said.append(
            f"{', '.join(dropped)}: left out of the blend, since there was no time to "
            "train them again on all rows"
        )
    served = found.model.served
    if abs(served.teacher_loss) > 0 and served.loss > served.teacher_loss * (1 + _LOST):
        lost = (served.loss / served.teacher_loss - 1) * 100
        if served.teacher_loss > 0:
            said.append(
                f"the served model has a loss {lost:.1f} % above that of the blend; "
                "a larger serving budget would win it back"
            )
    return tuple(said)


def _slices(found: TableRun, judged: EvalRows, margins: Floats) -> tuple[report.Slice, ...]:
    table_data = found.table_data
    columns = take_rows(table_data.columns, table_data.split.holdout)
    answers = linked(margins, table_data.link)
    first = [each.column for each in found.importance]
    order = sorted(
        table_data.inputs, key=lambda form: first.index(form.name) if form.name in first else 9999
    )
    single = table_data.classes == 1
    return find_slices(
        columns,
        order,
        judged.row_losses(margins),
        observed=judged.target if single else None,
        predicted=answers if single else None,
        weight=judged.weight,
        groups=judged.groups,
        squared=judged.task == "regression",
    )


def _constant(table_data: TableData, judged: EvalRows) -> Floats:
    """Margins, float64[n, k], of always answering with the mean of the rows that train."""
    places = table_data.split.train
    target = table_data.trained_target[places]
    weight = None if table_data.weight is None else table_data.weight[places]
    if judged.task == "regression":
        level = np.array([np.average(target, weights=weight)])
    else:
        k = max(table_data.classes, 2)
        counts = np.bincount(target.astype(np.int64), weight, k) + 0.5
        logs = np.log(counts / counts.sum())
        level = logs if table_data.classes > 1 else np.array([logs[1] - logs[0]])
    return np.tile(level, (len(judged), 1))


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in figures.items()}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
