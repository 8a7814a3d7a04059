"""Infers the task that a table's target sets, and reads the target as numbers.

The rule: two values make a binary task, whose positive class is the one that the user names, else
true, yes or 1, else the greater or alphabetically later value. Texts, and up to 20 whole numbers
that occur often and are no counts, make classes. Other numbers make a regression.
"""

from decimal import Decimal
from typing import TypeAlias, get_args

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.columns import read_column
from liverank.automl.data.matrix import Task
from liverank.automl.data.target_form import (
    check_no_time,
    in_plain_numbers,
    target_form_note,
    target_number_form,
    values_that_are_no_numbers,
)
from liverank.automl.profile.class_values import (
    ClassType,
    class_reader,
    class_type_of,
)
from liverank.automl.profile.target_levels import (
    TargetLevels,
    is_numeric_target,
    of_texts,
    read_levels,
)
from liverank.automl.profile.whole_numbers import why_classes
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, level_of, number_level_of
from liverank.values.number_forms import NumberForm
from liverank.values.numbers import MOST_NUMBER, number_of
from liverank.values.unread_forms import look_like_times, unread_form
from liverank.values.words import TRUE

LEAST_ROWS = 20
"""Fewest rows with a known target that a model is trained on."""
MOST_CLASSES = 100
_MOST_STRAY_SHARE = 0.05
"""Share of the rows up to which words among the numbers of a target are taken for a mistake."""

PositiveClass: TypeAlias = str | bool | int | float | None
"""The class whose probability is predicted, as it is in the table; None for the default."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The target of a table."""

    name: str
    task: Task
    classes: tuple[str, ...]
    """Names of the classes by number; the second one of a binary target is the positive class."""
    rows: int
    """Rows in which the target is known; the others are left out."""
    reason: str
    """Why the task is this one."""
    numeric: bool
    """Whether all known values are numbers."""
    number_form: NumberForm | None = None
    """How people wrote the numbers; None for plain ones."""
    class_type: ClassType = "text"
    """The type that the classes came in, and that predictions are given in."""
    note: str | None = None
    """What to know of the task where the values may mean another one."""

    @property
    def n_margins(self) -> int:
        """Margins of a row: one a class where there are several, else 1."""
        return len(self.classes) if self.task == "multiclass" else 1


def find_target(
    column: pl.Series, task: Task | None = None, positive: PositiveClass = None
) -> Target:
    """Infer the task of a target; ``task`` overrides it. Raises as ``infer_target``.

    >>> target = find_target(pl.Series("churned", ["no", "yes"] * 20))
    >>> target.task, target.classes
    ('binary', ('no', 'yes'))
    """
    return infer_target(column, task, positive)[0]


def infer_target(
    column: pl.Series, task: Task | None = None, positive: PositiveClass = None
) -> tuple[Target, NDArray[np.float64]]:
    """The target, and its values as ``read_target`` gives them.

    ``task`` and ``positive``, the positive class of a binary target, override the rule. Raises
    TrainingError when too few rows have a known value, all have the same one, or the values do not
    fit the task, and where ``positive`` is none of two classes.
    """
    name = column.name
    if task is not None and task not in get_args(Task):
        raise TrainingError(f"task is `{task}`; expected one of {', '.join(get_args(Task))}")
    check_no_time(column, task)
    column = of_texts(column)
    number_form = _number_form(column, task)
    given, column = column, in_plain_numbers(column, number_form)
    read = read_levels(column, is_numeric_target(column))
    counts, numeric = read.counts, read.numeric
    rows = sum(counts.values())
    _check_enough(name, counts, rows, len(column))
    inferred, why = _infer_task(counts, numeric)
    if task is None and not numeric:
        _check_strays(name, counts)
    note = None
    if task is None and inferred == "multiclass" and numeric:
        note = (
            f"target `{name}` is predicted as classes: {why}; --task regression predicts a number"
        )
    if number_form is not None:
        note = target_form_note(given, number_form)
    task = task or inferred
    reason = why if task == inferred else f"it was given; otherwise {inferred}: {why}"
    _check_fit(name, task, counts, numeric, given)
    if task == "regression":
        rows = sum(n for level, n in counts.items() if not np.isnan(number_of(level)))
        if rows < LEAST_ROWS:
            raise TrainingError(
                f"target `{name}` has {rows} numbers within {MOST_NUMBER:.2g}, the largest that "
                f"can be learned; {LEAST_ROWS} or more are needed: use a larger unit"
            )
    classes = () if task == "regression" else _in_order(counts, numeric)
    if positive is not None:
        classes = _with_positive(name, task, classes, positive, numeric)
    if task == "binary":
        reason = f'{reason}; "{classes[1]}" is the positive class'
    target = Target(
        name=name,
        task=task,
        classes=classes,
        rows=rows,
        reason=reason,
        numeric=numeric,
        number_form=number_form,
        note=note,
        class_type=class_type_of(column, classes),
    )
    return target, _values(column, target, read)


def _number_form(column: pl.Series, task: Task | None) -> NumberForm | None:
    """How people wrote the numbers of a regression; classes keep their names as written."""
    form = target_number_form(column)
    if form is None or task not in (None, "regression"):
        return None
    counts = read_levels(in_plain_numbers(column, form), numeric=True).counts
    return form if task == "regression" or _infer_task(counts, True)[0] == "regression" else None


