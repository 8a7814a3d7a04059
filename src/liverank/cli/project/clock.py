"""The wall clock of commands; code below the command line takes the time as an argument."""

import time


def now_ms() -> int:
    """The time in Unix milliseconds.

    >>> now_ms() > 1_700_000_000_000
    True
    """
    return time.time_ns() // 1_000_000
