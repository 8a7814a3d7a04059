"""The figure to expect of later rows, with an interval, from blocks of rows in the past.

Invariant: a block counts only by models that were trained on the rows before it.
"""

import math
from collections.abc import Sequence

import numpy as np

from liverank.automl.metrics.figures import METRICS
from liverank.automl.metrics.forecast import LEAST_BLOCKS, Forecast, forecast
from liverank.automl.pipeline import SearchResult
from liverank.automl.report.from_search import holdout_margins
from liverank.automl.report.schema import Claim
from liverank.automl.trials.drift_policy import DriftPolicy

_RATIOS = {"log_loss": 1.0, "rmse": 0.5, "rmsle": 0.5, "mae": 0.5}
"""Figures whose changes are ratios, and the power of the mean row loss that changes alike."""
_FEWEST_ROWS = 20
"""Fewest rows of a block; the figure of fewer is luck, and may look sure by luck."""


def claim_of(result: SearchResult, study: DriftPolicy | None) -> Claim | None:
    """The claim; None without a split by time, or with fewer than three blocks of 20 rows or more.

    The blocks are those of the search's folds and the holdout. Where these are too few, the blocks
    of the ``study`` show how much losses change, and the holdout how large they are. Blocks with a
    loss of 0, such as from times when the target was constant, and those before them do not count.
    """
    if not result.evaluation.in_time:
        return None
    name = result.evaluation.holdout_rows.objective.name
    blocks = result.blocks()
    if min(len(rows) for rows, _ in blocks) < _FEWEST_ROWS:
        return None
    values = [rows.figures(margins)[name] for rows, margins in blocks]
    is_ratio = name in _RATIOS
    known = _logarithms(values) if is_ratio else values
    if len(known) < LEAST_BLOCKS:
        known = _with_study(known, study, _RATIOS[name]) if is_ratio and study else []
    expected = forecast(known)
    if expected is None:
        return None
    served = result.evaluation.holdout_rows.figures(holdout_margins(result))[name]
    value, low, high = _for_served(expected, known[-1], served, is_ratio=is_ratio)
    least, most = METRICS[name.partition("=")[0]].bounds
    return Claim(
        figure=name,
        value=float(np.clip(value, least, most)),
        low=float(np.clip(low, least, most)),
        high=float(np.clip(high, least, most)),
        blocks=len(known),
    )


def _with_study(known: list[float], study: DriftPolicy, power: float) -> list[float]:
    """Logarithms of the losses of the study's blocks, and of the holdout's, relative to the last.

    ``known`` are those of the last fold's validation rows, which are the study's last block, and of
    the holdout.
    """
    if len(known) < 2:
        return []
    past = [power * loss for loss in _logarithms([each.later for each in study.origins])]
    return [*past, past[-1] + known[-1] - known[-2]] if past else []


def _logarithms(losses: Sequence[float]) -> list[float]:
    """Logarithms of the losses after the newest that has none.

    >>> _logarithms([2.0, 0.0, 1.0, 1.0])
    [0.0, 0.0]
    """
    first = max((i + 1 for i, loss in enumerate(losses) if not loss > 0), default=0)
    return [math.log(loss) for loss in losses[first:]]


def _for_served(expected: Forecast, newest: float, served: float, *, is_ratio: bool) -> Forecast:
    """The forecast moved so that the newest block has the figure of the served model."""
    if is_ratio:
        return Forecast(*(served * math.exp(each - newest) for each in expected))
    return Forecast(*(served + each - newest for each in expected))
