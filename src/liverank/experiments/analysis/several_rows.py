"""Tables with several rows a unit, such as one a day: the rows of a unit are summed.

Invariant: rows counted twice are always noted, and a covariate is never summed.
"""

from collections.abc import Sequence

import polars as pl

from liverank.errors import ExperimentError
from liverank.experiments.analysis.days import Days

_FEW = 0.05
"""Share of units with several rows below which these rows may be accidental duplicates."""


def one_row_a_unit(
    rows: pl.DataFrame,
    *,
    sums: Sequence[str],
    fixed: Sequence[str],
    days: Days | None,
    notes: list[str],
) -> pl.DataFrame:
    """Sum the columns ``sums`` for each unit, and take the others from its first row.

    A sum is missing if it is missing in all rows of the unit. Raises ExperimentError if a column
    of ``fixed`` changes within a unit, or a unit has two rows of one day.
    """
    _note_repeats(rows, days, notes)
    if days is not None:
        _check_times(rows, days, notes)
    _check_fixed(rows, fixed)
    partly = [name for name in sums if rows[name].null_count()]
    known = {name: pl.col(name).drop_nulls() for name in [*sums, *fixed]}
    kept = [name for name in rows.columns if name not in known and name not in ("unit", "day")]
    grouped = rows.group_by("unit", maintain_order=True).agg(
        *(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in sums),
        *(known[name].first().alias(name) for name in fixed),
        *(pl.col(name).first() for name in kept),
        *([pl.col("day").min()] if "day" in rows.columns else []),
    )
    notes.extend(
        f"`{name.partition(':')[2]}` is missing in {rows[name].null_count():,} rows; the other "
        "rows of these units are summed"
        for name in partly
    )
    return grouped


def _note_repeats(rows: pl.DataFrame, days: Days | None, notes: list[str]) -> None:
    sizes = rows["unit"].value_counts(name="rows")
    repeated = sizes.filter(sizes["rows"] > 1)
    message = f"{repeated.height:,} of {sizes.height:,} units have several rows"
    if repeated.height < _FEW * sizes.height:
        notes.append(
            f"{message}, such as `{repeated['unit'].sort()[0]}`; they are summed, so remove "
            "them if they are copies"
        )
    elif days is None:
        notes.append(f"{message}, which are summed; name the column of their time by --time")


def _check_times(rows: pl.DataFrame, days: Days, notes: list[str]) -> None:
    pairs = rows.select("unit", "moment")
    twice = pairs.is_duplicated()
    if not twice.any():
        return
    first = pairs.row(twice.arg_max() or 0)
    extra = rows.height - pairs.unique().height
    message = f"{extra:,} rows repeat a unit and time, such as `{first[0]}` at `{first[1]}`"
    if days.are_whole:
        raise ExperimentError(
            f"{message}; a day counts once. Remove the copies, or sum the rows of a day beforehand"
        )
    notes.append(f"{message}; they are counted as separate rows, so remove them if they are copies")


def _check_fixed(rows: pl.DataFrame, fixed: Sequence[str]) -> None:
    for name in fixed:
        ends = rows.group_by("unit").agg(
            pl.col(name).min().alias("low"), pl.max(name).alias("high")
        )
        changes = ends.filter(pl.col("low") != pl.col("high")).sort("unit")
        if changes.height:
            raise ExperimentError(
                f"covariate `{name.partition(':')[2]}` changes between the rows of "
                f"{changes.height:,} units, such as `{changes['unit'][0]}`; it is known before "
                "the experiment, so give the same value in each row of a unit"
            )
