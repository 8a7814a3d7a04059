"""Formats numbers of a proof for the page: values on their own scale, lifts, shares, times."""

from liverank.experiments.analysis.words import number
from liverank.proof.results import METRIC_WORDS, Interval

_SHARES: tuple[str, ...] = ("daily_active", "join_rate")
TITLES: dict[str, str] = {
    "daily_active": "Daily active",
    "join_rate": "Join rate",
    "clicks_to_explore": "Clicks to explore",
    "minutes_listened": "Minutes listened",
}
POLICY_WORDS = {
    "popular": "most popular",
    "model": "liverank",
    "random": "in random order",
    "oracle": "oracle",
    "personal rule": "a personal rule without a model",
}
_SPANS = {"5m": "of 5 minutes", "1h": "of an hour", "1d": "of a day"}
"""Half-lives of counts in the names of heuristics, in words."""
UNKNOWN = "unknown"


def metric_title(name: str) -> str:
    """The name of a metric for readers.

    >>> metric_title("join_rate")
    'Join rate'
    """
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def metric_meaning(name: str) -> str:
    """The meaning of a metric; empty for a metric that no proof has."""
    return next((words for known, words in METRIC_WORDS.items() if known == name), "")


def policy_words(name: str) -> str:
    """The name of a policy for readers.

    >>> policy_words("model"), policy_words("popular 5m")
    ('liverank', 'popular of 5 minutes')
    """
    words, _, span = name.rpartition(" ")
    return POLICY_WORDS.get(name) or (f"{words} {_SPANS[span]}" if span in _SPANS else name)


def value_words(name: str, value: float | None) -> str:
    """A value of a metric on its own scale.

    >>> value_words("join_rate", 0.0312), value_words("minutes_listened", 81.234)
    ('3.12 %', '81.23')
    """
    if value is None:
        return UNKNOWN
    return f"{100 * value:.3g} %" if name in _SHARES else number(value)


def lift_words(lift: float | None) -> str:
    """A relative change with its sign, in whole percents if it is large.

    >>> lift_words(0.2374), lift_words(-0.0123), lift_words(None)
    ('+24 %', '-1.2 %', 'unknown')
    """
    if lift is None:
        return UNKNOWN
    return f"{100 * lift:+.0f} %" if abs(lift) >= 0.0995 else f"{100 * lift:+.1f} %"


def interval_words(ends: Interval) -> str:
    """Both ends of an interval of lifts, or a note that there is none yet.

    >>> interval_words((0.191, 0.287)), interval_words((None, None))
    ('+19 to +29 %', 'no interval yet')
    """
    low, high = ends
    if low is None or high is None:
        return "no interval yet"
    return f"{lift_words(low).removesuffix(' %')} to {lift_words(high)}"


def share_words(share: float | None) -> str:
    """A share of the oracle's gain, as text.

    >>> share_words(0.637), share_words(None)
    ('64 %', 'unknown')
    """
    return UNKNOWN if share is None else f"{share:.0%}".replace("%", " %")


def seconds_words(seconds: float) -> str:
    """A duration as text.

    >>> seconds_words(8.23), seconds_words(204.0)
    ('8.2 s', '3 min 24 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
