"""One metric of one variant over the looks: intervals, boundary, and what crossed it.

Alpha is spent by the clock of the plan, and the boundary is exact for the information that the
looks really had (the inverse of the lift's squared standard error), which need not be planned. A
guardrail's intervals hold at all times instead. Invariant: the result of a look is never changed by
later looks.
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
"""Information is taken to grow by this factor from look to look at least. It can stand still, or
fall, where the spread of the data grows. Looks that share more of their data than is assumed cross
less often (Sidak 1968), and thinner steps take long to integrate. Where the spread of units grows
several times over, looks share less than is assumed, and cross more often than alpha says."""
_WIDEST = 7.5
"""Boundary, in standard errors, beyond which intervals are too wide to show."""


@dataclass(frozen=True, slots=True)
class LookResult:
    """One look of one metric of one variant."""

    number: int
    """Number of the look, from 0."""
    comparison: Comparison
    """With intervals that are valid at all looks together; NaN where it is too early for one."""
    z: float
    bound: float
    """Boundary of z: beyond it, or below its negative, the look decides. Infinite where no alpha is
    spent yet."""

    @property
    def is_crossed(self) -> bool:
        """Whether the difference is beyond the boundary."""
        return abs(self.z) >= self.bound


@dataclass(frozen=True)
class Track:
    """All looks of one metric of one variant that could be computed."""

    looks: tuple[LookResult, ...]
    last: Comparison
    """At the last look, whether it could be computed or not."""
    p_of: Callable[[], float]

    @cached_property
    def p(self) -> float:
        """The p-value of the look furthest out, valid over all together; NaN without any.

        It takes longer to compute than all else, so it is computed when it is asked for.
        """
        return self.p_of()

    @property
    def crossed_first(self) -> LookResult | None:
        """The look at which the boundary was crossed first."""
        return next((look for look in self.looks if look.is_crossed), None)


Pair = tuple[Summary, Summary]
"""The control's and the variant's."""


def planned_looks(
    metric: Metric, pairs: Sequence[Pair], clock: Sequence[float], *, alpha: float
) -> Track:
    """Looks of a plan: alpha is spent over them, O'Brien-Fleming fashion."""
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
    """Looks at any time, for a guardrail: a confidence sequence, tightest at a third of the plan.

    Its clock is the information in units of that of the first look.
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
    """The looks that have a standard error, and the information of each, which must rise.

    A total per unit grows with the time that the unit was seen, and so does its standard error;
    what stays is the lift, so the information is that on the lift where the metric has a value.
    The value is that of both arms, which does not go with their difference as the control's does.
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
    """The p of the look furthest out, which is valid over all looks.

    Only looks with the sign of the last one: p belongs to the direction that is reported.
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
