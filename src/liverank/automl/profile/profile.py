"""What a table holds: the type of each column, what it is for, and the task its target sets.

Found by looking, and each finding with its reason; every one of them can be overridden.
Invariant: no time column is used that was neither named nor beyond doubt, and the profile says
which was taken and why, or which could be.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.data.matrix import Task
from liverank.automl.profile.association import indicators
from liverank.automl.profile.column_types import InferredType, infer_type
from liverank.automl.profile.numeric_ids import as_levels
from liverank.automl.profile.task import Target, find_target, read_target
from liverank.errors import TrainingError
from liverank.models.encoder.columns import ColumnType, Input

Role: TypeAlias = Literal["feature", "target", "time", "group", "weight", "split", "unused"]

LOOKED_AT = 100_000
"""Rows that are looked at, spread over the table, to tell types."""

_EVENT_TIME = re.compile(
    r"^(time|timestamp|ts|date|datetime|at|at_ms|day|dteday|when|event_?(time|date|at)|"
    r"(request|impression|click|order|transaction|log|served)_?(time|date|at|timestamp|ts)|"
    r"created(_at)?)$"
)


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its form, what it is for, and what was seen."""

    form: Input
    role: Role
    reason: str
    """Why this type, or why it is not used."""
    missing: int
    distinct: int
    """Distinct values among the rows looked at."""
    oddity: str | None = None


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a table before anything is learned."""

    rows: int
    target: Target
    columns: tuple[ColumnProfile, ...]
    time: str | None
    group: str | None
    weight: str | None
    split: str | None
    notes: tuple[str, ...]
    """For the report: which time was taken or could be, oddities, columns left out."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns that features are made of; that of the time is one of them."""
        return tuple(c.form for c in self.columns if c.role in ("feature", "time"))

    def __getitem__(self, name: str) -> ColumnProfile:
        return next(column for column in self.columns if column.form.name == name)


