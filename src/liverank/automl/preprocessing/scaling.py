"""Finds columns whose differences float32 would lose, and a scale on which it keeps them.

Models read float32: a meter of 1e9 + 0..100 has steps of 64 there, and 1e-60 is 0. Such columns,
and only these, are shifted and scaled in float64 before.
Invariant: a scale never changes the order of values.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.models.encoder.steps import MOST, Learned, Scaled, Step, Value

_SAMPLE = 5000
_KEPT = 0.95
"""Share of the distinct values that float32 must keep apart for a column to stay as it is."""
_BETTER = 1.05
"""A scale must keep this many times as many values apart as no scale does."""


def number_step(name: str, values: NDArray[np.float64]) -> Step:
    """The step of a number, float64[n] of the training rows: scaled where that is needed.

    >>> type(number_step("age", np.arange(100.0))).__name__
    'Value'
    >>> number_step("meter", 1e9 + np.arange(100.0))
    Scaled(names=('meter',), column='meter', shift=1000000049.0, scale=50.0, is_log=False)
    """
    plain = Value(names=(name,), column=name)
    known = values[np.isfinite(values)]
    known = known[:: max(len(known) // _SAMPLE, 1)]
    distinct = np.unique(known)
    unscaled = _kept(plain, distinct)
    if unscaled >= _KEPT * len(distinct):
        return plain
    low, middle, high = np.quantile(distinct, [0.25, 0.5, 0.75], method="lower").tolist()
    candidates: list[tuple[int, Step]] = []
    for shift, scale, is_log in (
        (middle, high - low, False),
        (0.0, float(np.abs(distinct[distinct != 0]).min()), True),
    ):
        if 0 < scale < np.inf:
            step = Scaled(names=(name,), column=name, shift=shift, scale=scale, is_log=is_log)
            candidates.append((_kept(step, distinct), step))
    kept, best = max(candidates, key=lambda each: each[0], default=(0, plain))
    return best if kept > _BETTER * unscaled else plain


def _kept(step: Step, distinct: NDArray[np.float64]) -> int:
    """How many distinct values remain distinct as float32."""
    (name,) = step.reads
    features = step.apply({name: distinct}, Learned(None, {}))
    return len(np.unique(np.clip(features, -MOST, MOST).astype(np.float32)))
