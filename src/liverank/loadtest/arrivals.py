"""The due times of requests: a Poisson process, drawn independently of any answer.

Invariant: arrivals do not depend on the server; the same seed gives the same arrivals.
"""

import numpy as np

_DRAWN = 1024
_NS = 1_000_000_000


class Arrivals:
    """Times of a Poisson process, in nanoseconds, one after the other.

    ``rate`` is per second; ``start_ns`` and ``end_ns`` are the bounds. ``next_ns`` is the next
    arrival, None after the last.

    >>> arrivals = Arrivals(2.0, start_ns=0, end_ns=1_000_000_000, seed=(1, 0))
    >>> while arrivals.next_ns is not None:
    ...     arrivals.advance()
    """

    __slots__ = ("_end_ns", "_generator", "_last_ns", "_mean_ns", "_times", "next_ns")

    def __init__(self, rate: float, *, start_ns: int, end_ns: int, seed: tuple[int, ...]) -> None:
        self._generator = np.random.default_rng(seed)
        self._mean_ns = _NS / rate
        self._end_ns = end_ns
        self._last_ns = start_ns
        self._times: list[int] = []
        self.next_ns: int | None = None
        self.advance()

    def advance(self) -> None:
        """Go on to the next arrival."""
        if not self._times:
            gaps = self._generator.exponential(self._mean_ns, _DRAWN)
            times = self._last_ns + np.cumsum(gaps).astype(np.int64)
            self._last_ns = int(times[-1])
            self._times = times[::-1].tolist()
        arrival = self._times.pop()
        self.next_ns = arrival if arrival < self._end_ns else None
