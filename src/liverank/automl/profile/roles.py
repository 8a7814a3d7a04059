"""Reads the columns with a role (target, time, group, weight, split) as arrays, and splits rows.

Invariant: all arrays have one entry for each row with a known target; a value that a role cannot
take is an error that names the column and the row.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.data.splits import (
    HOLDOUT,
    LEFT_OUT,
    TRAIN,
    VALIDATION,
    Split,
    split_at_random,
    split_by_column,
    split_by_time,
)
from liverank.automl.profile.profile import TableProfile
from liverank.automl.profile.task import read_target
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, level_of

PARTS = {
    TRAIN: ("train", "training", "fit"),
    VALIDATION: ("validate", "validation", "valid", "val", "dev", "choose"),
    HOLDOUT: ("test", "testing", "holdout", "judge"),
    LEFT_OUT: ("unassigned", "none", "ignore"),
}
"""Values of a split column, in upper or lower case; an empty value leaves the row out."""

_MOST_LOST = 0.2
"""Share of the rows that groups may lose at the cuts of a time that the user did not name."""


@dataclass(frozen=True, eq=False)
class RoleArrays:
    """Arrays of n rows; None where no column has the role."""

    target: NDArray[np.float64]
    """float64[n]: the class number, or the value."""
    at_ms: NDArray[np.float64] | None
    """float64[n]: Unix milliseconds, NaN where unknown; or the rows' numbers, if ``in_order``."""
    groups: NDArray[np.int64] | None
    weight: NDArray[np.float64] | None
    parts: NDArray[np.int8] | None
    """int8[n]: TRAIN, VALIDATION, HOLDOUT or LEFT_OUT of ``liverank.automl.data.splits``."""
    in_order: bool = False
    """Whether rows are in the order of time, and ``at_ms`` are their numbers."""


def read_roles(
    table: pl.DataFrame, profile: TableProfile, target: NDArray[np.float64] | None = None
) -> tuple[pl.DataFrame, RoleArrays]:
    """The rows with a known target, and the arrays of their roles.

    ``target`` is the table's target where it was read before. A row without a group is a group by
    itself. Raises TrainingError for a weight that is not a number of at least 0, and for an unknown
    value in a split column.

    >>> from liverank.automl.profile.profile import profile_table
    >>> from liverank.automl.profile.table_roles import TableRoles
    >>> table = pl.DataFrame({"x": range(40), "won": [0, 1, None, 1] * 10, "w": [2] * 40})
    >>> profile = profile_table(table, TableRoles(target="won", weight="w", types={"x": "number"}))
    >>> rows, roles = read_roles(table, profile)
    >>> rows.height, roles.target[:3].tolist(), roles.weight[:2].tolist()
    (30, [0.0, 1.0, 1.0], [2.0, 2.0])
    """
    if target is None:
        target = read_target(table[profile.target.name], profile.target)
    known = ~np.isnan(target)
    rows = table if known.all() else table.filter(pl.Series(known))
    at_ms = None if profile.time is None else _times(rows, profile)
    return rows, RoleArrays(
        target=target[known],
        at_ms=np.arange(float(rows.height)) if profile.chronological else at_ms,
        groups=None if profile.group is None else _groups(rows[profile.group]),
        weight=None if profile.weight is None else _weights(rows[profile.weight]),
        parts=None if profile.split is None else _parts(rows[profile.split]),
        in_order=profile.chronological,
    )


def split_rows(
    roles: RoleArrays,
    *,
    seed: int,
    gap_ms: float = 0.0,
    validation: float = 0.2,
    time_is_given: bool = True,
) -> tuple[Split, str]:
    """The split: by the split column, else by time, else at random; and the reason, as text.

    ``gap_ms`` is how long labels take to become known; ``validation`` is the share of rows in the
    validation and holdout blocks together. Where the user did not name the time and groups would
    lose many rows at its cuts, the split is at random. Raises TrainingError when a block would be
    empty, or a gap or groups would leave too little of it.

    >>> target = np.arange(40.0) % 2
    >>> roles = RoleArrays(target=target, at_ms=None, groups=None, weight=None, parts=None)
    >>> split_rows(roles, seed=0)[1]
    'at random, with the same mix of targets in each block, because no column gives a time'
    """
    if roles.parts is not None:
        return split_by_column(roles.parts), "by the split column"
    why = "no column gives a time"
    if roles.at_ms is not None and _n_distinct_times(roles.at_ms) < 3:
        why = "the time column holds fewer than 3 different times"
    elif roles.at_ms is not None:
        try:
            split = split_by_time(
                roles.at_ms, groups=roles.groups, gap_ms=gap_ms, validation=validation
            )
            split.rows_left.check_enough(gap_ms=gap_ms, validation=validation)
        except TrainingError:
            if time_is_given or roles.groups is None:
                raise
            split = None
        if split is not None and (time_is_given or split.rows_left.share_lost <= _MOST_LOST):
            return split, _why_in_order(split, roles)
        why = "groups continue after any cut in time (leave --group out to split by time)"
    split = split_at_random(roles.target, seed=seed, groups=roles.groups, validation=validation)
    kept = "" if roles.groups is None else "groups kept whole, "
    return split, f"at random, {kept}with the same mix of targets in each block, because {why}"


def _why_in_order(split: Split, roles: RoleArrays) -> str:
    by = "the order of the rows" if roles.in_order else "time"
    why = f"by {by}: the oldest rows train, newer ones validate, the newest are the holdout"
    others = split.left_out - split.in_gap - split.of_groups
    parts = [
        f"{n:,} rows {which}"
        for n, which in (
            (split.in_gap, "in the gap"),
            (split.of_groups, "of groups that continue after a cut"),
            (others, "without a time"),
        )
        if n
    ]
    return f"{why}; {', '.join(parts)} are left out" if parts else why


def _n_distinct_times(at_ms: NDArray[np.float64]) -> int:
    return len(np.unique(at_ms[~np.isnan(at_ms)]))


def _times(rows: pl.DataFrame, profile: TableProfile) -> NDArray[np.float64]:
    form = next(c.form for c in profile.columns if c.form.name == profile.time)
    return read_column(rows[form.name], form)


def _groups(column: pl.Series) -> NDArray[np.int64]:
    codes, distinct = distinct_codes(column)
    alone = column.is_null().to_numpy()
    codes[alone] = len(distinct) + np.arange(alone.sum())
    return codes


def _weights(column: pl.Series) -> NDArray[np.float64]:
    weights = read_column(column, Input(name=column.name, type="number"))
    wrong = np.flatnonzero(~(weights >= 0))
    if len(wrong) or not weights.any():
        what = f"row {wrong[0] + 1} holds {column[int(wrong[0])]!r}" if len(wrong) else "all are 0"
        raise TrainingError(
            f"weight column `{column.name}`: {what}; each row needs a number of at least 0, "
            "and one or more above 0"
        )
    return weights


def _parts(column: pl.Series) -> NDArray[np.int8]:
    known = {word: part for part, words in PARTS.items() for word in words}
    codes, distinct = distinct_codes(column)
    parts = []
    for value in distinct:
        level = level_of(value)
        part = LEFT_OUT if level is None else known.get(level.lower())
        if part is None:
            raise TrainingError(
                f'split column `{column.name}` holds "{level}"; expected TRAIN, VALIDATE or TEST, '
                "or an empty value to leave the row out"
            )
        parts.append(part)
    return np.array(parts, np.int8)[codes]
