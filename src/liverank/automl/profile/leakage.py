"""Target-leakage checks: columns and rows that give a model what it will not have in use.

A finding is a warning in the report; no column or row is removed because of it.
Invariant: how well a column predicts the target is measured on rows that it was not fitted on, and
a finding rests on enough rows of each class that luck does not explain it.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.data.matrix import Task
from liverank.automl.data.splits import RowNumbers, Split
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.metrics.intervals import Z95, auc_interval
from liverank.automl.profile.association import codes_of_levels, indicators, quantile_codes
from liverank.dataset.metrics import auc
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.step_functions import DAY_MS

Floats = NDArray[np.float64]

MOST_AUC = 0.98
"""AUC above which one column alone is suspicious; for a regression, share of variance explained."""
MEMORY_AUC = 0.9
"""The same limit for a category with few rows a level."""

_LEAST_SURE = 0.8
"""Lower end of the 95 % interval of that figure below which rows are too few to call it a leak."""
_FEWEST_COPIED = 5
"""Fewest rows of the rarest class from which a column that determines the target is a leak."""
_FEW_ROWS = 20
"""Mean number of rows a level below which a category can be memorised."""
_BINS = 64
_LATER_SHARE = 0.01
"""Share of rows in which a time may be later than its row."""
_DUPLICATE_SHARE = 0.01
"""Share of evaluation rows that may equal a training row."""
_FEWEST_DUPLICATES = 3


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """One suspected leak."""

    kind: Literal["predicts_target", "after_event", "memorises", "duplicates"]
    column: str | None
    """None for a finding about rows."""
    figure: float
    """AUC or share of variance explained; for times and rows, a share of rows."""
    message: str


class _Power(NamedTuple):
    """How well a column alone predicts the target, and the lower end of its 95 % interval."""

    figure: float
    least: float


class _Blocks(NamedTuple):
    """Row numbers of the training block, and of validation and holdout together."""

    train: RowNumbers
    later: RowNumbers


def find_leaks(
    columns: Columns,
    inputs: Sequence[Input],
    target: TrainingTarget,
    split: Split,
    *,
    task: Task,
    time: str | None = None,
) -> tuple[Leak, ...]:
    """Check each column, then the rows, over the blocks of the split.

    ``time`` names the column of ``target.at_ms``, which is not checked.

    >>> split = Split("random", np.arange(80), np.arange(80, 90), np.arange(90, 100), 0)
    >>> target = TrainingTarget(np.arange(100) % 2.0)
    >>> columns = {"paid": target.values * 9, "size": np.arange(100.0)}
    >>> inputs = [Input(name=name, type="number") for name in columns]
    >>> [leak.column for leak in find_leaks(columns, inputs, target, split, task="binary")]
    ['paid']
    """
    blocks = _Blocks(split.train, np.concatenate([split.validation, split.holdout]))
    leaks: list[Leak] = []
    for form in inputs:
        if form.name == time:
            continue
        values = columns[form.name]
        if form.type == "time" and target.at_ms is not None:
            leaks += _after_event(form.name, values, target.at_ms)
        power = _predictive_power(form, values, target, blocks, task)
        if power.least > _LEAST_SURE:
            leaks += _predicts_target(form, values, power.figure, task)
    return tuple(leaks) + _duplicates(columns, inputs, target.values, blocks)


def _predictive_power(
    form: Input, values: NDArray[Any], target: TrainingTarget, blocks: _Blocks, task: Task
) -> _Power:
    """How well the column alone predicts the target of later rows.

    The AUC, of several classes their weighted mean; for a regression the share of variance.
    """
    train, later = blocks
    codes, n_codes = _codes(form, values)
    wanted = indicators(target.values, target.classes)
    sums = np.stack([np.bincount(codes[train], y, n_codes) for y in wanted[train].T], axis=1)
    counts = np.bincount(codes[train], minlength=n_codes)
    prior = wanted[train].mean(axis=0)
    predicted = ((sums + prior) / (counts + 1)[:, None])[codes[later]]
    observed = wanted[later]
    if task == "regression":
        by_code = _share_explained(predicted[:, 0], observed[:, 0])
        by_line = _line_share(values, target.values, blocks)
        figure = by_code if by_line is None else max(by_code, by_line)
        return _Power(figure, _least_share(figure, _units(target, later)))
    powers = [_auc_power(p, y, target, later) for p, y in zip(predicted.T, observed.T, strict=True)]
    if task == "binary" and values.dtype != object:
        every = np.concatenate(blocks)  # nothing is fitted, so all rows count
        filled = np.nan_to_num(values[every].astype(np.float64), nan=-np.inf)
        powers.append(_auc_power(filled, wanted[every, 0], target, every))
        powers.append(_auc_power(-filled, wanted[every, 0], target, every))
        powers = [max(powers, key=lambda power: (power.least, power.figure))]
    known = ~np.isnan([power.figure for power in powers])
    weights = observed.mean(axis=0)[known]
    if not weights.sum():
        return _Power(0.5, 0.0)
    figure, least = np.average(np.array(powers)[known], weights=weights, axis=0).tolist()
    return _Power(figure, 1.0 if _determines(codes, target.values, blocks) else least)


def _auc_power(
    scores: Floats, observed: Floats, target: TrainingTarget, rows: RowNumbers
) -> _Power:
    area = auc(scores, observed.astype(np.uint8))
    if np.isnan(area):
        return _Power(area, 0.0)
    positives, negatives = (_units(target, rows[observed == label]) for label in (1, 0))
    return _Power(area, auc_interval(area, positives, negatives)[0])


def _units(target: TrainingTarget, rows: RowNumbers) -> int:
    """Number of rows, or of groups, that are independent of each other."""
    return len(rows) if target.groups is None else len(np.unique(target.groups[rows]))


def _least_share(share: float, n: int) -> float:
    """Lower end of the 95 % interval of a share of variance, by Fisher's z."""
    if share <= 0 or n <= 3:
        return 0.0
    z = np.arctanh(min(share, 1 - 1e-12) ** 0.5) - Z95 / (n - 3) ** 0.5
    return float(np.tanh(max(z, 0.0)) ** 2)


