"""Profile of a table: the type and the role of each column, and the task that its target sets.

All of it is inferred from the values, comes with a reason, and can be overridden.
Invariant: no time column is used that was neither named nor beyond doubt, and the profile names the
column that was used and why, or the columns that could be.
"""

import difflib
import re

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.data.unread_values import unread_share
from liverank.automl.profile.association import indicators
from liverank.automl.profile.column_types import infer_type
from liverank.automl.profile.extreme_values import as_wide, without_placeholders
from liverank.automl.profile.given_types import GivenType, given_types
from liverank.automl.profile.numeric_ids import ColumnEncoding, id_encoding
from liverank.automl.profile.table_roles import Role, TableRoles
from liverank.automl.profile.task import Target, infer_target
from liverank.automl.profile.useless_columns import left_out_notes, why_useless
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input

SAMPLE_ROWS = 100_000
"""Rows, spread over the table, from which types are inferred."""

_EVENT_TIME = re.compile(
    r"^(time|timestamp|ts|date|datetime|at|at_ms|day|dteday|when|event_?(time|date|at)|"
    r"(request|impression|click|order|transaction|log|served)_?(time|date|at|timestamp|ts)|"
    r"created(_at)?)$"
)
"""Names of columns that hold the time of the row's event."""

_NO_MODEL = "no model reads"
SPLIT_BY_IT = ": rows are split by it"
"""End of the note about a time that the user did not name."""


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its type, its role, and counts of its values."""

    form: Input
    role: Role
    reason: str
    """Why the column has this type, or why it is not used."""
    missing: int
    distinct: int
    """Distinct values in the sample."""
    oddity: str | None = None
    unread: float | None = None
    """Share of the sample's values that the type cannot read; None where that was not counted."""
    encoding: ColumnEncoding | None = None
    """How an id is encoded; None for columns that have one encoding."""

    @property
    def is_useless(self) -> bool:
        """Whether it is left out because of its values, and not of its data type."""
        return self.role == "unused" and not self.reason.startswith(_NO_MODEL)


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What is inferred from a table before any model is trained."""

    rows: int
    target: Target
    columns: tuple[ColumnProfile, ...]
    time: str | None
    group: str | None
    weight: str | None
    split: str | None
    notes: tuple[str, ...]
    """For the report: the time column used or possible, odd values, rows left out."""
    chronological: bool = False
    """Whether rows are in the order of time, the oldest first, without a column that has it."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns that features are made from, the time column among them."""
        return tuple(c.form for c in self.columns if c.role in ("feature", "time"))

    @property
    def encodings(self) -> dict[str, ColumnEncoding]:
        """How the columns are encoded that may be encoded in several ways."""
        return {c.form.name: c.encoding for c in self.columns if c.encoding is not None}

    def __getitem__(self, name: str) -> ColumnProfile:
        return next(column for column in self.columns if column.form.name == name)


def profile_table(table: pl.DataFrame, roles: TableRoles) -> TableProfile:
    """Profile a table. Raises TrainingError for an unknown name, or if nothing can be learned.

    >>> table = pl.DataFrame({"age": range(40), "city": ["Ulm", "Bonn"] * 20, "won": [0, 1] * 20})
    >>> profile = profile_table(table, TableRoles(target="won", types={"age": "number"}))
    >>> profile.target.task, [(form.name, form.type) for form in profile.inputs]
    ('binary', [('age', 'number'), ('city', 'category')])
    """
    return profile_with_target(table, roles)[0]


