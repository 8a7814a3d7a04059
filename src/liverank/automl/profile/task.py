"""What a table's target asks for, found by looking at it.

The rule: two values are a binary target, the positive one being true, yes or 1, else the greater or
later in the alphabet; texts, and up to 20 whole numbers that each return often, are classes; other
numbers are a value to predict.
"""

from typing import get_args

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.data.matrix import Task
from liverank.errors import TrainingError
from liverank.models.encoder.columns import (
    MOST_NUMBER,
    TRUE,
    UNKNOWN,
    Input,
    number_of,
    read_values,
)

LEAST_ROWS = 20
"""Rows with a known target, below which nothing is learned."""
MOST_CLASSES = 100
_MOST_NUMBERED_CLASSES = 20
_ROWS_A_CLASS = 10


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The target of a table."""

    name: str
    task: Task
    classes: tuple[str, ...]
    """Names of the classes, by number; of a binary target the second is the positive one."""
    rows: int
    """Rows in which it is known; the others are left out."""
    reason: str
    """Why it is this task."""
    numeric: bool

    @property
    def n_margins(self) -> int:
        """Margins of a row: one a class where there are several, else 1."""
        return len(self.classes) if self.task == "multiclass" else 1


def find_target(column: pl.Series, task: Task | None = None) -> Target:
    """Look at a target; ``task`` overrides what would be found.

    Raises TrainingError when it is known in too few rows, has one value, or does not fit the task.

    >>> target = find_target(pl.Series("churned", ["no", "yes"] * 20))
    >>> target.task, target.classes
    ('binary', ('no', 'yes'))
    """
    name = column.name
    if task is not None and task not in get_args(Task):
        raise TrainingError(f"task is `{task}`; expected one of {', '.join(get_args(Task))}")
    numeric = _is_numeric(column)
    counts = _count_levels(column, numeric)
    rows = sum(counts.values())
    if rows < LEAST_ROWS:
        raise TrainingError(
            f"target `{name}` is known in {rows} of {len(column)} rows; "
            f"{LEAST_ROWS} or more are needed to learn anything"
        )
    if len(counts) == 1:
        raise TrainingError(
            f'target `{name}` is "{next(iter(counts))}" in all {rows} rows; '
            "there is nothing to tell apart: check that this is the right column"
        )
    found, why = _rule(counts, numeric)
    reason = why if task in (None, found) else f"asked for; without that, {found}: {why}"
    _check_fit(name, task or found, counts, numeric)
    if (task or found) == "regression":
        rows = sum(n for level, n in counts.items() if not np.isnan(number_of(level)))
        if rows < LEAST_ROWS:
            raise TrainingError(
                f"target `{name}` holds {rows} numbers within {MOST_NUMBER:.2g}, beyond which none "
                f"can be learned; {LEAST_ROWS} or more are needed: tell it in a larger unit"
            )
    classes = () if (task or found) == "regression" else _in_order(counts, numeric)
    if (task or found) == "binary":
        reason = f'{reason}; "{classes[1]}" is the positive class'
    return Target(
        name=name,
        task=task or found,
        classes=classes,
        rows=rows,
        reason=reason,
        numeric=numeric,
    )


def read_target(column: pl.Series, target: Target) -> NDArray[np.float64]:
    """The class of each row by number, or the value: float64[n], NaN where it is not known.

    >>> column = pl.Series("churned", ["no", "yes", None, "no"] * 10)
    >>> read_target(column, find_target(column))[:4].tolist()
    [0.0, 1.0, nan, 0.0]
    """
    if target.task == "regression":
        return read_column(column, Input(name=target.name, type="number"))
    places = {name: float(place) for place, name in enumerate(target.classes)}
    codes, distinct = distinct_codes(column)
    levels = read_values(_form(column, target.numeric), distinct)
    return np.array([places.get(level, np.nan) for level in levels], np.float64)[codes]


def _form(column: pl.Series, numeric: bool) -> Input:
    return Input(name=column.name, type="category", numeric=numeric)


def _count_levels(column: pl.Series, numeric: bool) -> dict[str, int]:
    """How often each known level occurs."""
    codes, distinct = distinct_codes(column)
    unknown = UNKNOWN if numeric else frozenset({"", "nan", "null"})
    counts: dict[str, int] = {}
    levels = read_values(_form(column, numeric), distinct)
    for level, count in zip(levels, np.bincount(codes).tolist(), strict=True):
        if level is not None and level.lower() not in unknown:
            counts[level] = counts.get(level, 0) + count
    return counts


def _is_numeric(column: pl.Series) -> bool:
    if column.dtype != pl.String:
        return column.dtype.is_numeric()
    words = column.drop_nulls().unique().to_list()
    known = [word for word in words if word.strip().lower() not in UNKNOWN]
    return bool(known) and not any(np.isnan(number_of(word)) for word in known)


def _rule(counts: dict[str, int], numeric: bool) -> tuple[Task, str]:
    n, rows = len(counts), sum(counts.values())
    if n == 2:
        return "binary", "it has two values"
    if not numeric:
        return "multiclass", f"it has {n} values that are not numbers"
    is_whole = all(float(level).is_integer() for level in counts)
    if is_whole and n <= _MOST_NUMBERED_CLASSES and rows >= n * _ROWS_A_CLASS:
        return "multiclass", f"it has {n} whole numbers, each of which returns often"
    return "regression", f"it has {n} different numbers"


def _check_fit(name: str, task: Task, counts: dict[str, int], numeric: bool) -> None:
    n = len(counts)
    if task == "regression" and not numeric:
        words = [level for level in counts if np.isnan(number_of(level))]
        raise TrainingError(
            f'target `{name}` holds "{words[0]}", which is no number; '
            "a regression needs numbers: ask for multiclass, or mend the column"
        )
    if task == "binary" and n != 2:
        raise TrainingError(
            f"target `{name}` has {n} values; a binary target has two: "
            "ask for multiclass or regression"
        )
    if task == "multiclass" and n > MOST_CLASSES:
        raise TrainingError(
            f'target `{name}` has {n} different values, such as "{min(counts)}"; up to '
            f"{MOST_CLASSES} can be classes: group them, or name another target"
        )


def _in_order(counts: dict[str, int], numeric: bool) -> tuple[str, ...]:
    levels = sorted(counts, key=number_of) if numeric else sorted(counts)
    if len(levels) == 2 and levels[0].lower() in TRUE and levels[1].lower() not in TRUE:
        levels.reverse()
    return tuple(levels)
