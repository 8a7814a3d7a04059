"""Numbers of an experiment as text: percents, intervals, p-values, dates."""

import math
from datetime import UTC, datetime

from liverank.experiments.statistics.comparison import Comparison, Interval


def percent(share: float) -> str:
    """A relative change with its sign.

    >>> percent(0.0196), percent(-0.5), percent(12.3), percent(0.00021)
    ('+1.96 %', '-50 %', '+1,230 %', '+0.021 %')
    """
    if math.isnan(share):
        return "unknown"
    value = 100 * share
    size = abs(value)
    if size >= 999.5:
        return f"{value:+,.0f} %"
    digits = 0 if size == 0 else max(0, 2 - math.floor(math.log10(size)))
    text = f"{value:+.{min(digits, 4)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} %"


def interval(ends: Interval) -> str:
    """An interval of relative changes.

    >>> interval((-0.01, 0.034))
    '-1 to +3.4 %'
    """
    return f"{percent(ends[0]).removesuffix(' %')} to {percent(ends[1])}"


def number(value: float) -> str:
    """A value of a metric: four significant digits, with thousands separators.

    >>> number(0.19034), number(12345678.0), number(math.nan)
    ('0.1903', '12,345,678', 'unknown')
    """
    if math.isnan(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def p_value(p: float) -> str:
    """A p-value.

    >>> p_value(0.0341), p_value(2e-9), p_value(0.5)
    ('0.034', '< 0.0001', '0.50')
    """
    if math.isnan(p):
        return "unknown"
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def p_words(p: float) -> str:
    """A p-value with its equals sign.

    >>> p_words(0.0341), p_words(2e-9)
    ('= 0.034', '< 0.0001')
    """
    words = p_value(p)
    return words if words.startswith("<") else f"= {words}"


def effect(comparison: Comparison) -> str:
    """The lift with its interval, or the difference with its interval if no lift is known.

    >>> from liverank.experiments.statistics.estimate import Estimate
    >>> from liverank.experiments.statistics.comparison import compare_estimates
    >>> effect(compare_estimates(Estimate(0.2, 1e-6, 9000), Estimate(0.21, 1e-6, 9000)))
    '+5 % (+3.59 to +6.43 %)'
    """
    if not math.isnan(comparison.lift) and not math.isnan(comparison.lift_ci[0]):
        return f"{percent(comparison.lift)} ({interval(comparison.lift_ci)})"
    low, high = comparison.difference_ci
    return f"{comparison.difference:+.4g} ({low:+.4g} to {high:+.4g}) in its own unit"


def date(at_ms: int) -> str:
    """The day of a time, in UTC.

    >>> date(1_800_000_000_000)
    '2027-01-15'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