def profile_table(
    table: pl.DataFrame,
    *,
    target: str,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    split: str | None = None,
    types: Mapping[str, ColumnType] | None = None,
    task: Task | None = None,
) -> TableProfile:
    """Look at a table. Raises TrainingError when a name is unknown or nothing can be learned.

    >>> table = pl.DataFrame({"age": range(40), "city": ["Ulm", "Bonn"] * 20, "won": [0, 1] * 20})
    >>> profile = profile_table(table, target="won", types={"age": "number"})
    >>> profile.target.task, [(form.name, form.type) for form in profile.inputs]
    ('binary', [('age', 'number'), ('city', 'category')])
    """
    roles: dict[str, Role] = _roles(target, time, group, weight, split)
    wanted = dict(types or {})
    _check_names(table, [*roles, *wanted])
    _check_types(wanted)
    found = find_target(table[target], task)
    known = table.filter(pl.Series(~np.isnan(read_target(table[target], found))))
    sample = known.gather_every(max(known.height // LOOKED_AT, 1))
    values = indicators(read_target(sample[target], found), len(found.classes))
    columns = []
    for name in table.columns:
        role = roles.get(name, "feature")
        forced = "time" if role == "time" else wanted.get(name)
        column = _profile_column(sample[name], table[name], role, forced, values)
        columns.append(column)
    notes = [f"column `{c.form.name}`: {c.oddity}" for c in columns if c.oddity]
    if found.rows < table.height:
        notes.append(f"{table.height - found.rows} rows without a target are left out")
    if time is None and split is None:
        time, columns, said = _find_time(columns, sample)
        notes += said
    elif time is not None:
        _check_time(sample[time], next(c.form for c in columns if c.form.name == time))
    if not any(column.role in ("feature", "time") for column in columns):
        raise TrainingError(
            f"no column can tell anything of target `{target}`: "
            + (
                "; ".join(f"`{c.form.name}`: {c.reason}" for c in columns if c.role == "unused")
                or "there is no other; add columns that are known before it is"
            )
        )
    return TableProfile(
        rows=table.height,
        target=found,
        columns=tuple(columns),
        time=time,
        group=group,
        weight=weight,
        split=split,
        notes=tuple(notes),
    )


def _roles(
    target: str, time: str | None, group: str | None, weight: str | None, split: str | None
) -> dict[str, Role]:
    given: tuple[tuple[Role, str | None], ...] = (
        ("target", target),
        ("time", time),
        ("group", group),
        ("weight", weight),
        ("split", split),
    )
    roles: dict[str, Role] = {}
    for role, name in given:
        if name is not None:
            if name in roles:
                raise TrainingError(
                    f"column `{name}` is named as {roles[name]} and as {role}; it can be one"
                )
            roles[name] = role
    return roles


def _check_names(table: pl.DataFrame, names: list[str]) -> None:
    for name in names:
        if name not in table.columns:
            near = difflib.get_close_matches(name, table.columns, n=3)
            hint = (
                f"did you mean {' or '.join(f'`{n}`' for n in near)}?"
                if near
                else "it has " + (", ".join(f"`{n}`" for n in table.columns[:20]))
            )
            raise TrainingError(f"the table has no column `{name}`; {hint}")


def _check_types(types: Mapping[str, ColumnType]) -> None:
    for name, given in types.items():
        if given not in get_args(ColumnType):
            raise TrainingError(
                f"column `{name}` is given the type `{given}`; "
                f"expected one of {', '.join(get_args(ColumnType))}"
            )


def _profile_column(
    sample: pl.Series,
    whole: pl.Series,
    role: Role,
    wanted: ColumnType | None,
    target: NDArray[np.float64],
) -> ColumnProfile:
    name = sample.name
    look = infer_type(sample, wanted)
    if look is None:
        form, reason = (
            Input(name=name, type="text"),
            f"no model reads values of type {sample.dtype}",
        )
        unused: Role = "unused" if role == "feature" else role
        return ColumnProfile(
            form=form, role=unused, reason=reason, missing=whole.null_count(), distinct=0
        )
    nested = sample.dtype.is_nested()
    distinct = len(set(map(str, sample.drop_nulls()))) if nested else sample.drop_nulls().n_unique()
    if role == "feature" and wanted is None:
        why = _useless(look, sample, whole, distinct)
        if why is None:
            look = as_levels(look, sample, distinct, target) or look
        else:
            look, role = look._replace(reason=why), "unused"
    return ColumnProfile(
        form=look.form,
        role=role,
        reason=look.reason,
        missing=whole.null_count(),
        distinct=distinct,
        oddity=look.oddity,
    )


def _useless(look: InferredType, sample: pl.Series, whole: pl.Series, distinct: int) -> str | None:
    """Why a column cannot help; None where it might."""
    if distinct == 0 and whole.null_count() == len(whole):
        return "it has no values"
    if distinct <= 1 and not whole.dtype.is_nested() and whole.drop_nulls().n_unique() <= 1:
        return "one value in all rows" if whole.null_count() == 0 else None
    present = len(sample) - sample.null_count()
    if look.form.type == "category" and distinct == present > 1:
        return "every value is different: it could only be memorised"
    if look.form.type == "number" and distinct == present == len(sample) and len(sample) > 20:
        numbers = sample.cast(pl.Float64, strict=False)
        low, high = numbers.min(), numbers.max()
        if isinstance(low, float) and isinstance(high, float) and len(sample) == len(whole):
            is_whole = bool((numbers == numbers.floor()).all())
            if is_whole and high - low == len(sample) - 1:
                return "the numbers of the rows, each once: it could only be memorised"
    return None


def _find_time(
    columns: list[ColumnProfile], sample: pl.DataFrame
) -> tuple[str | None, list[ColumnProfile], list[str]]:
    """The time that rows are of, if there is one and it is beyond doubt; and what to say of it."""
    times = [c for c in columns if c.form.type == "time" and c.role == "feature"]
    names = ", ".join(f"`{c.form.name}`" for c in times)
    if not times:
        return None, columns, []
    (first, *others) = times
    why = "" if others else _event_time(first, sample)
    if not why:
        many = f"columns {names} look like times" if others else f"column {names} looks like a time"
        return (
            None,
            columns,
            [
                f"{many}, and it is not certain that rows happen then: rows are split at random; "
                f"name one (--time {first.form.name}) to split by time"
            ],
        )
    taken = [msgspec.structs.replace(c, role="time") if c is first else c for c in columns]
    note = f"column {names} is the time of the rows ({why}): they are split by it"
    return first.form.name, taken, [note]


def _event_time(column: ColumnProfile, sample: pl.DataFrame) -> str:
    """Why a column is beyond doubt the time that rows happen, or an empty text."""
    if column.missing or column.distinct < 10:
        return ""
    moments = read_column(sample[column.form.name], column.form)
    if (np.diff(moments) >= 0).all() or (np.diff(moments) <= 0).all():
        return "it is the only one, and the rows are in its order"
    if _EVENT_TIME.match(column.form.name.lower()):
        return "it is the only one, and its name says so"
    return ""


def _check_time(sample: pl.Series, form: Input) -> None:
    unread = float(np.isnan(read_column(sample, form)).mean())
    if unread > 0.5:
        example = next(iter(sample.drop_nulls().cast(pl.String).to_list()), "")
        raise TrainingError(
            f'time column `{form.name}` holds "{example}", and {unread:.0%} of it are no times; '
            "write ISO 8601 (2026-11-23T10:00:00Z), or Unix seconds or milliseconds"
        )
