"""The sample-ratio check of a table, and the parts of the units in which it fails.

Invariant: only the overall check decides whether a split is broken; parts add no false alarms.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from liverank.experiments.analysis.arms import planned_shares
from liverank.experiments.analysis.columns import labels
from liverank.experiments.analysis.spec import TableSpec
from liverank.experiments.analysis.split import Parts, Split, broken_parts, check_split
from liverank.experiments.analysis.units import Units, read_units

_MOST_PARTS = 200
_GUESSED_PARTS = 20
_GUESSED_COLUMNS = 12


def split_of(table: pl.DataFrame, units: Units, spec: TableSpec) -> Split:
    """Check the split of a table's units: overall, by day, and by level of each segment.

    If it is broken and no segment was given, columns with few distinct values are tried.
    """
    counts = dict(zip(units.arms, units.assigned.tolist(), strict=True))
    shares = planned_shares(units.arms, spec.shares)
    split = check_split(counts, shares)
    if split.ok:
        where = [
            line
            for name, parts in _all_parts(units, ()).items()
            for line in broken_parts(name, parts, split.shares)
        ]
        return replace(split, where=tuple(where))
    guesses = () if spec.segments else _guesses(table, spec)
    if guesses:
        units = read_units(table, replace(spec, segments=guesses), [])
    return check_split(counts, shares, _all_parts(units, guesses), is_assumed=not spec.shares)


def _all_parts(units: Units, guesses: Sequence[str]) -> dict[str, Parts]:
    """The divisions of the units that have at most _MOST_PARTS parts."""
    parts = {
        name: _parts(column.fill_null("(missing)"), units, is_guess=name in guesses)
        for name, column in units.segments.items()
    }
    if units.first_day is not None:
        day = pl.Series(units.first_day)
        shown = day.cast(pl.Int32).cast(pl.Date) if units.last_ms is not None else day
        parts["day"] = _parts(shown.cast(pl.String), units)
    return {name: one for name, one in parts.items() if len(one.labels) <= _MOST_PARTS}


def _guesses(table: pl.DataFrame, spec: TableSpec) -> tuple[str, ...]:
    """Columns with few distinct values that have no other role."""
    used = spec.columns
    found = [
        name
        for name in table.columns
        if name not in used
        and (table[name].dtype in (pl.String, pl.Boolean) or table[name].dtype.is_integer())
        and 2 <= labels(table[name]).n_unique() <= _GUESSED_PARTS
    ]
    return tuple(found[:_GUESSED_COLUMNS])


def _parts(label: pl.Series, units: Units, *, is_guess: bool = False) -> Parts:
    frame = pl.DataFrame({"label": label, "arm": units.arm})
    if units.cluster is not None:
        frame = frame.with_columns(pl.Series("cluster", units.cluster)).unique("cluster")
    names = sorted(frame["label"].unique().to_list())
    numbers = {name: number for number, name in enumerate(names)}
    row = frame["label"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    arms = len(units.arms)
    flat = np.bincount(row * arms + frame["arm"].to_numpy(), minlength=len(names) * arms)
    return Parts(names, flat.reshape(len(names), arms), is_guess)
