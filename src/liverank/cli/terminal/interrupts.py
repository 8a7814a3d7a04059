"""Ctrl-C as the end of a budget: the first lets work finish with what it has, the second ends it.

Invariant: whoever reads the clock after the first Ctrl-C finds every deadline passed.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console


class StoppableClock:
    """Seconds that only rise, and leap ahead by ``leap_s`` when it is stopped.

    >>> clock = StoppableClock(100.0, clock=lambda: 3.0)
    >>> clock(), clock.stopped
    (3.0, False)
    >>> clock.stop()
    >>> clock(), clock.stopped
    (103.0, True)
    """

    def __init__(self, leap_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._leap_s = leap_s
        self._clock = clock
        self.stopped = False

    def __call__(self) -> float:
        """What it shows."""
        return self._clock() + (self._leap_s if self.stopped else 0.0)

    def stop(self) -> None:
        """Let every deadline pass."""
        self.stopped = True

    def really(self, seconds: float) -> float:
        """A stretch of time that was measured by it, without the leap."""
        return seconds - self._leap_s if self.stopped and seconds >= self._leap_s else seconds


@contextmanager
def stopped_by_interrupt(
    clock: StoppableClock,
    console: Console,
    words: str = "Stopping with the best so far; Ctrl-C once more leaves nothing",
) -> Iterator[None]:
    """Within it Ctrl-C stops the clock; once more, and it is a KeyboardInterrupt again.

    ``words`` are printed at the first.
    """

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        clock.stop()
        console.print(words)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
