"""Calibration by origins: kept only if what earlier blocks asked for helped on the next ones.

Margins of blocks of rows, each later than the one before, are calibrated by the mean of the affine
calibrations of the blocks before it, or by that of the newest of them. How much of it is applied
(none, a quarter, ... all) is what lowers the loss of the next blocks, so calibrations that disagree
from block to block shrink towards none.
Invariant: no block is calibrated by its own targets.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.ensemble.calibration import Calibrated, fit_affine
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.models.calibrator import Calibrator

Floats = NDArray[np.float64]

_LEAST_STEPS = 3
_SHARES = (0.25, 0.5, 0.75, 1.0)
_MEMORIES = ("mean", "newest")
_LEAST_HELPED = 2 / 3
"""Share of the steps at which a calibration must have helped."""


class CalibrationBlock(NamedTuple):
    """Raw margins, float64[n, k], of models of the past on a block of later rows."""

    margins: Floats
    rows: EvalRows


class _Rule(NamedTuple):
    """How much of what the earlier blocks asked for is applied to the next."""

    memory: str
    share: float

    def calibrator(self, fitted: Sequence[Calibrator]) -> Calibrator:
        """The calibrator for the block after those that ``fitted`` are of."""
        used = fitted[-1:] if self.memory == "newest" else fitted
        slope = np.mean([each.slope for each in used], axis=0)
        offset = np.mean([each.offset for each in used], axis=0)
        return Calibrator(1 + self.share * (slope - 1), self.share * offset)


def calibrate_by_origins(blocks: Sequence[CalibrationBlock]) -> Calibrated:
    """The calibration of the blocks, the oldest first, that is applied to what follows them.

    There are ``none`` where fewer than four blocks allow fewer than three steps, where the mean
    gain over the steps is within its standard error, or where it did not help at two of three.
    """
    k = blocks[0].margins.shape[1]
    nothing = Calibrator.none(k)
    fitted = [fit_affine(*block) for block in blocks]
    rules = [_Rule(memory, share) for memory in _MEMORIES for share in _SHARES]
    gains = np.array([_gains(rule, blocks, fitted) for rule in rules])
    sizes = [len(block.rows) for block in blocks]
    if len(blocks) <= _LEAST_STEPS:
        return Calibrated(nothing, "none", (0.0, 0.0))
    best = int(np.argmax(gains.mean(axis=1)))
    error = float(gains[best].std(ddof=1)) / gains.shape[1] ** 0.5
    mean = float(gains[best].mean())
    if mean <= error or (gains[best] > 0).mean() < _LEAST_HELPED:
        return Calibrated(nothing, "none", (mean - error, mean + error))
    close = [
        index
        for index, rule in enumerate(rules)
        if rule.memory == rules[best].memory and gains[index].mean() >= mean - error
    ]
    rule = rules[min(close)]
    by_block = [nothing, *(rule.calibrator(fitted[:i]) for i in range(1, len(blocks)))]
    return Calibrated(
        rule.calibrator(fitted),
        "affine",
        (mean - error, mean + error),
        by_block=tuple(zip(sizes, by_block, strict=True)),
    )


def in_parts(block: CalibrationBlock, n: int) -> list[CalibrationBlock]:
    """The block in ``n`` parts of about equal size, in its order."""
    parts = np.array_split(np.arange(len(block.rows)), n)
    return [CalibrationBlock(block.margins[part], block.rows.take(part)) for part in parts]


def _gains(
    rule: _Rule, blocks: Sequence[CalibrationBlock], fitted: Sequence[Calibrator]
) -> list[float]:
    """Fall of the mean loss of each block but the first."""
    gains = []
    for index, (margins, rows) in enumerate(blocks[1:], 1):
        after = rule.calibrator(fitted[:index]).apply(margins)
        gains.append(rows.mean_loss(margins) - rows.mean_loss(after))
    return gains
