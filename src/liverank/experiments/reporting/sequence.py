"""One metric of one variant over the looks: intervals, boundary and crossings.

Alpha is spent according to the planned duration, and the boundary is exact for the observed
information at each look (the inverse of the lift's squared standard error), which need not be
planned. A guardrail's intervals are valid at all times instead. Invariant: later looks never
change the result of a look.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from liverank.experiments.metrics.metric import Metric, Summary
from liverank.experiments.statistics.always_valid import always_valid_bound, always_valid_p
from liverank.experiments.statistics.comparison import UNKNOWN, Comparison
from liverank.experiments.statistics.sequential import nominal_level, repeated_p, spending

_LEAST_GROWTH = 1.01
"""Minimum growth factor of the assumed information from look to look. Real information may stagnate
or fall if the variance of the data grows. Looks that share more of their data than assumed cross
less often (Sidak 1968), and thinner steps take long to integrate. If the variance of units grows
several times, looks share less than assumed, and cross more often than alpha."""
_WIDEST = 7.5
"""Boundary, in standard errors, beyond which intervals are too wide to show."""


@dataclass(frozen=True, slots=True)
class LookResult:
    """One look of one metric of one variant."""

    number: int
    """Number of the look, from 0."""
    comparison: Comparison
    """Comparison with intervals valid over all looks together; NaN if it is too early for one."""
    z: float
    bound: float
    """Boundary of abs(z) beyond which the look decides; infinite if no alpha is spent yet."""

    @property
    def is_crossed(self) -> bool:
        """Whether the difference is beyond the boundary."""
        return abs(self.z) >= self.bound


@dataclass(frozen=True)
class Track:
    """All looks of one metric of one variant that could be computed."""

    looks: tuple[LookResult, ...]
    last: Comparison
    """The comparison at the last look, even if it could not be computed."""
    p_of: Callable[[], float]

    @cached_property
    def p(self) -> float:
        """The p-value of the most extreme look, valid over all looks together; NaN without looks.

        It is slow to compute, so it is computed on access.
        """
        return self.p_of()

    @property
    def crossed_first(self) -> LookResult | None:
        """The look that first crossed the boundary."""
        return next((look for look in self.looks if look.is_crossed), None)


Pair = tuple[Summary, Summary]
"""The summaries of the control and the variant."""


def planned_looks(
    metric: Metric, pairs: Sequence[Pair], clock: Sequence[float], *, alpha: float
) -> Track:
    """Planned looks, over which alpha is spent by the O'Brien-Fleming type function."""
    known, information = _known(metric, pairs, alpha)
    if not known:
        return Track((), _last(metric, pairs, alpha), lambda: math.nan)
    times = [clock[number] for number, _ in known]
    shares = [each / information[-1] for each in information]
    bounds = spending(alpha, shares, clock=times).tolist()
    looks = tuple(
        _look(metric, pairs[number], number, found, bound)
        for (number, found), bound in zip(known, bounds, strict=True)
    )
    return Track(
        looks, _last_of(metric, pairs, looks, alpha), lambda: _least_p(looks, information, times)
    )


def watched(metric: Metric, pairs: Sequence[Pair], planned: int, *, alpha: float) -> Track:
    """Looks at any time, for a guardrail: a confidence sequence, tightest at 1/3 of the plan.

    Its time is the information, relative to that of the first look.
    """
    known, information = _known(metric, pairs, alpha)
    if not known:
        return Track((), _last(metric, pairs, alpha), lambda: math.nan)
    tightest = max(planned / 3, 1.0)
    units = [each / information[0] for each in information]
    looks = tuple(
        _look(metric, pairs[number], number, found, always_valid_bound(alpha, time, tightest))
        for (number, found), time in zip(known, units, strict=True)
    )

    def least() -> float:
        return min(
            always_valid_p(look.z, units=time, tightest_at=tightest, alpha=alpha)
            for look, time in zip(looks, units, strict=True)
        )

    return Track(looks, _last_of(metric, pairs, looks, alpha), least)


def _known(
    metric: Metric, pairs: Sequence[Pair], alpha: float
) -> tuple[list[tuple[int, Comparison]], list[float]]:
    """The looks with a standard error, and the information of each, which must increase.

    A total per unit grows with the time observed, and so does its standard error, while the lift
    does not; so the information is that on the lift if the metric has a value. That value is the
    mean of both arms, which unlike the control's is not correlated with their difference.
    """
    found = [metric.compare(control, variant, level=1 - alpha) for control, variant in pairs]
    known = [(number, one) for number, one in enumerate(found) if one.se > 0]
    values = [(one.control + one.value) / 2 for _, one in known]
    scales = values if all(values) else [1.0] * len(values)
    information: list[float] = []
    for (_, one), scale in zip(known, scales, strict=True):
        least = information[-1] * _LEAST_GROWTH if information else 0.0
        information.append(max((scale / one.se) ** 2, least))
    return known, information


def _look(metric: Metric, pair: Pair, number: int, found: Comparison, bound: float) -> LookResult:
    difference_ci, lift_ci = UNKNOWN, UNKNOWN
    if bound <= _WIDEST:
        wide = metric.compare(*pair, level=nominal_level(bound))
        difference_ci, lift_ci = wide.difference_ci, wide.lift_ci
    shown = replace(found, difference_ci=difference_ci, lift_ci=lift_ci)
    return LookResult(number, shown, found.difference / found.se, bound)


def _least_p(
    looks: Sequence[LookResult], information: Sequence[float], times: Sequence[float]
) -> float:
    """The p-value of the most extreme look, valid over all looks.

    Only looks with the sign of the last one count: p is for the reported direction.
    """
    sign = looks[-1].z
    same = [number for number, look in enumerate(looks) if look.z * sign > 0] or [len(looks) - 1]
    number = max(same, key=lambda k: abs(looks[k].z) / looks[k].bound)
    shares = [each / information[number] for each in information[: number + 1]]
    return repeated_p(looks[number].z, shares, clock=times[: number + 1])


def _last(metric: Metric, pairs: Sequence[Pair], alpha: float) -> Comparison:
    return metric.compare(*pairs[-1], level=1 - alpha)


def _last_of(
    metric: Metric, pairs: Sequence[Pair], looks: Sequence[LookResult], alpha: float
) -> Comparison:
    last = looks[-1]
    return last.comparison if last.number == len(pairs) - 1 else _last(metric, pairs, alpha)
