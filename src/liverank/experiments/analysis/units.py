"""Aggregates the rows of a table to units: each unit once, with its arm and its sums.

Invariant: a unit is in one arm, and a note counts the rows that are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import ExperimentError
from liverank.experiments.analysis.columns import check_columns, labels, numbers
from liverank.experiments.analysis.days import Days, read_days
from liverank.experiments.analysis.several_rows import one_row_a_unit
from liverank.experiments.analysis.spec import MetricSpec, TableSpec

_EXACT = 2.0**53
"""Bound below which whole numbers are exact as floats."""
_MOST_ARMS = 50
_UNIT, _ARM, _CLUSTER, _DAY, _MOMENT = "unit", "arm", "cluster", "day", "moment"
_NUMBER, _SEGMENT = "number:", "segment:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Units, and the columns of each."""

    arms: tuple[str, ...]
    arm: NDArray[np.int64]
    """``int64[n_units]``: the index of each unit's arm in ``arms``."""
    columns: dict[str, NDArray[np.float64]]
    """``float64[n_units]`` by name; NaN where missing."""
    cluster: NDArray[np.int64] | None
    """``int64[n_units]``, numbered from 0."""
    first_day: NDArray[np.int64] | None
    """``int64[n_units]``: the day of a unit's first row."""
    last_ms: int | None
    """The end of the last day, where days are dates."""
    segments: dict[str, pl.Series]
    """Labels of units by the name of the column."""

    @property
    def assigned(self) -> NDArray[np.int64]:
        """Number of assigned units (or clusters) by arm, ``int64[n_arms]``."""
        arm = self.arm
        if self.cluster is not None:
            arm = arm[np.unique(self.cluster, return_index=True)[1]]
        return np.bincount(arm, minlength=len(self.arms))


def read_units(table: pl.DataFrame, spec: TableSpec, notes: list[str]) -> Units:
    """Read a table's units. Raises ExperimentError if no result could be trusted."""
    of_metrics, of_covariates = _columns_of(spec.metrics)
    check_columns(spec.columns, table.columns)
    if table.height == 0:
        raise ExperimentError("the table has no rows")
    days = read_days(table[spec.time]) if spec.time else None
    rows = _rows(table, spec, days, notes)
    arms = _arms(rows, spec, notes)
    rows = _without_mixed(rows, spec, notes)
    if rows[_UNIT].n_unique() < rows.height:
        rows = _whole_ratios(rows, spec.metrics)
        both = [name for name in of_covariates if name in of_metrics]
        if both:
            raise ExperimentError(
                f"column `{both[0]}` is a metric, which is summed over the rows of a unit, and a "
                "covariate, which is not; give the covariate a column of its own"
            )
        rows = one_row_a_unit(
            rows,
            sums=[_NUMBER + name for name in of_metrics],
            fixed=[_NUMBER + name for name in of_covariates],
            days=days,
            notes=notes,
        )
    _check_arms(rows, arms, spec)
    return _units(rows, arms, days)


def _whole_ratios(rows: pl.DataFrame, metrics: Sequence[MetricSpec]) -> pl.DataFrame:
    """The rows, with both parts of a ratio missing where one is, so that they sum the same rows."""
    for metric in metrics:
        if metric.kind == "ratio":
            names = [_NUMBER + name for name in metric.columns]
            is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
            rows = rows.with_columns(pl.when(is_whole).then(pl.col(name)) for name in names)
    return rows


def _columns_of(metrics: Sequence[MetricSpec]) -> tuple[list[str], list[str]]:
    """The columns of metrics, and those of their covariates, each once."""
    own = dict.fromkeys(name for metric in metrics for name in metric.columns)
    covariates = dict.fromkeys(
        name for metric in metrics for one in metric.covariates for name in one.columns
    )
    return list(own), list(covariates)


def _rows(
    table: pl.DataFrame, spec: TableSpec, days: Days | None, notes: list[str]
) -> pl.DataFrame:
    """The rows that have a unit and an arm, with the column names of this file."""
    of_metrics, of_covariates = _columns_of(spec.metrics)
    unit = table[spec.unit]
    if unit.dtype.is_float():
        unit = unit.fill_nan(None)
        if (unit.abs() >= _EXACT).any():
            raise ExperimentError(
                f"column `{spec.unit}` holds numbers of 2^53 and more with a point or an exponent, "
                "or of more than 19 digits; different units would be one. Write them as texts "
                "such as `u123`"
            )
    elif unit.dtype == pl.String:
        unit = unit.str.strip_chars()
        unit = unit.set(unit == "", None)
    parts = [unit.alias(_UNIT), labels(table[spec.variant]).alias(_ARM)]
    parts += [
        numbers(table[name], notes).alias(_NUMBER + name)
        for name in dict.fromkeys([*of_metrics, *of_covariates])
    ]
    parts += [labels(table[name]).alias(_SEGMENT + name) for name in spec.segments]
    if days is not None:
        parts += [days.day.alias(_DAY), days.moments.alias(_MOMENT)]
    if spec.cluster:
        parts.append(table[spec.cluster].alias(_CLUSTER))
    rows = pl.DataFrame(parts)
    for name, column in ((_UNIT, spec.unit), (_ARM, spec.variant), (_CLUSTER, spec.cluster)):
        if column is None or not (count := rows[name].null_count()):
            continue
        notes.append(
            f"{count:,} rows ({100 * count / table.height:.2g} %) have no `{column}` and are "
            "left out"
        )
        rows = rows.filter(pl.col(name).is_not_null())
    if rows.height == 0:
        raise ExperimentError(f"no row has both a `{spec.unit}` and a `{spec.variant}`")
    return rows


