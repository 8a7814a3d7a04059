"""Pauses of the fold, in which readers of long lists see no change.

A read that a batch of events overtook begins again, and one that takes longer than a batch might do
so for ever. Its process tells how long the read takes; the fold then waits before the next batch
until it is done. Invariant: however many read, at least half of the time is left to fold.
"""

import time
from collections.abc import Callable

_SHORTEST_S = 1e-4
"""How long readers have between two batches in any case."""
_LONGEST_S = 0.5
"""How long the fold waits for a reader at most."""
_READS = 2.5
"""Reads that fit into a pause: the one that is going on when it begins is in vain."""
_LOOK_S = 5e-4


class ReaderGaps:
    """The pauses of one fold. ``wanted_s`` gives how long a read takes that waits for a pause.

    >>> ReaderGaps(lambda: 0.0).leave()
    """

    def __init__(self, wanted_s: Callable[[], float]) -> None:
        self._wanted_s = wanted_s
        self._next_s = 0.0

    def leave(self) -> None:
        """Pause between two batches, for as long as readers need it."""
        time.sleep(_SHORTEST_S)
        wanted_s, began_s = self._wanted_s(), time.monotonic()
        if not wanted_s or began_s < self._next_s:
            return
        until_s = began_s + min(_READS * wanted_s, _LONGEST_S)
        while (now_s := time.monotonic()) < until_s and self._wanted_s():
            time.sleep(_LOOK_S)
        self._next_s = now_s + (now_s - began_s)
