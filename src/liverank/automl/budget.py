"""A wall-time budget, as a value that is handed down."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds that only rise, such as ``time.monotonic``."""


@dataclass(frozen=True)
class Deadline:
    """A moment on a clock, in seconds.

    >>> deadline = Deadline(at_s=10.0, clock=lambda: 4.0)
    >>> deadline.left_s(), deadline.expired(), deadline.share(0.5).at_s
    (6.0, False, 7.0)
    """

    at_s: float
    clock: Clock

    def left_s(self) -> float:
        """Seconds until it, never below zero."""
        return max(self.at_s - self.clock(), 0.0)

    def expired(self) -> bool:
        """Whether it has passed."""
        return self.clock() >= self.at_s

    def share(self, fraction: float) -> "Deadline":
        """The earlier deadline that leaves this fraction of what is left."""
        return Deadline(self.clock() + fraction * self.left_s(), self.clock)


FOREVER = Deadline(math.inf, lambda: 0.0)
"""Never passes, and asks no clock: what is recorded is run again without one."""