def _arms(rows: pl.DataFrame, spec: TableSpec, notes: list[str]) -> tuple[str, ...]:
    found = rows[_ARM].unique().to_list()
    if len(found) > _MOST_ARMS:
        raise ExperimentError(
            f"column `{spec.variant}` has {len(found):,} different values, more than "
            f"{_MOST_ARMS}; does it hold the variant? Name the column of the variant by --variant"
        )
    if len(found) == 1:
        raise ExperimentError(
            f"column `{spec.variant}` has only one arm, `{found[0]}`; a comparison needs two"
        )
    by_word: dict[str, str] = {}
    for arm in sorted(found):
        same = by_word.setdefault(arm.lower(), arm)
        if same != arm:
            notes.append(f"arms `{same}` and `{arm}` differ only in case; are they one?")
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def _without_mixed(rows: pl.DataFrame, spec: TableSpec, notes: list[str]) -> pl.DataFrame:
    """The rows of units that are in one arm only."""
    name, column = (_CLUSTER, spec.cluster) if spec.cluster else (_UNIT, spec.unit)
    if spec.cluster:
        _check_nested(rows, spec)
    pairs = rows.select(name, _ARM).unique()
    mixed = pairs.filter(pairs[name].is_duplicated()).sort(name, _ARM)
    if mixed.height == 0:
        return rows
    count, total = mixed[name].n_unique(), pairs[name].n_unique()
    first = mixed[name][0]
    in_arms = " and ".join(f"`{arm}`" for arm in mixed.filter(pl.col(name) == first)[_ARM])
    message = (
        f"{count:,} of {total:,} values of `{column}` are in two arms or more, such as `{first}` "
        f"in {in_arms}"
    )
    if spec.cluster:
        raise ExperimentError(
            f"{message}; the arms were not assigned by `{column}`, so leave --cluster out"
        )
    if count == total:
        raise ExperimentError(
            f"{message}; these rows look like totals of the arms, or like units whose numbers "
            "start again in each arm. Give each unit rows and a name of its own"
        )
    if not spec.drop_mixed:
        raise ExperimentError(
            f"{message}; each is assigned to one. Find out why, or leave them out by --drop-mixed"
        )
    notes.append(
        f"{message}; they are left out, which is right only if that affects all arms equally"
    )
    return rows.filter(~pl.col(name).is_in(mixed[name].unique().implode()))


def _check_nested(rows: pl.DataFrame, spec: TableSpec) -> None:
    pairs = rows.select(_UNIT, _CLUSTER).unique()
    split = pairs.filter(pairs[_UNIT].is_duplicated())
    if split.height:
        raise ExperimentError(
            f"`{split[_UNIT][0]}` of column `{spec.unit}` is in two clusters or more of "
            f"`{spec.cluster}`; a unit belongs to one"
        )


def _check_arms(rows: pl.DataFrame, arms: tuple[str, ...], spec: TableSpec) -> None:
    name, word = (_CLUSTER, "cluster") if spec.cluster else (_UNIT, "unit")
    counts = rows.group_by(_ARM).agg(pl.col(name).n_unique())
    sizes: dict[str, int] = dict(zip(counts[_ARM], counts[name], strict=True))
    for arm in arms:
        if sizes.get(arm, 0) < 2:
            raise ExperimentError(
                f"arm `{arm}` of `{spec.variant}` has {sizes.get(arm, 0)} {word}; variance "
                "needs at least two. Correct its name, or leave its rows out"
            )


def _units(rows: pl.DataFrame, arms: tuple[str, ...], days: Days | None) -> Units:
    def named(prefix: str) -> dict[str, pl.Series]:
        return {
            name.removeprefix(prefix): rows[name]
            for name in rows.columns
            if name.startswith(prefix)
        }

    cluster = None
    if _CLUSTER in rows.columns:
        cluster = rows[_CLUSTER].rank("dense").to_numpy().astype(np.int64) - 1
    number_of = {arm: number for number, arm in enumerate(arms)}
    return Units(
        arms=arms,
        arm=rows[_ARM].replace_strict(number_of, return_dtype=pl.Int64).to_numpy(),
        columns={
            name: column.fill_null(np.nan).to_numpy() for name, column in named(_NUMBER).items()
        },
        cluster=cluster,
        first_day=rows[_DAY].to_numpy() if _DAY in rows.columns else None,
        last_ms=days.last_ms if days is not None else None,
        segments=named(_SEGMENT),
    )