def profile_with_target(
    table: pl.DataFrame, roles: TableRoles
) -> tuple[TableProfile, NDArray[np.float64]]:
    """The profile, and the target of all rows, which it had to read: float64[n], NaN if unknown."""
    role_of = roles.by_column()
    _check_order(roles)
    _check_names(table, [*role_of, *roles.types])
    types = given_types(roles.types, roles.time, roles.time_format)
    target, values = infer_target(table[roles.target], roles.task, roles.positive)
    known = ~np.isnan(values)
    with_target = table.filter(pl.Series(known))
    step = max(with_target.height // SAMPLE_ROWS, 1)
    sample = with_target.gather_every(step)
    hits = indicators(values[known][::step], len(target.classes))
    columns = []
    for name in table.columns:
        role = role_of.get(name, "feature")
        columns.append(_profile_column(sample[name], table[name], role, types.get(name), hits))
    notes = [f"column `{c.form.name}`: {c.oddity}" for c in columns if c.oddity]
    notes += left_out_notes((c.form.name, c.reason) for c in columns if c.is_useless)
    notes += [target.note] if target.note else []
    if target.rows < table.height:
        notes.append(f"{table.height - target.rows} rows without a target are left out")
    time = roles.time
    if time is None and roles.split is None and not roles.chronological:
        time, columns, time_notes = _find_time(columns, sample)
        notes += time_notes
    elif time is not None:
        _check_time(sample[time], next(c.form for c in columns if c.form.name == time))
    _check_inputs(roles.target, columns)
    profile = TableProfile(
        rows=table.height,
        target=target,
        columns=tuple(columns),
        time=time,
        group=roles.group,
        weight=roles.weight,
        split=roles.split,
        notes=tuple(notes),
        chronological=roles.chronological,
    )
    return profile, values


def _check_order(roles: TableRoles) -> None:
    given = "time" if roles.time is not None else "split" if roles.split is not None else None
    if roles.chronological and given is not None:
        raise TrainingError(
            f"`chronological` is given, and a {given} column is named too; "
            "both say how rows are split: give one of them"
        )


def _check_inputs(target: str, columns: list[ColumnProfile]) -> None:
    if any(column.role in ("feature", "time") for column in columns):
        return
    unused = "; ".join(f"`{c.form.name}`: {c.reason}" for c in columns if c.role == "unused")
    raise TrainingError(
        f"no column can predict target `{target}`: "
        + (unused or "there is no other column; add columns that are known before the target is")
    )


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


def _profile_column(
    sample: pl.Series,
    whole: pl.Series,
    role: Role,
    given: GivenType | None,
    target: NDArray[np.float64],
) -> ColumnProfile:
    """The profile of one column; ``given`` is the type that the user set, if any.

    ``target`` is float64[n_sample, k], the sample's target.
    """
    name = sample.name
    inferred = infer_type(sample, given)
    if inferred is None:
        return ColumnProfile(
            form=Input(name=name, type="text"),
            role="unused" if role == "feature" else role,
            reason=f"{_NO_MODEL} values of type {sample.dtype}",
            missing=whole.null_count(),
            distinct=0,
            oddity=None if role != "feature" or sample.dtype == pl.Null else _left_out(sample),
        )
    if given is None or role == "time":
        inferred = without_placeholders(inferred, sample)
    if role == "feature":
        inferred = as_wide(inferred, whole if whole.dtype.is_float() else sample)
    nested = sample.dtype.is_nested()
    distinct = len(set(map(str, sample.drop_nulls()))) if nested else sample.drop_nulls().n_unique()
    encoding: ColumnEncoding | None = None
    if role == "feature" and given is None:
        id_ = id_encoding(inferred, sample, target)
        has_order = inferred.form.type == "category" and id_ and id_.encoding != "levels"
        why = None if has_order else why_useless(inferred, sample, whole, distinct)
        if why is not None:
            inferred, role = inferred._replace(reason=why), "unused"
        elif id_ is not None:
            inferred, encoding = inferred._replace(reason=id_.reason), id_.encoding
    return ColumnProfile(
        form=inferred.form,
        role=role,
        reason=inferred.reason,
        missing=whole.null_count(),
        distinct=distinct,
        oddity=None if role == "target" else inferred.oddity,
        unread=_unread(sample, inferred.form),
        encoding=encoding,
    )


def _left_out(sample: pl.Series) -> str:
    return (
        f"left out, since no model reads values of type {str(sample.dtype)[:60]}; write them as "
        "numbers or texts, a column each"
    )


def _unread(sample: pl.Series, form: Input) -> float | None:
    if form.type not in ("number", "boolean", "time"):
        return None
    return unread_share(sample, read_column(sample, form))


def _find_time(
    columns: list[ColumnProfile], sample: pl.DataFrame
) -> tuple[str | None, list[ColumnProfile], list[str]]:
    """The time column if one is beyond doubt, the columns with that role set, and notes."""
    times = [c for c in columns if c.form.type == "time" and c.role == "feature"]
    names = ", ".join(f"`{c.form.name}`" for c in times)
    if not times:
        return None, columns, []
    (first, *others) = times
    why = "" if others else _event_time(first, sample)
    if not why:
        many = f"columns {names} look like times" if others else f"column {names} looks like a time"
        note = (
            f"{many}, and it is not certain that it is the time of the row's event: rows are split "
            f"at random; name one (--time {first.form.name}) to split by time"
        )
        return None, columns, [note]
    taken = [msgspec.structs.replace(c, role="time") if c is first else c for c in columns]
    note = f"column {names} is the time of the rows ({why}){SPLIT_BY_IT}"
    return first.form.name, taken, [note]


def _event_time(column: ColumnProfile, sample: pl.DataFrame) -> str:
    """Why a column is beyond doubt the time of the row's event; empty where it is not."""
    if column.missing or column.distinct < 10:
        return ""
    times = read_column(sample[column.form.name], column.form)
    if np.isnan(times).any():
        return ""
    if (np.diff(times) >= 0).all() or (np.diff(times) <= 0).all():
        return "it is the only time, and the rows are in its order"
    if _EVENT_TIME.match(column.form.name.lower()):
        return "it is the only time, and has the name of an event's time"
    return ""


def _check_time(sample: pl.Series, form: Input) -> None:
    unread = float(np.isnan(read_column(sample, form)).mean())
    if unread > 0.5:
        example = next(iter(sample.drop_nulls().cast(pl.String).to_list()), "")
        raise TrainingError(
            f'time column `{form.name}` holds "{example}", and {unread:.0%} of its '
            "values are not times; give their form (--time-format '%d/%m/%y %H:%M'), or write ISO "
            "8601 (2026-11-23T10:00:00Z), or Unix seconds or milliseconds"
        )
