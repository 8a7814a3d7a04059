"""What the people of two arms did: the numbers from which guardrails are computed.

Invariant: a person counts in one arm, and all numbers are per person, so that the people of an arm
are independent units however often they come back.
"""

from dataclasses import dataclass

import numpy as np

from liverank.experiments.statistics.moments import Moments

COLUMNS = ("rankings", "impressions", "successes", "fallbacks", "empty")
"""Numbers of a person: rankings, impressions seen, impressions that were successes so far,
rankings that were not by the arm's own model, and rankings without any success so far."""
RANKINGS, IMPRESSIONS, SUCCESSES, FALLBACKS, EMPTY = range(len(COLUMNS))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two arms so far: ``control`` (the champion, or the heuristic) and ``treated``.

    >>> Evidence.none().people
    0
    """

    control: Moments
    treated: Moments
    """Moments of COLUMNS over the people of each arm."""
    share: float | None
    """Share of the people who are drawn to ``treated``; None where the draw is not known."""
    tightest_at: float
    """Number of people at which the always-valid intervals are tightest, chosen beforehand."""
    against_heuristic: bool = False
    """Whether ``control`` gets a heuristic, which never falls back."""

    @property
    def people(self) -> int:
        """Number of people of both arms."""
        return self.control.count + self.treated.count

    @classmethod
    def none(cls, share: float | None = None, tightest_at: float = 1000.0) -> "Evidence":
        """No evidence yet."""
        nothing = Moments.none(len(COLUMNS))
        return cls(nothing, nothing, share, tightest_at)


def total(arm: Moments, column: int) -> int:
    """The sum of a column over the people of an arm.

    >>> total(Moments.of(np.array([[1.0, 5.0], [2.0, 7.0]])), 1)
    12
    """
    return int(np.rint(arm.means[column] * arm.count))
