"""Compares one variant with the control: difference, relative lift, their intervals, and p.

The difference is tested by Welch's t. The lift's interval is by the delta method on the logarithm
of the ratio of the two values, which stays above -100 % and is accurate if both are clearly away
from zero; if the variant's value is not, or the signs differ, it is Fieller's interval.
Invariant: what the data do not determine is NaN, and ``reason`` explains why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from liverank.experiments.statistics.cuped import adjust, coefficients
from liverank.experiments.statistics.delta_method import Ratio, linearise
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.moments import Moments

Interval = tuple[float, float]
_FEW = 30
"""Units below which an arm's variance of 0 (all values equal) is not trusted."""
UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One variant compared with the control, at a confidence level."""

    control: float
    value: float
    """The metric in each arm, adjusted if there is a covariate."""
    difference: float
    difference_ci: Interval
    lift: float
    """``difference / control``: 0.02 is +2 %."""
    lift_ci: Interval
    se: float
    """Standard error of the difference."""
    p: float
    """Two-sided p-value of the hypothesis of no difference."""
    df: float
    """Welch's degrees of freedom."""
    n_control: int
    n_variant: int
    variance_saved: float = 0.0
    """Share of the difference's variance that the covariates removed."""
    reason: str = ""
    """The reason for a NaN above; empty if all is known."""


def compare_means(control: Moments, variant: Moments, *, level: float = 0.95) -> Comparison:
    """Compare the means of column 0; columns 1 and up are covariates.

    >>> import numpy as np
    >>> control = Moments.of(np.array([1.0, 2.0, 3.0, 2.0]))
    >>> variant = Moments.of(np.array([2.0, 3.0, 4.0, 3.0]))
    >>> found = compare_means(control, variant)
    >>> found.lift, round(found.p, 4)
    (0.5, 0.134)
    """
    ratios = [(column, None) for column in range(len(control.means))]
    return compare_columns(control, variant, ratios, level=level)


def compare_ratios(control: Moments, variant: Moments, *, level: float = 0.95) -> Comparison:
    """Compare the ratios of the means of columns 0 and 1.

    Columns 2 and 3, 4 and 5, and so on are the numerators and denominators of covariates. They are
    zero for a unit without a pre-period, which leaves it unadjusted.
    """
    ratios = [(column, column + 1) for column in range(0, len(control.means), 2)]
    return compare_columns(control, variant, ratios, level=level)


def compare_columns(
    control: Moments, variant: Moments, ratios: Sequence[Ratio], *, level: float = 0.95
) -> Comparison:
    """Compare the first of these means or ratios of columns; the others are its covariates."""
    arms = [linearise(moments, ratios) for moments in (control, variant)]
    pooled = linearise(control + variant, ratios)
    theta = coefficients(pooled)
    adjusted = [adjust(arm, pooled, theta) for arm in arms]
    raw = [adjust(arm, pooled, 0 * theta) for arm in arms]
    before = sum(each.variance for each in raw)
    saved = 1 - sum(each.variance for each in adjusted) / before if before > 0 else 0.0
    return compare_estimates(*adjusted, level=level, variance_saved=saved)


def compare_estimates(
    control: Estimate, variant: Estimate, *, level: float = 0.95, variance_saved: float = 0.0
) -> Comparison:
    """Compare estimates of independent arms that are approximately normal."""
    difference = variant.value - control.value
    reason = _why_unknown(control, variant)
    variance = control.variance + variant.variance
    se, df, p, difference_ci = math.nan, math.nan, math.nan, UNKNOWN
    lift = difference / control.value if control.value else math.nan
    lift_ci = UNKNOWN
    if not reason:
        se, df = math.sqrt(variance), _degrees(control, variant, 1.0, 1.0)
        p = 2 * float(special.stdtr(df, -abs(difference) / se))
        half = _quantile(df, level) * se
        difference_ci = (difference - half, difference + half)
        if _is_near_zero(control, df, level):
            reason = (
                "no relative lift: the control's value is not clearly away from zero "
                f"({control.value:.3g}, standard error {control.se:.2g}); read the difference"
            )
            lift = math.nan
        else:
            lift_ci = _lift_interval(control, variant, df, level)
    return Comparison(
        control=control.value,
        value=variant.value,
        difference=difference,
        difference_ci=difference_ci,
        lift=lift,
        lift_ci=lift_ci,
        se=se,
        p=p,
        df=df,
        n_control=control.count,
        n_variant=variant.count,
        variance_saved=variance_saved,
        reason=reason,
    )


def _why_unknown(control: Estimate, variant: Estimate) -> str:
    for name, arm in (("control", control), ("variant", variant)):
        if arm.count < 2:
            return f"the {name} has {arm.count} units; a comparison needs two at least"
        if not math.isfinite(arm.value):
            return f"the {name} has no value: {arm.reason or 'its denominator is zero'}"
        if arm.reason:
            return f"in the {name}, {arm.reason}"
    if not math.isfinite(control.variance + variant.variance):
        return "the variance is unknown"
    # the variance of a constant is only rounding errors
    if control.variance + variant.variance <= 1e-30 * (control.value**2 + variant.value**2):
        return "the metric does not vary between units"
    for name, arm in (("control", control), ("variant", variant)):
        if arm.variance == 0 and arm.count < _FEW:
            return f"all {arm.count} units of the {name} have one value: too few for a variance"
    return ""


def _degrees(control: Estimate, variant: Estimate, a: float, b: float) -> float:
    """Welch's degrees of freedom of ``variant / b - control / a``."""
    first, second = control.variance / a**2, variant.variance / b**2
    part = first / (first + second)
    return 1 / (part**2 / (control.count - 1) + (1 - part) ** 2 / (variant.count - 1))


def _quantile(df: float, level: float) -> float:
    return float(special.stdtrit(df, (1 + level) / 2))


def _is_near_zero(arm: Estimate, df: float, level: float) -> bool:
    """Whether the arm's interval includes zero, so that a ratio to it is meaningless."""
    return arm.value**2 <= _quantile(df, level) ** 2 * arm.variance


def _lift_interval(control: Estimate, variant: Estimate, df: float, level: float) -> Interval:
    ratio = variant.value / control.value
    if ratio > 0 and not _is_near_zero(variant, df, level):
        degrees = _degrees(control, variant, control.value, variant.value)
        variances = control.variance / control.value**2 + variant.variance / variant.value**2
        factor = math.exp(_quantile(degrees, level) * math.sqrt(variances))
        return ratio / factor - 1, ratio * factor - 1
    return _fieller(control, variant, _quantile(df, level))


def _fieller(control: Estimate, variant: Estimate, quantile: float) -> Interval:
    """The interval of r with ``|variant - r * control| <= quantile * se`` (Fieller 1954), minus 1.

    The control is more than ``quantile`` standard errors from zero, so the set is an interval.
    """
    square = quantile**2
    leading = control.value**2 - square * control.variance
    middle = control.value * variant.value
    last = variant.value**2 - square * variant.variance
    half = math.sqrt(max(middle**2 - leading * last, 0.0)) / leading
    return middle / leading - half - 1, middle / leading + half - 1
