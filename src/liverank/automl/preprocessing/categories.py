"""Fits categories, and crosses of several columns: one-hot, frequency and target encoding.

A column with few levels gets a feature a level, or the number that a level is. Else a level is
encoded as its smoothed target mean minus the overall mean and, where there are many levels, as its
share of the rows. Rare levels share one bucket, which levels never seen use too.
Invariant: as in ``target_encoding``, no training row sees its own target.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.automl.preprocessing.target_encoding import (
    Statistics,
    VisibleRows,
    all_statistics,
    mean_differences,
    visible_statistics,
)
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.models.encoder.columns import level_of
from liverank.models.encoder.step_functions import JOIN, level_codes, level_keys, rows_of_levels
from liverank.models.encoder.steps import Levels, Step
from liverank.values.numbers import number_of

Floats = NDArray[np.float64]


class EncodingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How columns are encoded."""

    one_hot: int = 12
    """Columns with at most this many levels are one-hot encoded, unless the levels are numbers."""
    shares: int = 64
    """Columns with more levels than this also get a frequency-encoding feature: for ids, frequency
    measures popularity; for fewer levels the target mean already covers it."""
    least: int = 5
    """Fewest rows of a level or a word; rarer ones count as never seen."""
    most_levels: int = 10_000
    smoothing: float = 10.0
    """Rows with the overall mean that are mixed into each level's mean."""
    most_classes: int = 10
    """Number of classes, the most frequent ones, whose target means become features."""
    tokens: int = 1000
    """Words or elements of a column that have a target mean."""
    shown: int = 30
    """Words or elements of a column that have a feature each."""
    folds: int = 5
    encodings: Mapping[str, ColumnEncoding] = {}
    """Columns encoded as numbers, by their levels, or as both; others go by their type."""
    row_time_elapsed: bool = False
    """Whether the days since 1970 of the rows' own time are a feature."""


@dataclass(frozen=True, eq=False)
class EncodingInputs:
    """The target of n rows to fit an encoder on, and which rows each of them may see.

    ``target`` is float64[n, k]: the value, or an indicator for each of ``classes``; ``weight`` is
    float64[n].
    """

    target: Floats
    classes: tuple[str, ...]
    weight: Floats
    visible: VisibleRows
    visible_totals: Statistics
    """Statistics of all rows visible to each row: n entries."""
    totals: Statistics
    """Statistics of all rows: one entry."""
    options: EncodingOptions


class FittedStep(NamedTuple):
    """A step, its table, and the features of the training rows: float64[n, n_names]."""

    step: Step
    table: Floats | None
    features: Floats


def encoding_inputs(
    target: Floats,
    classes: tuple[str, ...],
    weight: Floats,
    visible: VisibleRows,
    options: EncodingOptions,
) -> EncodingInputs:
    """The inputs that the steps of all columns are fitted to."""
    n = len(target)
    one_code = np.zeros(n, np.int64), 1, target, weight, np.arange(n)
    return EncodingInputs(
        target=target,
        classes=classes,
        weight=weight,
        visible=visible,
        visible_totals=visible_statistics(*one_code, visible),
        totals=all_statistics(*one_code),
        options=options,
    )


def fit_levels(
    columns: dict[str, NDArray[Any]], training: EncodingInputs, *, numeric: bool = False
) -> FittedStep | None:
    """Fit the levels of one column, or of several combined; None where no level has enough rows.

    With ``numeric``, a level's number is a feature, in place of one-hot features if the numbers
    differ as float32. Combined columns get no one-hot features either.
    """
    options = training.options
    arrays = list(columns.values())
    counts = _rows_of_each_level(arrays)
    frequent = [level for level, count in counts.items() if level and count >= options.least]
    levels = sorted(frequent, key=lambda level: (-counts[level], level))[: options.most_levels]
    if not levels:
        return None
    codes = level_codes(arrays, rows_of_levels(tuple(levels), of_numbers=True))
    name = " x ".join(columns)
    parts = [_no_features(len(codes), len(levels))]
    if numeric:
        parts.append(_numbers(name, levels, codes))
    is_few = len(levels) <= options.one_hot and len(columns) == 1
    numeric = numeric and _differ_in_float32(levels)
    if is_few and not numeric:
        parts.append(_one_hot(name, levels, codes))
    if len(levels) > options.shares:
        parts.append(_shares(name, len(levels), codes, training))
    if (len(levels) > 2 and not (is_few and numeric)) or len(columns) > 1:
        parts.append(_means(name, len(levels), codes, training))
    names = tuple(name for part in parts for name in part.names)
    step = Levels(names=names, columns=tuple(columns), levels=tuple(levels))
    table = np.hstack([part.table for part in parts])
    return FittedStep(step, table, np.hstack([part.features for part in parts]))


