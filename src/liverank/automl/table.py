"""From any table to a model, by itself, within a time budget.

    table -> profile -> split -> folds -> pilots -> search -> blend -> served model -> calibration
          -> training again on all rows -> predictor, report

Invariant: nothing that is kept was chosen by rows it was trained on; running a recorded plan again
with the same seed gives the same bytes.
"""

import dataclasses
import time as time_module
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.budget import Clock, Deadline
from liverank.automl.data.columns import read_columns
from liverank.automl.data.matrix import Task
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.evaluation.eval_rows import LINKS
from liverank.automl.evaluation.subsampling import rows_in_time
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.metrics.bootstrap import figure_intervals
from liverank.automl.metrics.objective import find_objective
from liverank.automl.pack import file_sha256
from liverank.automl.pipeline import OnTrial, SearchResult, find_model
from liverank.automl.preprocessing.encoder import take_rows
from liverank.automl.profile.leakage import Leak, find_leaks
from liverank.automl.profile.profile import profile_with_target
from liverank.automl.profile.roles import read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.report.build_table import TableRun, write_report
from liverank.automl.report.drift import measure_drift
from liverank.automl.report.importance import permutation_importance
from liverank.automl.report.schema import Drift, Importance
from liverank.automl.result import Result, frame_of
from liverank.automl.search.cross_selection import find_feature_crosses, from_record, recorded
from liverank.automl.trials.plan import Plan, Trial
from liverank.dataset.sampling import evenly_spread_rows
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Columns, ColumnType
from liverank.models.predictor import sum_terms

SERVING_US = 20.0
"""Microseconds a row that a served model may take where nothing else is asked for."""
MOST_LEAK_ROWS = 500_000

_REPORT_SHARE = 0.06
_MOST_REPORT_S = 4.0
_EXTRAS_SHARE = 0.15
"""Of the time left that looking for features made of several columns may take."""
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


def fit(
    table: pl.DataFrame | Path | str,
    *,
    target: str,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    split: str | None = None,
    types: Mapping[str, ColumnType] | None = None,
    task: Task | None = None,
    objective: str | None = None,
    budget_s: float = 60.0,
    serving_us: float = SERVING_US,
    gap_ms: float = 0.0,
    validation: float = 0.2,
    seed: int = 0,
    families: Sequence[str] | None = None,
    plan: Plan | None = None,
    on_trial: OnTrial | None = None,
    clock: Clock = time_module.monotonic,
    memory_bytes: int | None = None,
) -> Result:
    """Find a model of a column of a table.

    ``budget_s`` is wall time, all included. ``serving_us`` is what a row may take in a batch of 55
    on one core. ``plan`` is that of an earlier search, to run again. An interrupt (Ctrl-C) keeps
    the best so far. Raises SourceError and TrainingError.

    >>> x = np.linspace(-3, 3, 300)
    >>> table = pl.DataFrame({"x": x, "y": np.where(np.sin(9 * x) < x, "yes", "no")})
    >>> result = fit(table, target="y", budget_s=2, families=["linear", "lightgbm"])
    >>> result.predict(pl.DataFrame({"x": [-2.9, 2.9]})).round().tolist()
    [0.0, 1.0]
    """
    began = clock()
    report_s = min(_REPORT_SHARE * budget_s, _MOST_REPORT_S)
    deadline = Deadline(began + 0.98 * budget_s - report_s, clock)
    frame = frame_of(table)
    sha256 = None if isinstance(table, pl.DataFrame) else file_sha256(Path(table))
    column_roles = TableRoles(
        target=target,
        time=time,
        group=group,
        weight=weight,
        split=split,
        types=types or {},
        task=task,
    )
    profile, target_values = profile_with_target(frame, column_roles)
    used = rows_in_time(frame, profile, deadline) if plan is None else plan.rows
    if used is not None:
        kept = evenly_spread_rows(frame.height, used)
        frame, target_values = frame[kept], target_values[kept]
    rows, roles = read_roles(frame, profile, target_values)
    wanted = find_objective(objective, profile.target.task)
    if wanted.name == "rmsle" and (roles.target < 0).any():
        raise TrainingError(
            f"target `{target}` goes down to {roles.target.min():g}, and rmsle needs numbers of at "
            "least 0; choose rmse or mae"
        )
    blocks, why = split_rows(roles, seed=seed, gap_ms=gap_ms, validation=validation)
    in_time = blocks.kind == "chronological"
    columns = read_columns(rows, profile.inputs)
    table_data = TableData(
        columns=columns,
        inputs=profile.inputs,
        target=roles.target,
        classes=profile.target.n_margins,
        objective=wanted,
        link="expm1" if wanted.name == "rmsle" else LINKS[profile.target.task],
        split=blocks,
        at_ms=roles.at_ms if in_time else None,
        groups=roles.groups,
        weight=roles.weight,
        gap_ms=gap_ms,
        time=profile.time if in_time else None,
        seed=seed,
        class_names=profile.target.classes,
    )
    leaks = _leaks(table_data)
    until = deadline.share(_EXTRAS_SHARE)
    crosses = find_feature_crosses(table_data, until) if plan is None else from_record(plan.extras)
    table_data = dataclasses.replace(table_data, feature_crosses=crosses)
    model = find_model(
        table_data,
        families=families,
        plan=plan,
        serving_us=serving_us,
        seed=seed,
        deadline=deadline,
        on_trial=on_trial,
        memory_bytes=memory_bytes,
    )
    report_end = Deadline(began + 0.99 * budget_s, clock)
    found = TableRun(
        profile=profile,
        table_data=table_data,
        why=why,
        model=model,
        leaks=leaks,
        drift=_drift(model, report_end.share(0.4)),
        importance=_importance(table_data, model, report_end.share(0.8)),
        intervals=_intervals(model, report_end),
        budget_s=budget_s,
        serving_us=serving_us,
        source="a table in memory" if sha256 is None else str(table),
        sha256=sha256,
        used=used,
    )
    report = write_report(found, seconds=clock() - began)
    ran = msgspec.structs.replace(model.plan, extras=recorded(crosses), rows=used)
    return Result(model.final.predictor.narrow(), profile, report, ran, _golden(table_data))


