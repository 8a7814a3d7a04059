"""The figure to expect of later rows, with an interval, from blocks of rows in the past.

Invariant: a block counts only by models that were trained on the rows before it.
"""

import math

import numpy as np

from liverank.automl.metrics.figures import METRICS
from liverank.automl.metrics.forecast import LEAST_BLOCKS, Forecast, forecast
from liverank.automl.pipeline import SearchResult
from liverank.automl.report.from_search import holdout_margins
from liverank.automl.report.schema import Claim
from liverank.automl.trials.drift_policy import DriftPolicy

_RATIOS = {"log_loss": 1.0, "rmse": 0.5, "rmsle": 0.5, "mae": 0.5}
"""Figures whose changes are ratios, and the power of the mean row loss that changes alike."""


def claim_of(result: SearchResult, study: DriftPolicy | None) -> Claim | None:
    """The claim; None without a split by time, or with fewer than three blocks.

    The blocks are those of the search's folds and the holdout. Where these are too few, the blocks
    of the ``study`` show how much losses change, and the holdout how large they are.
    """
    if not result.evaluation.in_time:
        return None
    name = result.evaluation.holdout_rows.objective.name
    values = [rows.figures(margins)[name] for rows, margins in result.blocks()]
    is_ratio = name in _RATIOS
    if is_ratio and not all(value > 0 for value in values):
        return None
    known = [math.log(value) if is_ratio else value for value in values]
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
    losses = [each.later for each in study.origins]
    if len(known) < 2 or not all(loss > 0 for loss in losses):
        return []
    past = [power * math.log(loss) for loss in losses]
    return [*past, past[-1] + known[-1] - known[-2]] if past else []


def _for_served(expected: Forecast, newest: float, served: float, *, is_ratio: bool) -> Forecast:
    """The forecast moved so that the newest block has the figure of the served model."""
    if is_ratio:
        return Forecast(*(served * math.exp(each - newest) for each in expected))
    return Forecast(*(served + each - newest for each in expected))
