"""Finds a model for any table automatically, within a time budget.

    table -> profile -> split -> folds -> timing runs -> search -> ensemble -> deployed model
          -> calibration -> training again on all rows -> predictor, report

Invariant: models are chosen only on rows that they were not trained on; running a recorded plan
again with the same seed gives the same bytes.
"""

import time as time_module
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from liverank.automl.budget import Clock, StopToken
from liverank.automl.data.horizon import read_horizon
from liverank.automl.data.matrix import Task
from liverank.automl.data.nested_columns import taken_apart
from liverank.automl.data.read_table import read_file
from liverank.automl.data.table_input import TableInput, frame_of
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.options import SERVING_US, SearchOptions
from liverank.automl.pack import file_sha256
from liverank.automl.pipeline import find_model
from liverank.automl.preprocessing.encoder import take_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import PositiveClass
from liverank.automl.report.build_table import TableRun, write_report
from liverank.automl.report.reports import TableReport
from liverank.automl.report.test_table import check_test, overlap_warnings, score_test
from liverank.automl.result import Result
from liverank.automl.search.cross_selection import recorded
from liverank.automl.search.search import OnTrial
from liverank.automl.table_budget import TableBudget
from liverank.automl.table_evaluation import column_importance, measure_intervals, table_drift
from liverank.automl.table_preparation import PreparedTable, planned_table, prepare_table
from liverank.automl.trials.plan import Plan, Trial
from liverank.automl.trials.policy import SearchPolicy
from liverank.dataset.sampling import evenly_spread_rows
from liverank.models.encoder.columns import Columns
from liverank.tables.table_file import TableFile

_POLICY = SearchPolicy(time_trials=True)
_GOLDEN_ROWS = 20
_WARM = Plan(
    seed=0,
    n_threads=1,
    folds=1,
    timings={},
    trials=(Trial(family="linear", name="warm", params={"heaviest": 10.0}, seed=0, rounds=(1,)),),
    finished=True,
)
"""A plan of one quick trial."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Where a table came from, as named in its report.

    ``sha256`` and ``size_mb`` are of the file; ``command`` is the command line that runs the search
    again; ``notes`` and ``warnings`` are what is odd about the file.
    """

    name: str = "a table in memory"
    sha256: str | None = None
    size_mb: float | None = None
    command: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def fit(
    table: TableInput,
    *,
    target: str,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    split: str | None = None,
    types: Mapping[str, str] | None = None,
    time_format: str | None = None,
    task: Task | None = None,
    positive: PositiveClass = None,
    chronological: bool = False,
    objective: str | None = None,
    budget_s: float = 60.0,
    serving_us: float = SERVING_US,
    gap_ms: float = 0.0,
    horizon: str | int | None = None,
    validation: float = 0.2,
    seed: int = 0,
    families: Sequence[str] | None = None,
    plan: Plan | None = None,
    on_trial: OnTrial | None = None,
    clock: Clock = time_module.monotonic,
    stop: StopToken | None = None,
    memory_bytes: int | None = None,
) -> Result:
    """Find a model that predicts a column: ``search_table``, with its options as keywords.

    ``budget_s`` is wall time for everything. ``serving_us`` limits the microseconds that a row may
    take in a batch of 55 on one core. ``positive`` is the class of a binary target that AUC-PR,
    precision, recall and the predicted probability are of. ``chronological`` rows are in the
    order of time, the oldest first; ``horizon`` is how far ahead the model will be used, such as
    ``"7d"``, or a number of rows. ``plan`` is that of an earlier search, to run it again. An
    interrupt (Ctrl-C) keeps the best so far. Raises SourceError, ConfigError and TrainingError.

    Parameters: those of ``TableRoles`` and ``SearchOptions``, so that one line in a notebook is
    enough.

    >>> x = np.linspace(-3, 3, 300)
    >>> table = pl.DataFrame({"x": x, "y": np.where(np.sin(9 * x) < x, "yes", "no")})
    >>> result = fit(table, target="y", budget_s=2, families=["linear", "lightgbm"])
    >>> result.predict(pl.DataFrame({"x": [-2.9, 2.9]})).round().tolist()
    [0.0, 1.0]
    """
    options = SearchOptions(
        budget_s=budget_s,
        serving_us=serving_us,
        gap_ms=gap_ms,
        horizon=None if horizon is None else read_horizon(horizon),
        validation=validation,
        seed=seed,
        families=families,
        plan=plan,
        on_trial=on_trial,
        clock=clock,
        stop=stop or StopToken(),
        memory_bytes=memory_bytes,
    )
    roles = TableRoles(
        target=target,
        time=time,
        group=group,
        weight=weight,
        split=split,
        types=types or {},
        time_format=time_format,
        task=task,
        positive=positive,
        chronological=chronological,
    )
    return search_table(table, roles, options, objective=objective)


