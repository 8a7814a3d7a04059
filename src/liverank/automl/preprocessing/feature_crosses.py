"""Feature crosses: arithmetic on two numbers, and combinations of two columns' levels.

Candidates are ranked by how much of a model's residuals they explain; a cross is kept only if the
validation loss falls with it. Invariant: with the same losses, and time for all trials, the same
crosses are kept.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.preprocessing.encoder import CategoryCross, FeatureCross
from liverank.automl.profile.association import codes_of_levels, level_gain, order_gain
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.step_functions import Operation, combine
from liverank.models.encoder.steps import Arithmetic

Loss = Callable[[tuple[FeatureCross, ...]], float]
"""Validation loss of a model trained with these crosses."""

MOST_PAIRED = 12
"""Number of columns that are paired with each other: those that explain most by themselves."""

_SIGNS: dict[Operation, str] = {"plus": "+", "minus": "-", "times": "*", "over": "/"}
_BINS = 32
_MOST_ROWS = 50_000
_FEW_LEVELS = 64
"""A number with at most this many distinct values can be crossed as a category."""
_LEAST_GAIN = 0.0005
"""Smallest share of the residual variance that a candidate must explain to get a trial."""
_BATCH = 8
"""Crosses that are tried together at first."""


def candidates(
    columns: Columns,
    inputs: Sequence[Input],
    unexplained: NDArray[np.float64],
    *,
    encodings: Mapping[str, ColumnEncoding] | None = None,
    most: int = 64,
    deadline: Deadline | None = None,
) -> list[FeatureCross]:
    """Crosses worth a trial, the best first, at most ``most``.

    ``unexplained`` is float64[n, k]: the target (an indicator for each class) minus predictions
    of a model that was not trained on these rows; or simply the target. ``encodings`` are those of
    ids, which are levels as well as numbers. The search for candidates ends at the deadline.

    >>> generator = np.random.default_rng(0)
    >>> columns = {"debt": generator.random(4000), "income": generator.random(4000)}
    >>> inputs = [Input(name=name, type="number") for name in columns]
    >>> target = np.abs(columns["debt"] - columns["income"])
    >>> candidates(columns, inputs, target[:, None])[0].names
    ('debt - income',)
    """
    step = max(len(unexplained) // _MOST_ROWS, 1)
    sample = {form.name: columns[form.name][::step] for form in inputs}
    left = unexplained[::step]
    ids = {name for name, encoding in (encodings or {}).items() if encoding != "number"}
    numbers = _strongest([f.name for f in inputs if f.type == "number"], sample, left)
    levels = _strongest(
        [f.name for f in inputs if f.name in ids or _has_levels(f, sample)], sample, left
    )
    worthy: list[tuple[float, FeatureCross]] = []
    pairs = chain(_number_pairs(numbers, sample, left), _level_pairs(levels, sample, left, ids))
    for gain, cross in pairs:
        if gain > _LEAST_GAIN:
            worthy.append((gain, cross))
        if deadline is not None and deadline.expired():
            break
    return [cross for _, cross in sorted(worthy, key=lambda pair: -pair[0])][:most]


def arithmetic(left: str, right: str, operation: Operation) -> Arithmetic:
    """An arithmetic step, with its formula as the feature's name.

    >>> arithmetic("debt", "income", "over").names
    ('debt / income',)
    """
    name = f"{left} {_SIGNS[operation]} {right}"
    return Arithmetic(names=(name,), left=left, right=right, operation=operation)


def choose_feature_crosses(
    proposed: Sequence[FeatureCross],
    loss: Loss,
    deadline: Deadline,
    *,
    least_gain: float = 0.002,
) -> tuple[FeatureCross, ...]:
    """The crosses with which the loss falls by at least the share ``least_gain``.

    Eight crosses are tried together; a group that does not help is halved. At the end, each cross
    whose removal costs less than half that share is dropped. A trial begins only if there is time
    for one as long as the longest so far.

    >>> worth = {"a": 0.1, "b": 0.0, "c": 0.2}
    >>> proposed = [CategoryCross((name,)) for name in worth]
    >>> def loss(crosses):
    ...     return 1.0 - sum(worth[cross.columns[0]] for cross in crosses)
    >>> deadline = Deadline(at_s=1.0, clock=lambda: 0.0)
    >>> [cross.columns for cross in choose_feature_crosses(proposed, loss, deadline)]
    [('a',), ('c',)]
    """
    trials = _Trials(loss, deadline)
    kept: tuple[FeatureCross, ...] = ()
    best = trials.loss_of(kept)
    groups = [tuple(proposed[begin : begin + _BATCH]) for begin in range(0, len(proposed), _BATCH)]
    while groups and trials.have_time():
        group = groups.pop(0)
        loss_with = trials.loss_of(kept + group)
        if loss_with < best - least_gain * abs(best):
            best, kept = loss_with, kept + group
        elif len(group) > 1:
            middle = len(group) // 2
            groups[:0] = [group[:middle], group[middle:]]
    for cross in reversed(kept):
        others = tuple(each for each in kept if each is not cross)
        without = trials.loss_of(others) if trials.have_time() else np.inf
        if without <= best + least_gain / 2 * abs(best):  # a smaller gain is mostly noise
            best, kept = min(without, best), others
    return kept


class _Trials:
    """Runs trials, and records how long the longest took, in seconds."""

    def __init__(self, loss: Loss, deadline: Deadline) -> None:
        self._loss, self._deadline = loss, deadline
        self._longest_s = 0.0

    def have_time(self) -> bool:
        """Whether there is time for another trial as long as the longest."""
        return self._deadline.left_s() > self._longest_s

    def loss_of(self, crosses: tuple[FeatureCross, ...]) -> float:
        """The loss with these crosses."""
        began = self._deadline.clock()
        loss = self._loss(crosses)
        self._longest_s = max(self._longest_s, self._deadline.clock() - began)
        return loss


def _has_levels(form: Input, columns: Columns) -> bool:
    """Whether a column is a category, or a number with few enough values to be used as one."""
    if form.type in ("category", "boolean"):
        return True
    return form.type == "number" and len(np.unique(columns[form.name][:2000])) <= _FEW_LEVELS


def _strongest(names: list[str], columns: Columns, left: NDArray[np.float64]) -> dict[str, float]:
    """The columns that explain most by themselves, and the share of variance that each explains."""
    gains = {name: _gain(columns[name], left) for name in names}
    ranked = sorted(names, key=lambda name: -gains[name])[:MOST_PAIRED]
    return {name: gains[name] for name in names if name in ranked}


def _gain(values: NDArray[np.generic], left: NDArray[np.float64]) -> float:
    if values.dtype == object:
        return level_gain(codes_of_levels([values]), left)
    return order_gain(values.astype(np.float64), left, _BINS)


def _number_pairs(
    gains: dict[str, float], columns: Columns, left: NDArray[np.float64]
) -> Iterator[tuple[float, FeatureCross]]:
    """The best operation for each pair of numbers, with its gain over the better of the two."""
    for one, other in combinations(gains, 2):
        trials: list[tuple[float, FeatureCross]] = []
        for operation in _SIGNS:
            values = combine(columns[one], columns[other], operation)
            step = arithmetic(one, other, operation)
            alone = max(gains[one], gains[other], 0.0)
            trials.append((order_gain(values, left, _BINS) - alone, step))
        yield max(trials, key=lambda trial: trial[0])


def _level_pairs(
    gains: dict[str, float], columns: Columns, left: NDArray[np.float64], ids: Container[str]
) -> Iterator[tuple[float, FeatureCross]]:
    """Each number as a category, and each pair of columns, with the gain over either alone.

    ``ids`` are categories by themselves.
    """
    for name, gain in gains.items():
        if columns[name].dtype != object and name not in ids:
            codes = codes_of_levels([columns[name]])
            yield level_gain(codes, left) - max(gain, 0.0), CategoryCross((name,))
    for one, other in combinations(gains, 2):
        codes = codes_of_levels([columns[one], columns[other]])
        alone = max(gains[one], gains[other], 0.0)
        yield level_gain(codes, left) - alone, CategoryCross((one, other))
