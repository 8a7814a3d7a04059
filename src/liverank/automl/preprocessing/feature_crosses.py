"""Features that no column gives by itself: arithmetic on two numbers, two columns' levels together.

Candidates are ranked by how much they tell of what a model left unexplained, and only those are
kept with which validation improves. Invariant: with the same losses and no deadline in the way, the
same ones are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.preprocessing.encoder import CategoryCross, FeatureCross
from liverank.automl.profile.association import level_gain, order_gain
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.steps import Arithmetic, Operation, combine, level_keys

Loss = Callable[[tuple[FeatureCross, ...]], float]
"""The validation loss of a model whose encoder has these crosses."""

MOST_NUMBERS, MOST_LEVELED = 12, 12
"""Columns that are paired, those first that tell most by themselves."""

_SIGNS: dict[Operation, str] = {"plus": "+", "minus": "-", "times": "*", "over": "/"}
_BINS = 32
_ROWS = 50_000
_FEW_LEVELS = 64
_LEAST_GAIN = 0.0005
"""Share of the unexplained variance below which a candidate is not worth a trial."""
_BATCH = 8


def candidates(
    columns: Columns,
    inputs: Sequence[Input],
    unexplained: NDArray[np.float64],
    *,
    most: int = 64,
    deadline: Deadline | None = None,
) -> list[FeatureCross]:
    """Extras worth a trial, the best first.

    ``unexplained`` is float64[n, k]: the target (an indicator for each class) less what a model
    said of these rows, which it was not trained on; or simply the target. Looking stops at the
    deadline.

    >>> generator = np.random.default_rng(0)
    >>> columns = {"debt": generator.random(4000), "income": generator.random(4000)}
    >>> inputs = [Input(name=name, type="number") for name in columns]
    >>> target = np.abs(columns["debt"] - columns["income"])
    >>> candidates(columns, inputs, target[:, None])[0].names
    ('debt - income',)
    """
    step = max(len(unexplained) // _ROWS, 1)
    looked = {form.name: columns[form.name][::step] for form in inputs}
    left = unexplained[::step]
    numbers = _most_telling([f.name for f in inputs if f.type == "number"], looked, left)
    leveled = _most_telling([f.name for f in inputs if _has_levels(f, looked)], looked, left)
    found: list[tuple[float, FeatureCross]] = []
    for gain, cross in (*_of_numbers(numbers, looked, left), *_of_levels(leveled, looked, left)):
        if gain > _LEAST_GAIN:
            found.append((gain, cross))
        if deadline is not None and deadline.expired():
            break
    return [cross for _, cross in sorted(found, key=lambda pair: -pair[0])][:most]


def arithmetic(left: str, right: str, operation: Operation) -> Arithmetic:
    """A step that is named by what it does.

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
    """The crosses with which the loss falls by at least this share, found by trying.

    They are tried together, eight at a time; a group that does not help is halved, and in the end
    those that are not worth half that share are dropped. A trial begins only if there is time for
    one as long as the longest so far.

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
        tried = trials.loss_of(kept + group)
        if tried < best - least_gain * abs(best):
            best, kept = tried, kept + group
        elif len(group) > 1:
            middle = len(group) // 2
            groups[:0] = [group[:middle], group[middle:]]
    for cross in reversed(kept):
        others = tuple(each for each in kept if each is not cross)
        without = trials.loss_of(others) if trials.have_time() else np.inf
        if without <= best + least_gain / 2 * abs(best):  # what is worth little is mostly luck
            best, kept = min(without, best), others
    return kept


class _Trials:
    """Trials, and how long the longest of them took, in seconds."""

    def __init__(self, loss: Loss, deadline: Deadline) -> None:
        self._loss, self._deadline = loss, deadline
        self._longest_s = 0.0

    def have_time(self) -> bool:
        """Whether there is time for one more as long as the longest."""
        return self._deadline.left_s() > self._longest_s

    def loss_of(self, crosses: tuple[FeatureCross, ...]) -> float:
        """The loss with these crosses."""
        began = self._deadline.clock()
        loss = self._loss(crosses)
        self._longest_s = max(self._longest_s, self._deadline.clock() - began)
        return loss


def _has_levels(form: Input, columns: Columns) -> bool:
    """Whether a column's values are few enough to be levels, or are levels already."""
    if form.type in ("category", "boolean"):
        return True
    return form.type == "number" and len(np.unique(columns[form.name][:2000])) <= _FEW_LEVELS


def _most_telling(
    names: list[str], columns: Columns, left: NDArray[np.float64]
) -> dict[str, float]:
    """The columns that tell most by themselves, with how much that is."""
    gains = {name: _gain(columns[name], left) for name in names}
    ranked = sorted(names, key=lambda name: -gains[name])[:MOST_NUMBERS]
    return {name: gains[name] for name in names if name in ranked}


def _gain(values: NDArray[np.generic], left: NDArray[np.float64]) -> float:
    if values.dtype == object:
        return level_gain(_key_codes([values]), left)
    return order_gain(values.astype(np.float64), left, _BINS)


def _of_numbers(
    gains: dict[str, float], columns: Columns, left: NDArray[np.float64]
) -> Iterator[tuple[float, FeatureCross]]:
    """The best operation on each pair of numbers, by what it tells beyond either."""
    for one, other in combinations(gains, 2):
        trials: list[tuple[float, FeatureCross]] = []
        for operation in _SIGNS:
            values = combine(columns[one], columns[other], operation)
            step = arithmetic(one, other, operation)
            alone = max(gains[one], gains[other], 0.0)
            trials.append((order_gain(values, left, _BINS) - alone, step))
        yield max(trials, key=lambda trial: trial[0])


def _of_levels(
    gains: dict[str, float], columns: Columns, left: NDArray[np.float64]
) -> Iterator[tuple[float, FeatureCross]]:
    """Each number as levels, and each pair of columns, by what they tell beyond either."""
    for name, gain in gains.items():
        if columns[name].dtype != object:
            codes = _key_codes([columns[name]])
            yield level_gain(codes, left) - max(gain, 0.0), CategoryCross((name,))
    for one, other in combinations(gains, 2):
        codes = _key_codes([columns[one], columns[other]])
        alone = max(gains[one], gains[other], 0.0)
        yield level_gain(codes, left) - alone, CategoryCross((one, other))


def _key_codes(columns: list[NDArray[np.generic]]) -> NDArray[np.int64]:
    numbers: dict[str | None, int] = {}
    keys = level_keys(columns)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
