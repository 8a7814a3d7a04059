"""Whether a challenger did well in shadow, from the reports of the servers.

Invariant: reports only add up; a challenger that could not score a request never passes.
"""

from collections.abc import Sequence

import msgspec

from liverank.serving.reports import ShadowReport

LEAST_REQUESTS = 100
"""Requests that a challenger must have scored in shadow, unless few come for long."""
SLOWER = 5.0
"""Largest factor by which it may be slower than the champion, above SLOW_US."""
SLOW_US = 5_000.0
"""Mean time of a request, in microseconds, below which it is fast enough in any case."""
DEADLINE_SHARE = 0.5
"""Largest share of the shortest deadline of a surface that its mean time may take."""
LEAST_OVERLAP = 0.5
"""Least overlap of the first ten, as a share of what two random orders have in common."""
SCORE_FACTOR = 10.0
"""Largest factor between the mean scores of challenger and champion."""
_TOP = 10


class ShadowSum(msgspec.Struct, frozen=True, kw_only=True):
    """All reports of a challenger together; means are over requests, NaN where none is known."""

    requests: int
    failures: int
    champion_us: float
    challenger_us: float
    overlap_at_10: float
    mean_score: float
    mean_champion_score: float
    candidates: float
    """Mean number of candidates of a request."""
    trouble: str | None = None
    """Why it does not score, by the last report that says so."""


def sum_of(reports: Sequence[ShadowReport]) -> ShadowSum:
    """Add up reports.

    >>> sum_of([]).requests
    0
    """
    requests = sum(one.requests for one in reports)

    def mean(name: str) -> float:
        known = [(getattr(one, name), one.requests) for one in reports]
        known = [(value, count) for value, count in known if value is not None and count]
        total = sum(count for _, count in known)
        return sum(value * count for value, count in known) / total if total else float("nan")

    return ShadowSum(
        requests=requests,
        failures=sum(one.failures for one in reports),
        champion_us=mean("champion_us"),
        challenger_us=mean("challenger_us"),
        overlap_at_10=mean("overlap_at_10"),
        mean_score=mean("mean_score"),
        mean_champion_score=mean("mean_champion_score"),
        candidates=sum(one.candidates for one in reports) / requests if requests else float("nan"),
        trouble=next((one.trouble for one in reversed(reports) if one.trouble is not None), None),
    )


def fault_in(total: ShadowSum, *, champion: str | None, deadline_ms: float) -> str | None:
    """What is wrong with a challenger, as a sentence; None if nothing is.

    ``deadline_ms`` is the shortest deadline of a surface. Without LEAST_REQUESTS only failures are
    found.
    """
    if total.failures:
        return (
            f"it could not score {total.failures:,} of {total.requests + total.failures:,} "
            f"requests in shadow{'' if total.trouble is None else f': {total.trouble}'}"
        )
    if total.requests < LEAST_REQUESTS:
        return None
    slow_us = DEADLINE_SHARE * deadline_ms * 1000
    if total.challenger_us > slow_us:
        return (
            f"a request takes it {total.challenger_us / 1000:.1f} ms on average, more than "
            f"{DEADLINE_SHARE:.0%} of the deadline of {deadline_ms:.0f} ms"
        )
    if champion is None:  # popularity is quicker, and its scores are counts
        return None
    if total.challenger_us > max(SLOWER * total.champion_us, SLOW_US):
        return (
            f"a request takes it {total.challenger_us / 1000:.1f} ms on average, and the champion "
            f"{total.champion_us / 1000:.1f} ms"
        )
    chance = min(1.0, _TOP / max(total.candidates, 1.0))
    if total.overlap_at_10 < LEAST_OVERLAP * chance:
        return (
            f"its first ten items have {total.overlap_at_10:.1%} in common with the champion's, "
            f"where a random order would have {chance:.1%}"
        )
    low, high = sorted((total.mean_score, total.mean_champion_score))
    if low > 0 and high > SCORE_FACTOR * low:
        return (
            f"its scores are {total.mean_score:.3g} on average, and the champion's "
            f"{total.mean_champion_score:.3g}"
        )
    return None
