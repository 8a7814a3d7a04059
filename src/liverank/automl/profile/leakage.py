"""What in a table tells the target more than it could in life, named and said as data.

Nothing is left out for it: a leak is a suspicion, and the reader of the report decides.
Invariant: whether a column tells the target is measured on rows that were not looked at for it.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.automl.data.splits import Split
from liverank.automl.profile.association import indicators, quantile_codes
from liverank.dataset.metrics import auc
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.steps import DAY_MS, level_keys

MOST_AUC = 0.98
"""What one column alone may reach on rows not looked at: AUC; for values, the share explained."""
MEMORY_AUC = 0.9
"""The same for a column of which each value has few rows."""

_FEW_ROWS = 20
_BINS = 64
_LATER_SHARE = 0.01
_TWIN_SHARE = 0.01
_LEAST_TWINS = 3


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """One suspicion."""

    kind: Literal["predicts_target", "after_event", "memorises", "duplicates"]
    column: str | None
    """None for what is not of one column."""
    figure: float
    """The AUC or share explained; or a share of rows."""
    message: str


def find_leaks(
    columns: Columns,
    inputs: Sequence[Input],
    target: NDArray[np.float64],
    split: Split,
    *,
    task: Task,
    classes: int = 1,
    at_ms: NDArray[np.float64] | None = None,
    time: str | None = None,
) -> tuple[Leak, ...]:
    """Look for leaks, column by column and then row by row, over the blocks of the split.

    >>> split = Split("random", np.arange(80), np.arange(80, 90), np.arange(90, 100), 0)
    >>> target = np.arange(100) % 2.0
    >>> columns = {"paid": target * 9, "size": np.arange(100.0)}
    >>> inputs = [Input(name=name, type="number") for name in columns]
    >>> [leak.column for leak in find_leaks(columns, inputs, target, split, task="binary")]
    ['paid']
    """
    later = np.concatenate([split.validation, split.holdout])
    leaks: list[Leak] = []
    for form in inputs:
        if form.name == time:
            continue
        values = columns[form.name]
        if form.type == "time" and at_ms is not None:
            leaks += _after_event(form.name, values, at_ms)
        told = _told_alone(form, values, target, (split.train, later), task, classes)
        leaks += _tells(form, values, told, task, len(target))
    return tuple(leaks) + _duplicates(columns, inputs, target, (split.train, later))


def _told_alone(
    form: Input,
    values: NDArray[Any],
    target: NDArray[np.float64],
    blocks: tuple[NDArray[np.int64], NDArray[np.int64]],
    task: Task,
    classes: int,
) -> float:
    """The AUC (of classes, the mean) or share explained that the column reaches on later rows."""
    fit, later = blocks
    codes, n_codes = _codes(form, values)
    wanted = indicators(target, classes)
    sums = np.stack([np.bincount(codes[fit], y, n_codes) for y in wanted[fit].T], axis=1)
    counts = np.bincount(codes[fit], minlength=n_codes)
    prior = wanted[fit].mean(axis=0)
    guesses = ((sums + prior) / (counts + 1)[:, None])[codes[later]]
    truth = wanted[later]
    if task == "regression":
        return _explained(guesses[:, 0], truth[:, 0], values, fit, later, target)
    aucs = [auc(g, y.astype(np.uint8)) for g, y in zip(guesses.T, truth.T, strict=True)]
    if task == "binary" and values.dtype != object:
        filled = np.nan_to_num(values[later].astype(np.float64), nan=-np.inf)
        by_order = auc(filled, truth[:, 0].astype(np.uint8))
        aucs = [max(aucs[0], by_order, 1 - by_order)]
    known = ~np.isnan(aucs)
    weights = truth.mean(axis=0)[known]
    return float(np.average(np.array(aucs)[known], weights=weights)) if weights.sum() else 0.5


def _codes(form: Input, values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Stretches of a number, levels of a category, sizes of texts and lists; and how many."""
    if form.type == "category":
        numbers: dict[str | None, int] = {}
        codes = np.array([numbers.setdefault(k, len(numbers)) for k in level_keys([values])])
        return codes.astype(np.int64), max(len(numbers), 1)
    if values.dtype == object:
        values = np.array([np.nan if v is None else len(v) for v in values], np.float64)
    codes = quantile_codes(values, _BINS)
    return codes, int(codes.max(initial=0)) + 1