def warm_up() -> None:
    """Compile the kernels that a search runs, so that the first on a machine keeps its budget."""
    x = np.linspace(-1, 1, 60)
    for y in ((x > 0) * 1.0, np.digitize(x, [-0.3, 0.3]) * 1.0, x):
        table = pl.DataFrame({"x": x, "y": y}, schema={"x": pl.Float64, "y": pl.Float64})
        task: Task = "regression" if y is x else "multiclass" if y.max() > 1 else "binary"
        fit(table, target="y", task=task, families=["linear"], plan=_WARM)


def _golden(table_data: TableData) -> Columns:
    places = table_data.all_rows[evenly_spread_rows(len(table_data.all_rows), _GOLDEN_ROWS)]
    return take_rows(table_data.columns, places)


def _leaks(table_data: TableData) -> tuple[Leak, ...]:
    if len(table_data.target) > MOST_LEAK_ROWS:
        return ()
    return find_leaks(
        table_data.columns,
        table_data.inputs,
        TrainingTarget(table_data.target, table_data.classes, table_data.at_ms),
        table_data.split,
        task=table_data.objective.task,
        time=table_data.time,
    )


def _drift(model: SearchResult, deadline: Deadline) -> Drift | None:
    if not model.evaluation.in_time:
        return None
    return measure_drift(
        model.evaluation.folds[-1],
        seed=model.plan.seed,
        n_threads=model.plan.n_threads,
        is_logarithm=model.evaluation.validation_rows.link == "expm1",
        deadline=deadline,
    )


def _intervals(model: SearchResult, deadline: Deadline) -> dict[str, tuple[float, float]]:
    validating, margins = model.validated()
    return figure_intervals(margins, validating, seed=model.plan.seed, deadline=deadline)


def _importance(
    table_data: TableData, model: SearchResult, deadline: Deadline
) -> tuple[Importance, ...]:
    """Of the served model as it was before it saw the judging rows."""
    evaluation = model.evaluation
    encoder = evaluation.folds[-1].encoder
    assert encoder is not None

    def margins(columns: Columns) -> NDArray[np.float64]:
        raw = sum_terms(model.served.terms, encoder.transform(columns), evaluation.n_margins)
        return model.calibrated.calibrator.apply(raw)

    holdout = take_rows(table_data.columns, table_data.split.holdout)
    read = {form.name: holdout[form.name] for form in encoder.inputs}
    return permutation_importance(
        margins, read, evaluation.holdout_rows, seed=table_data.seed, deadline=deadline
    )
