"""Builds the report of a search on a table."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.subsampling import thinned_warning
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.pipeline import SearchResult
from liverank.automl.preprocessing.encoder import take_rows
from liverank.automl.profile.leakage import Leak
from liverank.automl.profile.profile import TableProfile
from liverank.automl.report.claim import claim_of
from liverank.automl.report.drift import study_warnings
from liverank.automl.report.from_search import (
    INTERRUPTED,
    calibration_of,
    closing_warnings,
    curves_of,
    ensemble_of,
    is_useful,
    known_figures,
    leaderboard,
    served_model,
    slices_of,
)
from liverank.automl.report.over_time import over_time
from liverank.automl.report.reports import TableReport, installed_versions, machine
from liverank.automl.report.schema import (
    Block,
    BlockName,
    Claim,
    Data,
    Drift,
    Importance,
    SearchRequest,
    Slice,
    SplitReport,
)
from liverank.automl.trials.drift_policy import DriftPolicy
from liverank.quantities import format_duration

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableRun:
    """The result of a search on a table, with the measurements for its report."""

    profile: TableProfile
    table_data: TableData
    why: str
    """The reason for the kind of split."""
    model: SearchResult
    leaks: tuple[Leak, ...]
    drift: Drift | None
    importance: tuple[Importance, ...]
    intervals: dict[str, tuple[float, float]]
    budget_s: float
    serving_us: float
    source: str
    """Name of the table."""
    sha256: str | None
    used: int | None
    """Number of rows used, where there was no time for all; None for all."""
    checks: tuple[str, ...] = ()
    """Warnings about the blocks of the split."""
    study: DriftPolicy | None = None
    """What models of the past did on the rows that followed; None where that was not measured."""


def write_report(run: TableRun, *, seconds: float) -> TableReport:
    """The report of a search that took ``seconds``."""
    result, profile = run.model, run.profile
    validated, margins = result.validated()
    baseline = validated.figures(_constant(run.table_data, validated))
    claim = claim_of(result, run.study)
    return TableReport(
        asked=_asked(run),
        data=Data(
            name=run.source,
            rows=profile.rows,
            columns=len(profile.columns),
            sha256=run.sha256,
            profile=profile.columns,
            reason=profile.target.reason,
            used_rows=run.used,
        ),
        split=_split(run),
        seconds=seconds,
        held_out=known_figures(validated.figures(margins)),
        intervals=_intervals(run, claim),
        baseline=known_figures(baseline),
        served=served_model(result),
        ensemble=ensemble_of(result),
        calibration=calibration_of(result),
        leaderboard=leaderboard(result, result.blend.weights),
        skipped=result.plan.skipped,
        leaks=run.leaks,
        drift=run.drift,
        warnings=_warnings(run, claim),
        notes=profile.notes,
        importance=run.importance,
        claim=claim,
        over_time=over_time(run.table_data, result, run.study),
        curves=curves_of(result, profile.target.classes),
        slices=_slices(run),
        stopped=INTERRUPTED if result.plan.interrupted else None,
        versions=installed_versions(),
        machine=machine(),
    )


def _intervals(run: TableRun, claim: Claim | None) -> dict[str, tuple[float, float]]:
    """The intervals; that of the objective is also as wide as blocks disagree if drift is seen."""
    if claim is None or run.study is None or not run.study.seen:
        return run.intervals
    low, high = run.intervals.get(claim.figure, (claim.value, claim.value))
    return {**run.intervals, claim.figure: (min(low, claim.low), max(high, claim.high))}


def _asked(run: TableRun) -> SearchRequest:
    target, objective = run.profile.target, run.table_data.objective
    return SearchRequest(
        target=target.name,
        task=target.task,
        classes=target.classes,
        class_type=target.class_type,
        objective=objective.name,
        larger_is_better=objective.larger_is_better,
        budget_s=run.budget_s,
        serving_budget_us=run.serving_us,
        seed=run.model.plan.seed,
    )


def _split(run: TableRun) -> SplitReport:
    split = run.table_data.split
    return SplitReport(
        kind=split.kind,
        reason=run.why,
        blocks=(
            _block("train", run.table_data, split.train),
            _block("validation", run.table_data, split.validation),
            _block("holdout", run.table_data, split.holdout),
        ),
        left_out=split.left_out,
    )


def _block(name: BlockName, data: TableData, rows: NDArray[np.int64]) -> Block:
    at_ms = None if data.at_ms is None or data.time is None else data.at_ms[rows]
    return Block(
        name=name,
        rows=len(rows),
        mean=None if data.classes > 1 else float(data.target[rows].mean()),
        from_ms=None if at_ms is None else float(at_ms.min()),
        to_ms=None if at_ms is None else float(at_ms.max()),
    )


def _warnings(run: TableRun, claim: Claim | None) -> tuple[str, ...]:
    result, data = run.model, run.table_data
    holdout = result.evaluation.holdout_rows
    drift, last = closing_warnings(result, run.drift)
    warnings = []
    if not is_useful(result, _constant(data, holdout)):
        warnings.append(
            "on the holdout rows the model is no better than the constant baseline; "
            "more rows, or columns that explain the target, would help"
        )
    if run.used is not None:
        warnings.append(thinned_warning(run.used, run.profile.rows))
    warnings += run.checks
    if data.gap_ms and data.at_ms is None:
        warnings.append(
            f"a gap of {format_duration(data.gap_ms)} was asked for, and has no effect where "
            "rows are not split by time; name their --time"
        )
    if run.study is not None:
        drift += study_warnings(run.study, claim)
    warnings += [*drift, *(leak.message for leak in run.leaks), *last]
    dropped = [each.trial.title for each in result.tried if each.id in result.plan.dropped]
    if dropped:
        warnings.append(
            f"{', '.join(dropped)}: left out of the ensemble, since there was no time to "
            "train them again on all rows"
        )
    return tuple(warnings)


def _slices(run: TableRun) -> tuple[Slice, ...]:
    """Slices by each column, the most important first."""
    data = run.table_data
    first = [each.column for each in run.importance]
    order = sorted(
        data.inputs, key=lambda form: first.index(form.name) if form.name in first else len(first)
    )
    return slices_of(run.model, take_rows(data.columns, data.split.holdout), order)


def _constant(data: TableData, rows: EvalRows) -> Floats:
    """Margins of ``rows``, float64[n, k], of always predicting the mean of the train rows."""
    train = data.split.train
    target = data.trained_target[train]
    weight = None if data.weight is None else data.weight[train]
    if rows.task == "regression":
        level = np.array([np.average(target, weights=weight)])
    else:
        k = max(data.classes, 2)
        counts = np.bincount(target.astype(np.int64), weight, k) + 0.5
        logs = np.log(counts / counts.sum())
        level = logs if data.classes > 1 else np.array([logs[1] - logs[0]])
    return np.tile(level, (len(rows), 1))
