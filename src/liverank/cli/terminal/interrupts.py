"""Ctrl-C as the end of a budget: the first finishes with the results so far, the second aborts.

Invariant: after the first Ctrl-C every deadline with the token has passed.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from liverank.automl.budget import StopToken


@contextmanager
def stopped_by_interrupt(
    stop: StopToken,
    console: Console,
    message: str = "Stopping with the best so far; Ctrl-C once more leaves nothing",
) -> Iterator[None]:
    """In the ``with`` block, the first Ctrl-C stops the token, the second raises KeyboardInterrupt.

    ``message`` is printed at the first Ctrl-C.
    """

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop.stop()
        console.print(message)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