def read_target(column: pl.Series, target: Target) -> NDArray[np.float64]:
    """The class number or the value of each row: float64[n], NaN where it is not known.

    >>> column = pl.Series("churned", ["no", "yes", None, "no"] * 10)
    >>> read_target(column, find_target(column))[:4].tolist()
    [0.0, 1.0, nan, 0.0]
    """
    column = in_plain_numbers(of_texts(column), target.number_form)
    read = None if target.task == "regression" else read_levels(column, target.numeric)
    return _values(column, target, read)


def _values(column: pl.Series, target: Target, read: TargetLevels | None) -> NDArray[np.float64]:
    if read is None or target.task == "regression":
        return read_column(column, Input(name=target.name, type="number"))
    number = class_reader(target.classes)
    values = [np.nan if level is None else number(level) for level in read.levels]
    return np.array(values, np.float64)[read.codes]


def _check_enough(name: str, counts: dict[str, int], rows: int, n: int) -> None:
    if rows < LEAST_ROWS:
        raise TrainingError(
            f"target `{name}` is known in {rows} of {n} rows; "
            f"{LEAST_ROWS} or more are needed to learn anything"
        )
    if len(counts) == 1:
        raise TrainingError(
            f'target `{name}` is "{next(iter(counts))}" in all {rows} rows; '
            "there is nothing to predict: check that this is the right column"
        )


def _infer_task(counts: dict[str, int], numeric: bool) -> tuple[Task, str]:
    n = len(counts)
    if n == 2:
        return "binary", "it has two values"
    if not numeric:
        return "multiclass", f"it has {n} values that are not numbers"
    numbers = {number_of(level): rows for level, rows in counts.items()}
    if len(numbers) < n:  # too large for float64: their differences decide
        exact = {Decimal(level): rows for level, rows in counts.items()}
        numbers = {float(number - min(exact)): rows for number, rows in exact.items()}
    why = why_classes(numbers) if all(number.is_integer() for number in numbers) else None
    if why is not None:
        return "multiclass", why
    return "regression", f"it has {n} different numbers"


def _check_strays(name: str, counts: dict[str, int]) -> None:
    """Raise TrainingError for numbers to predict with a few words among them."""
    words = {level: rows for level, rows in counts.items() if np.isnan(number_of(level))}
    numbers = {level: rows for level, rows in counts.items() if level not in words}
    stray, rows = sum(words.values()), sum(counts.values())
    if not words or stray > _MOST_STRAY_SHARE * rows or len(numbers) < 2:
        return
    if _infer_task(numbers, numeric=True)[0] == "regression":
        raise TrainingError(
            f"target `{name}` has {stray} of {rows} values that are no numbers, such as "
            f'"{next(iter(words))}": remove these rows (a header or a total among the rows?), or '
            "give --task multiclass"
        )


def _with_positive(
    name: str, task: Task, classes: tuple[str, ...], positive: PositiveClass, numeric: bool
) -> tuple[str, ...]:
    """The two classes with the positive one last. Raises TrainingError if it is none of them."""
    level = number_level_of(positive) if numeric else level_of(positive)
    if task != "binary":
        raise TrainingError(
            f"a positive class ({level}) is of a binary target, and target `{name}` is {task}; "
            "leave --positive out, or name a target of two classes"
        )
    alike = [each for each in classes if level is not None and each.lower() == level.lower()]
    found = level if level in classes else alike[0] if len(alike) == 1 else None
    if found is None:
        raise TrainingError(
            f'target `{name}` has no class "{level}"; '
            f'give "{classes[1]}" (the default) or "{classes[0]}" as --positive'
        )
    return (*(each for each in classes if each != found), found)


def _check_fit(
    name: str, task: Task, counts: dict[str, int], numeric: bool, given: pl.Series
) -> None:
    n = len(counts)
    if task == "regression" and not numeric:
        words = [level for level in counts if np.isnan(number_of(level))]
        raise TrainingError(
            f'target `{name}` holds "{words[0]}", which is not a number; '
            "a regression needs numbers: use the task multiclass, or correct the column"
        )
    rarest = min(counts, key=counts.__getitem__)
    if task == "binary" and n != 2:
        raise TrainingError(
            f'target `{name}` has {n} values, the rarest "{rarest}" in {counts[rarest]} of '
            f"{sum(counts.values())} rows; a binary target has two: remove rows that are "
            "no cases (a header, a total), or use the task multiclass or regression"
        )
    if task == "multiclass" and n > MOST_CLASSES:
        odd = values_that_are_no_numbers(given)
        if odd is not None:
            raise TrainingError(
                f"target `{name}` {odd}: write numbers, or empty them to leave the rows out"
            )
        if look_like_times(counts):
            raise TrainingError(
                f"target `{name}` is a date or time (such as {min(counts)}); write it as a number, "
                "such as the days from a time of the row until then"
            )
        if (unread := unread_form(name, counts)) is not None:
            raise TrainingError(f"target `{name}` has {n} different values; {unread}")
        raise TrainingError(
            f'target `{name}` has {n} different values, such as "{min(counts)}"; up to '
            f"{MOST_CLASSES} can be classes: group them, or name another target"
        )


def _in_order(counts: dict[str, int], numeric: bool) -> tuple[str, ...]:
    levels = sorted(counts, key=Decimal) if numeric else sorted(counts)
    if len(levels) == 2 and levels[0].lower() in TRUE and levels[1].lower() not in TRUE:
        levels.reverse()
    return tuple(levels)
