"""Prepares a table for the search: profile, split, leakage checks and feature crosses.

Invariant: nothing is learned from the rows that the split holds out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import polars as pl

from liverank.automl.budget import Deadline
from liverank.automl.data.columns import read_columns
from liverank.automl.data.splits import Split
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.drift.study import study_drift
from liverank.automl.evaluation.eval_rows import LINKS
from liverank.automl.evaluation.recency import Recency
from liverank.automl.evaluation.subsampling import rows_in_time
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.metrics.objective import Objective, find_objective, searchable
from liverank.automl.options import SearchOptions
from liverank.automl.preprocessing.encoder import FeatureCross, take_rows
from liverank.automl.profile.block_warnings import block_warnings, counted_target
from liverank.automl.profile.leakage import Leak, find_leaks
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.automl.profile.profile import SPLIT_BY_IT, TableProfile, profile_with_target
from liverank.automl.profile.roles import RoleArrays, read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.search.cross_selection import find_feature_crosses, from_record
from liverank.automl.search.encoding_selection import choose_encodings, with_encodings
from liverank.automl.table_budget import TableBudget
from liverank.automl.trials.drift_policy import DriftPolicy
from liverank.automl.trials.plan import Plan, PlannedTable
from liverank.dataset.sampling import evenly_spread_rows
from liverank.errors import TrainingError

MOST_LEAK_ROWS = 500_000
"""Number of rows above which leakage is looked for in fewer, evenly spread ones."""
_LEAK_SAMPLE = 50_000


@dataclass(frozen=True, eq=False)
class PreparedTable:
    """A table that is split and ready to be searched on."""

    profile: TableProfile
    data: TableData
    why: str
    """The reason for the kind of split."""
    leaks: tuple[Leak, ...]
    used: int | None
    """Number of rows used, where there was no time for all; None for all."""
    warnings: tuple[str, ...] = ()
    """What the blocks of the split do not show."""
    drift: DriftPolicy | None = None
    """How the table changes with time; None where that was not measured."""


def prepare_table(
    frame: pl.DataFrame,
    table_roles: TableRoles,
    options: SearchOptions,
    objective: str | None,
    deadline: Deadline,
) -> PreparedTable:
    """Profile, thin and split a table; find leakage and feature crosses. Raises TrainingError."""
    plan = options.plan
    profile, target = profile_with_target(frame, table_roles)
    planned = _planned_warnings(plan, profile)
    used = rows_in_time(frame, profile, deadline) if plan is None else plan.rows
    if used is not None:
        kept = evenly_spread_rows(frame.height, used)
        frame, target = frame[kept], target[kept]
    rows, roles = read_roles(frame, profile, target)
    wanted = find_objective(objective, profile.target.task)
    _check_target(roles, wanted, profile.target.name)
    split, why = _split(roles, table_roles, options)
    if split.kind != "chronological":
        notes = tuple(note.removesuffix(SPLIT_BY_IT) for note in profile.notes)
        profile = msgspec.structs.replace(profile, notes=notes)
    warnings = planned + block_warnings(roles, profile, split)
    searched = searchable(wanted, counted_target(roles, split.validation))
    if searched != wanted:
        warnings += (
            f"objective {wanted.name} says nothing where the target is the same in all "
            f"{len(split.validation):,} validation rows; models are chosen by {searched.name}",
        )
    data = _table_data(rows, roles, profile, split, searched, options)
    leaks = _leaks(data, profile.encodings)
    data = replace(data, encodings=_encodings(data, profile, plan, deadline))
    profile = with_encodings(profile, data.encodings)
    drift = _drift(data, plan, deadline)
    if drift is not None:
        data = _as_drift_asks(data, drift)
    crosses = _crosses(data, plan, deadline)
    data = replace(data, feature_crosses=crosses)
    return PreparedTable(profile, data, why, leaks, used, warnings, drift)


def planned_table(profile: TableProfile) -> PlannedTable:
    """What a plan records of the table that it is for."""
    return PlannedTable(
        target=profile.target.name,
        task=profile.target.task,
        rows=profile.rows,
        columns=tuple(column.form.name for column in profile.columns),
    )


def _planned_warnings(plan: Plan | None, profile: TableProfile) -> tuple[str, ...]:
    """A warning where a plan is run on other rows of its table. Raises TrainingError for another.

    A plan that does not record its table is run on any.
    """
    if plan is None or plan.table is None:
        return ()
    then, now = plan.table, planned_table(profile)
    if (then.target, then.task) != (now.target, now.task):
        raise TrainingError(
            f"the plan is of another table: its target is `{then.target}` ({then.task}), here it "
            f"is `{now.target}` ({now.task}); search again without the plan"
        )
    for names, other, what in (
        (then.columns, now.columns, "this one has no column"),
        (now.columns, then.columns, "that one had no column"),
    ):
        if absent := sorted(set(names) - set(other)):
            raise TrainingError(
                f"the plan is of another table: {what} `{absent[0]}`; search again without the plan"
            )
    if then.rows == now.rows:
        return ()
    return (
        f"the plan is of a table of {then.rows:,} rows, and this one has {now.rows:,}: what it "
        "tries was chosen for the other rows",
    )


def _drift(data: TableData, plan: Plan | None, deadline: Deadline) -> DriftPolicy | None:
    """How the table changes with time. Raises TrainingError for a plan of rows split otherwise."""
    if plan is None:
        return study_drift(data, deadline)
    if plan.drift is not None and data.split.kind != "chronological":
        raise TrainingError(
            "the plan is of rows split by time, and these are not: name the --time, or give "
            "--chronological, as in the search that made the plan; or search again without it"
        )
    return plan.drift


def _as_drift_asks(data: TableData, drift: DriftPolicy) -> TableData:
    """The rows of the past that train models, their weights, and the columns that are read."""
    return replace(
        data,
        inputs=tuple(form for form in data.inputs if form.name not in drift.left_out),
        recency=Recency(history=drift.history, half_life=drift.half_life),
        time_as_number=drift.time_as_number,
    )


def _encodings(
    data: TableData, profile: TableProfile, plan: Plan | None, deadline: Deadline
) -> Mapping[str, ColumnEncoding]:
    if plan is None:
        return choose_encodings(data, profile.encodings, TableBudget.encodings(deadline))
    _check_names(plan.encodings, data)
    return plan.encodings


def _crosses(data: TableData, plan: Plan | None, deadline: Deadline) -> tuple[FeatureCross, ...]:
    if plan is not None:
        _check_names((name for made in plan.extras for name in made.columns), data)
        return from_record(plan.extras)
    return find_feature_crosses(data, TableBudget.crosses(deadline))


def _check_names(names: Iterable[str], data: TableData) -> None:
    """Raise TrainingError where a plan names a column that the table lacks."""
    absent = set(names) - {form.name for form in data.inputs}
    if absent:
        raise TrainingError(f"the plan is of another table: this one has no column `{min(absent)}`")


def _check_target(roles: RoleArrays, objective: Objective, name: str) -> None:
    if objective.name == "rmsle" and (roles.target < 0).any():
        raise TrainingError(
            f"target `{name}` goes down to {roles.target.min():g}, and rmsle needs numbers of at "
            "least 0; choose rmse or mae"
        )


def _table_data(
    rows: pl.DataFrame,
    roles: RoleArrays,
    profile: TableProfile,
    split: Split,
    objective: Objective,
    options: SearchOptions,
) -> TableData:
    in_time = split.kind == "chronological"
    return TableData(
        columns=read_columns(rows, profile.inputs),
        inputs=profile.inputs,
        target=roles.target,
        classes=profile.target.n_margins,
        objective=objective,
        link="expm1" if objective.name == "rmsle" else LINKS[profile.target.task],
        split=split,
        at_ms=roles.at_ms if in_time else None,
        groups=roles.groups,
        weight=roles.weight,
        gap_ms=options.gap_ms,
        time=profile.time if in_time else None,
        seed=options.seed,
        class_names=profile.target.classes,
        even_blocks=options.horizon is not None,
    )


def _split(roles: RoleArrays, table_roles: TableRoles, options: SearchOptions) -> tuple[Split, str]:
    """The split of the rows, and the reason for its kind."""
    if roles.in_order and options.gap_ms:
        raise TrainingError(
            "a gap is a time, and rows in order have none; name a time column, or give no gap"
        )
    return split_rows(
        roles,
        seed=options.seed,
        gap_ms=options.gap_ms,
        validation=_validation(roles, options),
        time_is_given=table_roles.time is not None or table_roles.chronological,
    )


def _validation(roles: RoleArrays, options: SearchOptions) -> float:
    """Share of the rows that is not trained on: twice the horizon, where one is given."""
    horizon = options.horizon
    if horizon is None:
        return options.validation
    if roles.at_ms is None:
        raise TrainingError(
            "a horizon was given, and rows have no time: name a time column (--time), or say that "
            "rows are in its order (--chronological)"
        )
    if horizon.unit == "ms" and roles.in_order:
        raise TrainingError(
            "the horizon is a time, and rows in order have none; give a number of rows, such as "
            "--horizon 5000"
        )
    return 2 * horizon.share(roles.at_ms)


def _leaks(data: TableData, encodings: Mapping[str, ColumnEncoding]) -> tuple[Leak, ...]:
    """Leaks of the columns; those of numbers that may be encoded by their levels as of levels."""
    by_level = {name for name, encoding in encodings.items() if encoding != "number"}
    split = data.split
    blocks = [split.train, split.validation, split.holdout]
    if len(data.target) > MOST_LEAK_ROWS:
        share = _LEAK_SAMPLE / len(data.target)
        blocks = [
            rows[evenly_spread_rows(len(rows), int(len(rows) * share) + 1)] for rows in blocks
        ]
    rows = np.concatenate(blocks)
    ends = np.cumsum([len(block) for block in blocks])
    train, validation, holdout = np.split(np.arange(len(rows)), ends[:2])
    return find_leaks(
        take_rows(data.columns, rows),
        [
            msgspec.structs.replace(form, type="category") if form.name in by_level else form
            for form in data.inputs
        ],
        TrainingTarget(
            data.target[rows],
            data.classes,
            None if data.at_ms is None else data.at_ms[rows],
            groups=None if data.groups is None else data.groups[rows],
        ),
        Split(split.kind, train, validation, holdout, left_out=0),
        task=data.objective.task,
        time=data.time,
    )
