"""Pauses of the fold in which readers of long lists can finish.

A read restarts if a batch was folded during it, so a read that takes longer than a batch might
never finish. Its process reports the duration of the read, and the fold waits for it before the
next batch. Invariant: however many processes read, at least half of the time remains for folding.
"""

import time
from collections.abc import Callable

_SHORTEST_S = 1e-4
"""Shortest pause between two batches."""
_LONGEST_S = 0.5
"""Longest pause for a reader."""
_READS = 2.5
"""Length of a pause in reads; the read that is running when it begins is wasted."""
_POLL_S = 5e-4


class ReaderGaps:
    """The pauses of one fold. ``wanted_s`` gives the length of the longest waiting read, or 0.

    >>> ReaderGaps(lambda: 0.0).leave()
    """

    def __init__(self, wanted_s: Callable[[], float]) -> None:
        self._wanted_s = wanted_s
        self._next_s = 0.0

    def leave(self) -> None:
        """Pause between two batches, as long as readers need."""
        time.sleep(_SHORTEST_S)
        wanted_s, began_s = self._wanted_s(), time.monotonic()
        if not wanted_s or began_s < self._next_s:
            return
        until_s = began_s + min(_READS * wanted_s, _LONGEST_S)
        while (now_s := time.monotonic()) < until_s and self._wanted_s():
            time.sleep(_POLL_S)
        self._next_s = now_s + (now_s - began_s)
