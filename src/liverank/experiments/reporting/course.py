"""The schedule of an experiment: its start, its planned end, and its looks.

Invariant: looks depend only on the plan and the start, so a later report shows the looks of an
earlier one, and further ones.
"""

import math

import msgspec

from liverank.errors import ExperimentError
from liverank.experiments.metrics.need import DAY_MS

MOST_LOOKS = 200
"""Maximum number of looks: more take long to compute and do not improve an experiment."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """The start of an experiment, and the time up to which its results count. Times in Unix ms."""

    start_ms: float
    planned_end_ms: float
    now_ms: float
    looks_ms: float
    """The time between two looks."""
    stopped_ms: float | None = None
    """Time of a manual stop; later events do not count."""

    @property
    def until_ms(self) -> float:
        """The last moment that counts: now, the planned end, or the stop."""
        stopped = math.inf if self.stopped_ms is None else self.stopped_ms
        return min(self.now_ms, self.planned_end_ms, stopped)

    @property
    def is_over(self) -> bool:
        """Whether the experiment has ended, as planned or earlier."""
        return self.until_ms >= self.planned_end_ms or self.until_ms == self.stopped_ms

    def looks(self) -> list[float]:
        """The times of the looks so far; an experiment's last look is at its end.

        Raises ExperimentError if the plan has too many.

        >>> course = Course(start_ms=0, planned_end_ms=25, now_ms=99, looks_ms=10)
        >>> course.looks(), [course.clock(at) for at in course.looks()]
        ([10, 20, 25], [0.4, 0.8, 1.0])
        """
        planned = (self.planned_end_ms - self.start_ms) / self.looks_ms
        if planned > MOST_LOOKS:
            raise ExperimentError(
                f"the plan has {planned:,.0f} looks; expected at most {MOST_LOOKS}: "
                f"give `looks` of at least {self.planned_days / MOST_LOOKS:.2g} days, "
                "or plan fewer days"
            )
        count = int((self.until_ms - self.start_ms) // self.looks_ms)
        moments = [self.start_ms + (look + 1) * self.looks_ms for look in range(count)]
        if self.is_over and (not moments or moments[-1] < self.until_ms) and self.days > 0:
            moments.append(self.until_ms)
        return moments

    def clock(self, at_ms: float) -> float:
        """The share of the planned duration that is over at a time."""
        return (at_ms - self.start_ms) / (self.planned_end_ms - self.start_ms)

    @property
    def days(self) -> float:
        """Days that the experiment has run."""
        return (self.until_ms - self.start_ms) / DAY_MS

    @property
    def planned_days(self) -> float:
        """Days that the experiment is planned to run."""
        return (self.planned_end_ms - self.start_ms) / DAY_MS
