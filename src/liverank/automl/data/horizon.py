"""How far ahead a model will be used: a duration, or a number of rows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liverank.errors import ConfigError, TrainingError
from liverank.quantities import duration_ms

_MOST_SHARE = 0.25


@dataclass(frozen=True)
class Horizon:
    """The stretch of rows after training that a model answers, before it is trained again."""

    amount: float
    unit: Literal["ms", "rows"]

    def share(self, at_ms: NDArray[np.float64]) -> float:
        """Share of the rows that are in the newest stretch as long as the horizon.

        ``at_ms`` is float64[n], the rows' times or their numbers, NaN where unknown. Raises
        TrainingError where that is no row, or more than a quarter of them.

        >>> Horizon(10.0, "rows").share(np.arange(100.0))
        0.1
        """
        known = at_ms[~np.isnan(at_ms)]
        if len(known) == 0:
            raise TrainingError("a horizon was given, and no row has a time")
        inside = self.amount
        if self.unit == "ms":
            inside = float((known > known.max() - self.amount).sum())
        share = inside / len(known)
        if not 0 < share <= _MOST_SHARE:
            raise TrainingError(
                f"the horizon holds {inside:,.0f} of {len(known):,} rows; as many rows are the "
                "holdout, and as many again choose between models, so it can hold at most a "
                "quarter: give a shorter horizon, or more rows"
            )
        return share


def read_horizon(given: str | int) -> Horizon:
    """A horizon as people write it: ``"7d"``, or a number of rows. Raises ConfigError.

    >>> read_horizon("2h"), read_horizon("500")
    (Horizon(amount=7200000.0, unit='ms'), Horizon(amount=500.0, unit='rows'))
    """
    text = str(given).strip()
    if text.isdecimal():
        return _positive(Horizon(float(text), "rows"), text)
    return _positive(Horizon(duration_ms(text), "ms"), text)


def _positive(horizon: Horizon, text: str) -> Horizon:
    if not 0 < horizon.amount < float("inf"):
        raise ConfigError(f'horizon "{text}": expected such as "7d", or a number of rows above 0')
    return horizon