def _explained(
    guesses: NDArray[np.float64],
    truth: NDArray[np.float64],
    values: NDArray[Any],
    fit: NDArray[np.int64],
    later: NDArray[np.int64],
    target: NDArray[np.float64],
) -> float:
    """The share of the later values' variance that guesses explain, or a straight line does."""
    spread = float(((truth - truth.mean()) ** 2).sum())
    shares = [1 - float(((truth - guesses) ** 2).sum()) / spread if spread > 0 else 0.0]
    if values.dtype != object:
        rows = fit[~np.isnan(values[fit])]
        if len(np.unique(values[rows][:1000])) > 1 and not np.isnan(values[later]).all():
            x = np.nan_to_num(values[later], nan=float(values[rows].mean()))
            centre, scale = values[rows].mean(), max(float(values[rows].std()), 1e-12)
            slope = float(((values[rows] - centre) / scale * target[rows]).mean())
            line = target[rows].mean() + slope * (x - centre) / scale
            shares.append(1 - float(((truth - line) ** 2).sum()) / spread if spread > 0 else 0.0)
    return max(shares)


def _tells(form: Input, values: NDArray[Any], told: float, task: Task, n: int) -> list[Leak]:
    what = (
        "explains {:.1%} of the variance of" if task == "regression" else "has an AUC of {:.3f} on"
    )
    if told > MOST_AUC:
        message = (
            f"column `{form.name}` alone {what.format(told)} the target: is it known before the "
            "outcome? If not, leave it out"
        )
        return [Leak(kind="predicts_target", column=form.name, figure=told, message=message)]
    if form.type == "category" and told > MEMORY_AUC:
        levels = len(set(level_keys([values])))
        if levels > n / _FEW_ROWS:
            message = (
                f"column `{form.name}` has {levels} values in {n} rows and alone "
                f"{what.format(told)} the target: rows of one value share their outcome, and a "
                f"model can memorise it; name it as the group (--group {form.name})"
            )
            return [Leak(kind="memorises", column=form.name, figure=told, message=message)]
    return []


def _after_event(name: str, values: NDArray[np.float64], at_ms: NDArray[np.float64]) -> list[Leak]:
    """A time that is later than its row; where rows know only their day, than the day's end."""
    known = ~np.isnan(values) & ~np.isnan(at_ms)
    if not known.any():
        return []
    whole_days = not np.mod(at_ms[known], DAY_MS).any()
    later = float((values[known] >= at_ms[known] + (DAY_MS if whole_days else 1.0)).mean())
    if later <= _LATER_SHARE:
        return []
    message = (
        f"column `{name}` is later than the time of its row in {later:.0%} of the rows: if it is "
        "written down after the event, leave it out"
    )
    return [Leak(kind="after_event", column=name, figure=later, message=message)]


def _duplicates(
    columns: Columns,
    inputs: Sequence[Input],
    target: NDArray[np.float64],
    blocks: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[Leak, ...]:
    """Rows that validate and are equal, in all columns, to one that trains."""
    fit, later = blocks
    if not inputs or not len(later):
        return ()
    rows = pl.DataFrame({form.name: _hashable(columns[form.name]) for form in inputs}).hash_rows(
        seed=0
    )
    first = pl.DataFrame({"row": rows.gather(fit), "target": target[fit]}).unique("row")
    twins = pl.DataFrame({"row": rows.gather(later), "seen": target[later]}).join(first, on="row")
    share = twins.height / len(later)
    if share <= _TWIN_SHARE or twins.height < _LEAST_TWINS:
        return ()
    same = float((twins["seen"] == twins["target"]).mean() or 0.0)  # type: ignore[arg-type]
    message = (
        f"{share:.1%} of the rows that validate equal a row that trains in every column, and "
        f"{same:.0%} of those have the same target: the scores may flatter; remove duplicates, or "
        "name what they share as the group (--group)"
    )
    return (Leak(kind="duplicates", column=None, figure=share, message=message),)


def _hashable(values: NDArray[Any]) -> pl.Series:
    if values.dtype != object:
        return pl.Series(values, dtype=pl.Float64)
    texts = ["\x1f".join(v) if isinstance(v, tuple) else v for v in values.tolist()]
    return pl.Series(texts, dtype=pl.String)