def search_table(
    table: TableInput,
    roles: TableRoles,
    options: SearchOptions,
    *,
    objective: str | None = None,
    source: TableSource | None = None,
    test: pl.DataFrame | None = None,
) -> Result:
    """Find a model that predicts a column of a table, and evaluate it.

    ``test`` is a table used only to evaluate the final model; ``source`` describes the table in the
    report. An interrupt (Ctrl-C) keeps the best so far. Raises SourceError and TrainingError.
    """
    budget = TableBudget.of(options, test_rows=0 if test is None else test.height)
    if source is None and isinstance(table, Path | str):
        file = TableFile(Path(table))
        frame = taken_apart(read_file(file))
        source = TableSource(
            name=str(table),
            sha256=file_sha256(file.path),
            notes=file.notes,
            warnings=file.warnings,
        )
    else:
        frame, source = taken_apart(frame_of(table)), source or TableSource()
    absent = [] if test is None else check_test(test, frame, roles.target, roles.task)
    prepared = prepare_table(frame, roles, options, objective, budget.search)
    data = prepared.data
    model = find_model(data, options, budget.search, _POLICY._replace(drift=prepared.drift))
    run = TableRun(
        profile=prepared.profile,
        table_data=data,
        why=prepared.why,
        model=model,
        leaks=prepared.leaks,
        drift=table_drift(model, budget.drift()),
        importance=column_importance(data, model, budget.importance()),
        intervals=measure_intervals(model, budget.report),
        budget_s=options.budget_s,
        serving_us=options.serving_us,
        source=source.name,
        sha256=source.sha256,
        used=prepared.used,
        checks=prepared.warnings,
        study=prepared.drift,
    )
    report = _described(write_report(run, seconds=budget.seconds()), source, options)
    plan = _with_preparation(model.plan, prepared)
    result = Result(model.final.predictor.narrow(), prepared.profile, report, plan, _golden(data))
    if test is None:
        return result
    overlaps = overlap_warnings(test, frame, data, prepared.profile)
    return _tested(result, test, absent, overlaps, budget)


def _with_preparation(plan: Plan, prepared: PreparedTable) -> Plan:
    """The plan, with the table that it is for and all that its preparation decided."""
    return msgspec.structs.replace(
        plan,
        extras=recorded(prepared.data.feature_crosses),
        encodings=dict(prepared.data.encodings),
        rows=prepared.used,
        drift=prepared.drift,
        table=planned_table(prepared.profile),
    )


def warm_up() -> None:
    """Compile the kernels that a search runs, so that a machine's first search keeps its budget."""
    x = np.linspace(-1, 1, 60)
    for y in ((x > 0) * 1.0, np.digitize(x, [-0.3, 0.3]) * 1.0, x):
        table = pl.DataFrame({"x": x, "y": y}, schema={"x": pl.Float64, "y": pl.Float64})
        task: Task = "regression" if y is x else "multiclass" if y.max() > 1 else "binary"
        fit(table, target="y", task=task, families=["linear"], plan=_WARM)


def _golden(data: TableData) -> Columns:
    """Columns of a few rows, evenly spread."""
    rows = data.all_rows[evenly_spread_rows(len(data.all_rows), _GOLDEN_ROWS)]
    return take_rows(data.columns, rows)


def _described(report: TableReport, source: TableSource, options: SearchOptions) -> TableReport:
    """The report, with the table's file described and whether the search was stopped."""
    return msgspec.structs.replace(
        report,
        asked=msgspec.structs.replace(report.asked, command=source.command),
        data=msgspec.structs.replace(report.data, size_mb=source.size_mb),
        notes=(*source.notes, *report.notes),
        warnings=(*source.warnings, *report.warnings),
        stopped="interrupted; the best so far was kept" if options.stop.stopped else report.stopped,
    )


def _tested(
    result: Result,
    test: pl.DataFrame,
    absent: list[str],
    overlaps: tuple[str, ...],
    budget: TableBudget,
) -> Result:
    """The result with the model's figures on the test table, which lacks the columns ``absent``."""
    scored = score_test(test, result.predictor, result.report, result.golden)
    encoder = result.predictor.encoder
    read = () if encoder is None else [form.name for form in encoder.inputs]
    report = msgspec.structs.replace(
        result.report,
        test=scored.figures,
        test_rows=scored.rows,
        test_unseen=scored.unseen,
        seconds=budget.seconds(),
        warnings=(
            *result.report.warnings,
            *(f"the test table: {warning}" for warning in (*scored.warnings, *overlaps)),
            *(
                f"the test table lacks column `{name}`: it is read as unknown"
                for name in absent
                if name in read
            ),
        ),
    )
    return replace(result, report=report)
