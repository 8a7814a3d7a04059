"""Fitting the levels of a column, or of a cross of columns, to the target.

Few levels get a feature each, or the number that they are; else a level is told by how far the
target's mean is above that of all, and where there are many by its share of the rows. Levels with
few rows are folded into one, which is also that of levels never seen. Invariant: as in
``target_means``, no training row sees its own target.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.automl.preprocessing.target_encoding import (
    Statistics,
    VisibleRows,
    all_statistics,
    means_above,
    seen_statistics,
)
from liverank.models.encoder.columns import number_of
from liverank.models.encoder.steps import JOIN, Levels, Step, level_codes, level_keys, places_of

Floats = NDArray[np.float64]


class EncodingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How columns are encoded."""

    one_hot: int = 12
    """Levels up to which each gets a feature of its own, where they are not numbers."""
    shares: int = 64
    """Levels beyond which the share of a level's rows is a feature: of ids it tells fame, of a few
    levels only what the mean tells better."""
    least: int = 5
    """Rows that a level or a word needs, to be told from those never seen."""
    most_levels: int = 10_000
    smoothing: float = 10.0
    """Rows of the mean of all that a level's mean is mixed with."""
    most_classes: int = 10
    """Classes whose mean is a feature, the most frequent ones."""
    tokens: int = 1000
    """Words or elements whose mean is known."""
    shown: int = 30
    """Words or elements that get a feature of their own."""
    folds: int = 5


@dataclass(frozen=True, eq=False)
class EncodingInputs:
    """Rows to fit an encoder on, and what each may see of the target.

    ``target`` is float64[n, k]: the value, or an indicator for each of ``classes``.
    """

    target: Floats
    classes: tuple[str, ...]
    weight: Floats
    sight: VisibleRows
    seen_of_all: Statistics
    """What each row may see of all rows: n entries."""
    of_all: Statistics
    """Of all rows: one entry."""
    recipe: EncodingOptions


class Fitted(NamedTuple):
    """A step, its table, and the features of the training rows: float64[n, n_names]."""

    step: Step
    table: Floats | None
    features: Floats


def training_rows(
    target: Floats,
    classes: tuple[str, ...],
    weight: Floats,
    sight: VisibleRows,
    recipe: EncodingOptions,
) -> EncodingInputs:
    """Put together what all columns are fitted to."""
    n = len(target)
    alone = np.zeros(n, np.int64), 1, target, weight, np.arange(n)
    return EncodingInputs(
        target=target,
        classes=classes,
        weight=weight,
        sight=sight,
        seen_of_all=seen_statistics(*alone, sight),
        of_all=all_statistics(*alone),
        recipe=recipe,
    )


def fit_levels(
    columns: dict[str, NDArray[Any]], training: EncodingInputs, *, numeric: bool = False
) -> Fitted | None:
    """Fit the levels of one column, or of several together; None where no level has enough rows.

    ``numeric`` gives the number that a level is, instead of a feature for each level; nor does a
    cross get those.
    """
    recipe = training.recipe
    arrays = list(columns.values())
    counts = Counter(level_keys(arrays))
    counts.pop(None, None)
    often = [level for level, count in counts.items() if level and count >= recipe.least]
    levels = sorted(often, key=lambda level: (-counts[level], level))[: recipe.most_levels]
    if not levels:
        return None
    codes = level_codes(arrays, places_of(tuple(levels)))
    name = " x ".join(columns)
    parts = [_no_features(len(codes), len(levels))]
    if numeric:
        parts.append(_numbers(name, levels, codes))
    is_few = len(levels) <= recipe.one_hot and len(columns) == 1
    if is_few and not numeric:
        parts.append(_one_hot(name, levels, codes))
    if len(levels) > recipe.shares:
        parts.append(_shares(name, len(levels), codes, training))
    if (len(levels) > 2 and not (is_few and numeric)) or len(columns) > 1:
        parts.append(_means(name, len(levels), codes, training))
    names = tuple(name for part in parts for name in part.names)
    step = Levels(names=names, columns=tuple(columns), levels=tuple(levels))
    table = np.hstack([part.table for part in parts])
    return Fitted(step, table, np.hstack([part.features for part in parts]))


def mean_names(name: str, training: EncodingInputs) -> tuple[str, ...]:
    """Names of the features that are means of the target, less that of all.

    One for a value; for several classes one each.
    """
    if not training.classes:
        return (f"mean({name})",)
    return tuple(f"mean({name}, {cls})" for cls in training.classes)


class _Part(NamedTuple):
    """Some features of a step: in its table, and of the training rows."""

    names: tuple[str, ...]
    table: Floats
    features: Floats


def _no_features(n: int, n_levels: int) -> _Part:
    return _Part((), np.zeros((n_levels + 2, 0)), np.zeros((n, 0)))


def _numbers(name: str, levels: list[str], codes: NDArray[np.int64]) -> _Part:
    table = np.array([*map(number_of, levels), np.nan, np.nan])[:, None]
    return _Part((name,), table, table[codes])


def _one_hot(name: str, levels: list[str], codes: NDArray[np.int64]) -> _Part:
    """One column a level; of two levels, one tells the other."""
    table = np.eye(len(levels) + 2, len(levels))
    names = tuple(f"{name}={level.replace(JOIN, '|')}" for level in levels)
    if len(levels) == 2:
        names, table = names[1:], table[:, 1:]
    return _Part(names, table, table[codes])


def _shares(name: str, n_levels: int, codes: NDArray[np.int64], training: EncodingInputs) -> _Part:
    """The share of rows with the level: of all rows, or in time of the rows before."""
    if training.sight.is_in_time:
        table, features = _known(n_levels, codes, training)
        return _Part((f"share({name})",), table[1][:, None], features[1][:, None])
    counts = np.bincount(codes, minlength=n_levels + 2).astype(np.float64)
    counts[n_levels] = 0.0
    table_ = (counts / len(codes))[:, None]
    return _Part((f"share({name})",), table_, table_[codes])


def _means(name: str, n_levels: int, codes: NDArray[np.int64], training: EncodingInputs) -> _Part:
    table, features = _known(n_levels, codes, training)
    return _Part(mean_names(name, training), table[0], features[0])


def _known(
    n_levels: int, codes: NDArray[np.int64], training: EncodingInputs
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Means and shares of each level; and those that each training row may know of its own."""
    # What is folded was never seen: an encoder knows nothing of it.
    rows = np.arange(len(codes))
    given = codes, n_levels + 2, training.target, training.weight, rows
    in_all = all_statistics(*given).forget(np.arange(n_levels + 2) == n_levels)
    seen = seen_statistics(*given, training.sight).forget(codes == n_levels)
    smoothing, least = training.recipe.smoothing, training.recipe.least
    return (
        means_above(in_all, training.of_all, smoothing=smoothing, least=least),
        means_above(seen, training.seen_of_all, smoothing=smoothing, least=least),
    )