def _rows_of_each_level(arrays: list[NDArray[Any]]) -> dict[str, int]:
    """The number of rows of each known level, or combination of levels."""
    if len(arrays) == 1 and arrays[0].dtype != object:
        known = arrays[0][~np.isnan(arrays[0])]
        numbers, rows = np.unique(known, return_counts=True)
        return {str(level_of(n)): r for n, r in zip(numbers.tolist(), rows.tolist(), strict=True)}
    counts = Counter(level_keys(arrays))
    return {level: count for level, count in counts.items() if level is not None}


def mean_names(name: str, training: EncodingInputs) -> tuple[str, ...]:
    """Names of the target-mean features: one for a value, one for each of several classes."""
    if not training.classes:
        return (f"mean({name})",)
    return tuple(f"mean({name}, {cls})" for cls in training.classes)


class _Part(NamedTuple):
    """Some features of a step: their columns of its table, and their values in training rows."""

    names: tuple[str, ...]
    table: Floats
    features: Floats


def _no_features(n: int, n_levels: int) -> _Part:
    return _Part((), np.zeros((n_levels + 2, 0)), np.zeros((n, 0)))


def _numbers(name: str, levels: list[str], codes: NDArray[np.int64]) -> _Part:
    table = np.array([*map(number_of, levels), np.nan, np.nan])[:, None]
    return _Part((name,), table, table[codes])


def _differ_in_float32(levels: list[str]) -> bool:
    """Whether the numbers among the levels are still different as features."""
    numbers = np.array([*map(number_of, levels)])
    known = numbers[~np.isnan(numbers)]
    return len(np.unique(known.astype(np.float32))) == len(known)


def _one_hot(name: str, levels: list[str], codes: NDArray[np.int64]) -> _Part:
    """One indicator column a level; of two levels, one column is enough."""
    table = np.eye(len(levels) + 2, len(levels))
    names = tuple(f"{name}={level.replace(JOIN, '|')}" for level in levels)
    if len(levels) == 2:
        names, table = names[1:], table[:, 1:]
    return _Part(names, table, table[codes])


def _shares(name: str, n_levels: int, codes: NDArray[np.int64], training: EncodingInputs) -> _Part:
    """Frequency encoding: the share of rows with the level, in time that of earlier rows."""
    if training.visible.is_in_time:
        table, features = _means_and_shares(n_levels, codes, training)
        return _Part((f"share({name})",), table[1][:, None], features[1][:, None])
    counts = np.bincount(codes, minlength=n_levels + 2).astype(np.float64)
    counts[n_levels] = 0.0
    table_ = (counts / len(codes))[:, None]
    return _Part((f"share({name})",), table_, table_[codes])


def _means(name: str, n_levels: int, codes: NDArray[np.int64], training: EncodingInputs) -> _Part:
    table, features = _means_and_shares(n_levels, codes, training)
    return _Part(mean_names(name, training), table[0], features[0])


def _means_and_shares(
    n_levels: int, codes: NDArray[np.int64], training: EncodingInputs
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Means and shares of each level; and for each training row, those of its visible rows."""
    # Levels in the bucket of rare ones count as never seen, as later unseen levels do.
    rows = np.arange(len(codes))
    given = codes, n_levels + 2, training.target, training.weight, rows
    in_all = all_statistics(*given).forget(np.arange(n_levels + 2) == n_levels)
    seen = visible_statistics(*given, training.visible).forget(codes == n_levels)
    smoothing, least = training.options.smoothing, training.options.least
    return (
        mean_differences(in_all, training.totals, smoothing=smoothing, least=least),
        mean_differences(seen, training.visible_totals, smoothing=smoothing, least=least),
    )
