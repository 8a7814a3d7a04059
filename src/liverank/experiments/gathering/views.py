"""Totals of units at a look, on one day since their exposure, and before their exposure."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.gathering.gathered import Amounts, Gathered
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.need import DAY_MS, Need

Totals = dict[Need, NDArray[np.float64]]


class LookView:
    """Totals of units up to a moment; units not exposed by then have zeros."""

    def __init__(self, exposed_ms: NDArray[np.int64], totals: Totals, at_ms: float) -> None:
        self._exposed_ms = exposed_ms
        self._totals = totals
        self.at_ms = at_ms
        """The time of the look in Unix ms."""

    def total(self, need: Need) -> NDArray[np.float64]:
        """The total of each unit up to the look."""
        return self._totals[need]

    def days(self, until_ms: int) -> NDArray[np.float64]:
        """Whole days since each exposure, at most the window's."""
        days = np.floor((self.at_ms - self._exposed_ms) / DAY_MS)
        return np.clip(days, 0, until_ms // DAY_MS)

    def over(self, until_ms: int) -> NDArray[np.bool_]:
        """Whether the window has passed since each exposure."""
        over: NDArray[np.bool_] = self._exposed_ms + until_ms <= self.at_ms
        return over

    @property
    def exposed(self) -> NDArray[np.bool_]:
        """Which units were exposed by the time of the look."""
        exposed: NDArray[np.bool_] = self._exposed_ms <= self.at_ms
        return exposed


class BeforeView:
    """Totals of units in the days before their exposure, for covariates."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    def total(self, need: Need) -> NDArray[np.float64]:
        """The total of each unit in those days."""
        return self._gathered.before(need)

    def days(self, until_ms: int) -> NDArray[np.float64]:  # noqa: ARG002 - a view's contract
        """The days of the pre-period."""
        return np.full(self._gathered.units, float(self._gathered.pre_days))

    def over(self, until_ms: int) -> NDArray[np.bool_]:  # noqa: ARG002 - a view's contract
        """True for all: the pre-period is over."""
        return np.ones(self._gathered.units, bool)


class Days:
    """Totals of needs by day since each unit's exposure."""

    def __init__(self, gathered: Gathered, needs: dict[Need, Amounts]) -> None:
        self.units = gathered.units
        self._needs = {need: _by_day(gathered, amounts) for need, amounts in needs.items()}

    def total(self, need: Need, day: int) -> NDArray[np.float64]:
        """The total of each unit on a day, from 0."""
        days, amounts = self._needs[need]
        first, end = np.searchsorted(days, [day, day + 1]).tolist()
        return amounts.total(slice(first, end), self.units)


class DayView:
    """Totals of units on one day since their exposure; day 0 is the first 24 hours."""

    def __init__(self, days: Days, day: int) -> None:
        self._days = days
        self._day = day

    def total(self, need: Need) -> NDArray[np.float64]:
        """The total of each unit on that day."""
        return self._days.total(need, self._day)

    def days(self, until_ms: int) -> NDArray[np.float64]:
        """1 if the window includes the day, else 0."""
        return np.full(self._days.units, float(self._day < until_ms // DAY_MS))

    def over(self, until_ms: int) -> NDArray[np.bool_]:  # noqa: ARG002 - a view's contract
        """True for all: the metric's time is this day."""
        return np.ones(self._days.units, bool)


def needs_of(gathered: Gathered, metrics: Sequence[Metric]) -> dict[Need, Amounts]:
    """The needs of metrics, without repeats."""
    needs = dict.fromkeys(need for metric in metrics for need in metric.needs())
    return {need: gathered.after(need) for need in needs}


def looks(
    gathered: Gathered, needs: dict[Need, Amounts], moments_ms: Sequence[float]
) -> Iterator[LookView]:
    """Views at these increasing times. A view is valid until the next one is drawn."""
    totals: Totals = {need: np.zeros(gathered.units) for need in needs}
    starts = dict.fromkeys(needs, 0)
    for at_ms in moments_ms:
        for need, amounts in needs.items():
            end = int(np.searchsorted(amounts.time_ms, at_ms, side="right"))
            totals[need] += amounts.total(slice(starts[need], end), gathered.units)
            starts[need] = end
        yield LookView(gathered.exposed_ms, totals, at_ms)


def _by_day(gathered: Gathered, amounts: Amounts) -> tuple[NDArray[np.int16], Amounts]:
    """The day since exposure of each amount, in increasing order, and the amounts in that order."""
    since = amounts.time_ms - gathered.exposed_ms[amounts.unit]
    days = ((since - 1) // DAY_MS).astype(np.int16)
    order = np.argsort(days, kind="stable")
    amount = None if amounts.amount is None else amounts.amount[order]
    return days[order], Amounts(amounts.unit[order], amounts.time_ms[order], amount)
