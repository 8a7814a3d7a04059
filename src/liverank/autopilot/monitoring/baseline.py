"""Whether the counts of the last hours are far below what the same hours were before.

The expected count of an hour is the rate of the same hour of the day on the seven days before,
times its exposure. The spread is the past's own: the mean of (count - expected)**2 / expected over
windows of the same length, so correlated hours and noisy expectations are in it (quasi-Poisson,
McCullagh and Nelder 1989); only low windows count, since rates have long upper tails. Odd hours
(of earlier alarms) are left out.

False alarms: the checks together look at some 12 series, 168 hours a week, ``WINDOWS`` windows:
16,000 looks a week, of which windows of one series overlap. At z = -5 (p = 3e-7, and the lower tail
of a count is lighter than that of a normal) that is .005 a week, below a tenth of the budget of
one false alarm in twelve weeks; the bound on the ratio makes it rarer still.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.monitoring.counts.hours import Series

WINDOWS = (2, 3, 4, 6, 8, 12, 16, 24)
"""Hours over which a fall is looked for; two at least, so that one odd hour is no alarm."""
LEAST_Z = -5.0
"""A fall must be this many standard deviations."""
DAYS = 7
_DAY, _WEEK = 24, 168
_LEAST_PAST = 48
"""Hours with an expectation that are needed before anything is compared."""
_PRIOR = 10.0
"""Exposure with the overall rate that is added to each hour of the day."""
_PAST_BLOCKS = 8
"""Windows of a length that the past must hold, for a spread of that length."""


class Fall(msgspec.Struct, frozen=True):
    """Counts that are too low over the last ``hours``."""

    hours: int
    count: float
    expected: float
    z: float

    @property
    def ratio(self) -> float:
        """What there was of what was expected."""
        return self.count / self.expected


class Compared(msgspec.Struct, frozen=True):
    """Counts with their expectations, float64[hours] each, oldest first; NaN: not comparable."""

    count: Series
    expected: Series
    is_odd: NDArray[np.bool_]


def by_exposure(count: Series, exposure: Series, is_odd: NDArray[np.bool_]) -> Compared:
    """Counts against the rate per exposure of the same hours of the seven days before.

    >>> ones = np.ones(96)
    >>> compared = by_exposure(2 * ones, ones, np.zeros(96, bool))
    >>> compared.expected[[0, -1]].tolist()
    [nan, 2.0]
    """
    use = ~is_odd
    past = _same_hours(np.where(use, count, 0.0)), _same_hours(np.where(use, exposure, 0.0))
    totals = _trailing(np.where(use, count, 0.0)), _trailing(np.where(use, exposure, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        overall = totals[0] / totals[1]
        rate = (past[0] + _PRIOR * overall) / (past[1] + _PRIOR)
        expected = np.where((totals[1] > 0) & (past[1] > 0), rate * exposure, np.nan)
    return Compared(count, expected, is_odd)


def by_days(count: Series, is_odd: NDArray[np.bool_], days: tuple[int, ...]) -> Compared:
    """Counts against their mean in the same hours some days before, e.g. (7,) or (1, 2, 3)."""
    total, number = np.zeros(len(count)), np.zeros(len(count))
    for day in days:
        total += _back(np.where(is_odd, 0.0, count), day * _DAY, 0.0)
        number += _back((~is_odd).astype(np.float64), day * _DAY, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Compared(count, np.where(number > 0, total / number, np.nan), is_odd)


def usual(count: Series, is_odd: NDArray[np.bool_]) -> Series:
    """The median of the same hours of the seven days before, which one burst does not move.

    float64[hours]; NaN where fewer than two days are known.

    >>> count = np.ones(72)
    >>> count[0] = 1000.0
    >>> usual(count, np.zeros(72, bool))[48:51].tolist()
    [1.0, 1.0, 1.0]
    """
    days = np.array(
        [_back(np.where(is_odd, np.nan, count), day * _DAY, np.nan) for day in range(1, DAYS + 1)]
    )
    days.sort(axis=0)  # NaN last
    known = np.count_nonzero(~np.isnan(days), axis=0)
    lower_middle = days[np.maximum((known - 1) // 2, 0), np.arange(len(count))]
    return np.where(known >= 2, lower_middle, np.nan)


def fall_of(
    compared: Sequence[Compared],
    companions: Sequence[Compared] = (),
    *,
    bound: float,
    least_hours: int = 2,
    least_expected: float = 10.0,
) -> Fall | None:
    """The clearest fall of the last hours to below ``bound`` times the expected; or None.

    All of ``compared`` must agree that it is below the bound. One of them or of ``companions``
    (the same counts against another exposure, which may follow them more closely) must find it
    clear. The result has the highest ratio of ``compared``.

    >>> rng = np.random.default_rng(1)
    >>> exposure = np.full(240, 50.0)
    >>> count = rng.poisson(exposure).astype(float)
    >>> count[-3:] = 10.0
    >>> found = fall_of([by_exposure(count, exposure, np.zeros(240, bool))], bound=0.6)
    >>> found.hours, found.count
    (3, 30.0)
    """
    best: Fall | None = None
    for hours in (one for one in WINDOWS if one >= least_hours):
        falls = [_window(one, hours, bound) for one in compared]
        known = [one for one in falls if one is not None and one.expected >= least_expected]
        if len(known) < len(falls):
            continue
        others = [_window(one, hours, bound) for one in companions]
        z = min((one.z for one in (*known, *others) if one is not None), default=0.0)
        if z <= LEAST_Z and (best is None or z < best.z):
            worst = max(known, key=lambda one: one.ratio)
            best = msgspec.structs.replace(worst, z=z)
    middle = (1 + bound) / 2
    if best is None or not all(is_low(one, bound=middle, least_expected=10.0) for one in compared):
        return None
    return best


def is_low(compared: Compared, *, bound: float, least_expected: float) -> bool:
    """Whether the newest hours are still below ``bound`` times the expected.

    They are the fewest hours, two at least, that ``least_expected`` was expected of.
    """
    total = seen = 0.0
    for back in range(1, min(_DAY, len(compared.count)) + 1):
        expected = compared.expected[-back]
        if np.isnan(expected):
            continue
        total, seen = total + expected, seen + compared.count[-back]
        if back >= 2 and total >= least_expected:
            return bool(seen <= bound * total)
    return bool(total > 0 and seen <= bound * total)


def began(compared: Compared, *, bound: float, hours: int) -> int:
    """For how many hours counts have been below ``bound``, ``hours`` at least.

    It grows as long as the next three hours further back together are below it.
    """
    while hours + 3 <= len(compared.count):
        part = slice(len(compared.count) - hours - 3, len(compared.count) - hours)
        expected = np.nansum(compared.expected[part])
        if not expected > 0 or compared.count[part].sum() > bound * expected:
            return hours
        hours += 3
    return hours


def _window(compared: Compared, hours: int, bound: float) -> Fall | None:
    """The count and expectation of the last hours, and how far they are apart, if below bound."""
    expected = compared.expected[-hours:]
    total, count = float(expected.sum()), float(compared.count[-hours:].sum())
    if not total > 0 or count > bound * total:
        return None  # NaN if one of the hours cannot be compared
    end = len(compared.count) - hours
    begin = max(0, end - 2 * _WEEK)
    past = np.where(compared.is_odd, np.nan, compared.expected)[begin:end]
    apart = compared.count[begin:end] - past
    if np.count_nonzero(past > 0) < _LEAST_PAST:
        return None
    spread = max(1.0, _low_spread(apart, past, 1), _low_spread(apart, past, hours))
    return Fall(hours, count, total, (count - total) / float(np.sqrt(spread * total)))


def _low_spread(apart: Series, expected: Series, hours: int) -> float:
    """The mean of (count - expected)**2 / expected over the past's low windows; 0 if too few."""
    if len(apart) < hours * _PAST_BLOCKS // 2:
        return 0.0
    ones = np.ones(hours)
    totals, off = np.convolve(expected, ones, "valid"), np.convolve(apart, ones, "valid")
    is_low = (off < 0) & (totals > 0)
    if np.count_nonzero(is_low) < _PAST_BLOCKS:
        return 0.0
    return float((off[is_low] ** 2 / totals[is_low]).mean())


def _same_hours(series: Series) -> Series:
    """The sum over the same hours of the seven days before."""
    total = np.zeros(len(series))
    for day in range(1, DAYS + 1):
        total += _back(series, day * _DAY, 0.0)
    return total


def _trailing(series: Series) -> Series:
    """The sum over the seven days before each hour."""
    sums = np.concatenate([[0.0], np.cumsum(series)])
    ends = np.arange(len(series))
    trailing: Series = sums[ends] - sums[np.maximum(ends - _WEEK, 0)]
    return trailing


def _back(series: Series, hours: int, missing: float) -> Series:
    moved = np.full(len(series), missing)
    if hours < len(series):
        moved[hours:] = series[:-hours]
    return moved
