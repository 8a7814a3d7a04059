"""The figure to expect of the rows to come, from the figures of blocks of rows in the past."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Floats = NDArray[np.float64]

_CONFIDENCE = 0.95
_AHEAD = (1, 2)
"""Blocks ahead: a model is often used for longer than one block."""
LEAST_BLOCKS = 3


class Forecast(NamedTuple):
    """An expected value and its 95 % interval."""

    value: float
    low: float
    high: float


def forecast(values: Sequence[float]) -> Forecast | None:
    """What the next values may be, given those of blocks in a row; None of fewer than three.

    The expected value is either the mean so far or the newest value, whichever was closer to the
    values that followed it in the past. The interval is Student's t of these past errors, one and
    two blocks ahead, so it is as wide as the past was hard to foresee.

    >>> forecast([1.0, 1.0, 1.0, 1.0])
    Forecast(value=1.0, low=1.0, high=1.0)
    >>> round(forecast([1.0, 2.0, 3.0, 4.0]).value, 2)
    4.0
    """
    past = np.asarray(values, np.float64)
    if len(past) < LEAST_BLOCKS or not np.isfinite(past).all():
        return None
    means = np.cumsum(past) / np.arange(1, len(past) + 1)
    centre, error = min(
        ((guess[-1], _root_of_squares(guess, past)) for guess in (means, past)),
        key=lambda pair: pair[1],
    )
    half = float(t.ppf((1 + _CONFIDENCE) / 2, len(past) - 1)) * error
    return Forecast(float(centre), float(centre - half), float(centre + half))


def _root_of_squares(guesses: Floats, past: Floats) -> float:
    """Root of the mean squared error of guesses made after each block but the last."""
    errors = np.concatenate([past[ahead:] - guesses[:-ahead] for ahead in _AHEAD])
    return float(np.sqrt((errors**2).mean()))
