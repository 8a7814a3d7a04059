"""A wall-time budget: a deadline that is handed down, and the token that ends it early."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

Clock = Callable[[], float]
"""Seconds that only rise, such as ``time.monotonic``."""


class StopToken:
    """A request from outside, such as Ctrl-C, to stop and keep the results so far.

    Once ``stop`` was called, every deadline with this token has passed.

    >>> token = StopToken()
    >>> token.stop()
    >>> token.stopped
    True
    """

    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        """Make every deadline with this token pass."""
        self.stopped = True


@dataclass(frozen=True)
class Deadline:
    """A moment on a clock, in seconds; stopping its token makes it pass at once.

    >>> deadline = Deadline(at_s=10.0, clock=lambda: 4.0)
    >>> deadline.left_s(), deadline.expired(), deadline.share(0.5).at_s
    (6.0, False, 7.0)
    >>> deadline.stop.stop()
    >>> deadline.left_s(), deadline.expired(), deadline.share(0.5).expired()
    (0.0, True, True)
    """

    at_s: float
    clock: Clock
    stop: StopToken = field(default_factory=StopToken)

    def left_s(self) -> float:
        """Seconds until the deadline, never below zero."""
        now_s = self.clock()
        return 0.0 if self.stop.stopped else max(self.at_s - now_s, 0.0)

    def expired(self) -> bool:
        """Whether the deadline has passed."""
        now_s = self.clock()
        return self.stop.stopped or now_s >= self.at_s

    def share(self, fraction: float) -> "Deadline":
        """The earlier deadline that leaves this fraction of the remaining time."""
        return self.at(self.clock() + fraction * self.left_s())

    def at(self, at_s: float) -> "Deadline":
        """Another moment on the same clock, ended by the same token."""
        return replace(self, at_s=at_s)


FOREVER = Deadline(math.inf, lambda: 0.0)
"""A deadline that never passes and reads no clock: for running a recorded plan again."""