def _determines(codes: NDArray[np.int64], target: Floats, blocks: _Blocks) -> bool:
    """Whether a few codes, each in several rows, determine the class of every row."""
    rows = np.concatenate(blocks)
    classes, numbers = np.unique(target[rows], return_inverse=True)
    if not len(rows) or np.bincount(numbers).min() < _FEWEST_COPIED or len(classes) < 2:
        return False
    pairs = len(np.unique(codes[rows] * len(classes) + numbers))
    return pairs == len(np.unique(codes[rows])) <= len(rows) / _FEWEST_COPIED


def _codes(form: Input, values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """A code for each row, and how many codes there are.

    Levels of a category; quantile bins of a number, or of the size of a text or list.
    """
    if form.type == "category":
        codes = codes_of_levels([values])
    else:
        if values.dtype == object:
            values = np.array([np.nan if v is None else len(v) for v in values], np.float64)
        codes = quantile_codes(values, _BINS)
    return codes, int(codes.max(initial=0)) + 1


def _share_explained(predicted: Floats, observed: Floats) -> float:
    spread = float(((observed - observed.mean()) ** 2).sum())
    return 1 - float(((observed - predicted) ** 2).sum()) / spread if spread > 0 else 0.0


def _line_share(values: NDArray[Any], target: Floats, blocks: _Blocks) -> float | None:
    """Share of variance that a straight line through the training rows explains in later rows.

    None where the values are not numbers, constant, or unknown in all later rows.
    """
    if values.dtype == object:
        return None
    train, later = blocks
    rows = train[~np.isnan(values[train])]
    if len(np.unique(values[rows][:1000])) <= 1 or np.isnan(values[later]).all():
        return None
    size = float(np.nanmax(np.abs(values[np.concatenate([rows, later])])))
    known = values[rows] / size  # within -1 and 1, so that no square is too large for a float64
    centre, scale = float(known.mean()), max(float(known.std()), 1e-12)
    slope = float(((known - centre) / scale * target[rows]).mean())
    x = np.nan_to_num(values[later] / size, nan=centre)
    line = target[rows].mean() + slope * (x - centre) / scale
    return _share_explained(line, target[later])


def _predicts_target(form: Input, values: NDArray[Any], figure: float, task: Task) -> list[Leak]:
    power = (
        f"explains {figure:.1%} of the variance of"
        if task == "regression"
        else f"has an AUC of {figure:.3f} on"
    )
    if figure > MOST_AUC:
        message = (
            f"column `{form.name}` alone {power} the target: is it known before the "
            "outcome? If not, leave it out"
        )
        return [Leak(kind="predicts_target", column=form.name, figure=figure, message=message)]
    if form.type == "category" and figure > MEMORY_AUC:
        levels, n = int(codes_of_levels([values]).max()) + 1, len(values)
        if levels > n / _FEW_ROWS:
            message = (
                f"column `{form.name}` has {levels} values in {n} rows and alone {power} the "
                "target: rows of one value share their outcome, and a model can memorise it; name "
                f"it as the group (--group {form.name})"
            )
            return [Leak(kind="memorises", column=form.name, figure=figure, message=message)]
    return []


def _after_event(name: str, values: Floats, at_ms: Floats) -> list[Leak]:
    """A time that is later than its row; where rows have only a day, later than the day's end."""
    known = ~np.isnan(values) & ~np.isnan(at_ms)
    if not known.any():
        return []
    whole_days = not np.mod(at_ms[known], DAY_MS).any()
    later = float((values[known] >= at_ms[known] + (DAY_MS if whole_days else 1.0)).mean())
    if later <= _LATER_SHARE:
        return []
    message = (
        f"column `{name}` is later than the time of its row in {later:.0%} of the rows: if it is "
        "written after the event, leave it out"
    )
    return [Leak(kind="after_event", column=name, figure=later, message=message)]


def _duplicates(
    columns: Columns, inputs: Sequence[Input], target: Floats, blocks: _Blocks
) -> tuple[Leak, ...]:
    """Validation and holdout rows that equal a training row in all columns."""
    train, later = blocks
    if not inputs or not len(later):
        return ()
    rows = row_hashes(columns, inputs)
    first = pl.DataFrame({"row": rows.gather(train), "target": target[train]}).unique("row")
    twins = pl.DataFrame({"row": rows.gather(later), "seen": target[later]}).join(first, on="row")
    share = twins.height / len(later)
    if share <= _DUPLICATE_SHARE or twins.height < _FEWEST_DUPLICATES:
        return ()
    same = float((twins["seen"] == twins["target"]).mean() or 0.0)  # type: ignore[arg-type]
    message = (
        f"{twins.height:,} of {len(later):,} validation and holdout rows ({share:.1%}) equal a "
        "training row in every column, and "
        f"{same:.0%} of those have the same target: the scores may be too good; remove duplicates, "
        "or name what they have in common as the group (--group)"
    )
    return (Leak(kind="duplicates", column=None, figure=share, message=message),)


def row_hashes(columns: Columns, inputs: Sequence[Input]) -> pl.Series:
    """A hash of each row's values of the inputs, uint64[n]; equal rows have the same."""
    return pl.DataFrame({form.name: _hashable(columns[form.name]) for form in inputs}).hash_rows(
        seed=0
    )


def _hashable(values: NDArray[Any]) -> pl.Series:
    if values.dtype != object:
        return pl.Series(values, dtype=pl.Float64)
    texts = ["\x1f".join(v) if isinstance(v, tuple) else v for v in values.tolist()]
    return pl.Series(texts, dtype=pl.String)
