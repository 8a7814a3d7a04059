"""Formats the numbers of a proof for the terminal, Markdown and pages."""

from liverank.proof.results import Interval, MetricName

_DECIMALS: dict[MetricName, int] = {
    "daily_active": 4,
    "join_rate": 4,
    "clicks_to_explore": 2,
    "minutes_listened": 1,
}


def lift_text(lift: float | None) -> str:
    """A relative lift as text.

    >>> lift_text(0.1234), lift_text(None)
    ('+12.3 %', 'unknown')
    """
    return "unknown" if lift is None else f"{lift:+.1%}".replace("%", " %")


def interval_text(interval: Interval) -> str:
    """The interval of a relative lift as text.

    >>> interval_text((0.1, 0.25)), interval_text((None, None))
    ('+10.0 % to +25.0 %', 'unknown')
    """
    low, high = interval
    return "unknown" if low is None or high is None else f"{lift_text(low)} to {lift_text(high)}"


def share_text(share: float | None) -> str:
    """The share of the oracle's gain as text.

    >>> share_text(0.666), share_text(None)
    ('67 %', 'unknown')
    """
    return "unknown" if share is None else f"{share:.0%}".replace("%", " %")


def value_text(name: MetricName, value: float) -> str:
    """A metric's value as text.

    >>> value_text("join_rate", 0.04567), value_text("minutes_listened", 12.34)
    ('0.0457', '12.3')
    """
    return f"{value:,.{_DECIMALS[name]}f}"


def covered_text(covered: bool | None) -> str:
    """Whether the interval contains the truth, as text."""
    return {True: "yes", False: "no", None: "unknown"}[covered]
