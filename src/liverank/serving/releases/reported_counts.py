"""What a server has reported about itself so far, in memory shared by its workers.

A report is prepared, appended to the log and then confirmed; a worker that replaces one which was
killed in between appends the prepared report again, under the same id. Invariant: each count is in
exactly one report, whichever workers make them.
"""

import mmap
import secrets

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

_NUMBER, _FROM_MS, _TO_MS = range(3)
_HEAD = 3


class ReportedCounts:
    """The counts at the last report and at the one that is prepared: ``n`` numbers each.

    >>> counts = ReportedCounts(1)
    >>> counts.begin(5)
    >>> counts.prepare(np.array([7]), 9)
    >>> counts.from_ms, counts.to_ms, counts.difference().tolist(), counts.id.endswith("-1")
    (5, 9, [7], True)
    >>> counts.confirm()
    >>> counts.from_ms, counts.to_ms
    (9, None)
    """

    def __init__(self, n: int) -> None:
        memory = mmap.mmap(-1, 8 * (_HEAD + 2 * n))
        words = np.frombuffer(memory, np.int64, _HEAD + 2 * n)
        self._head: npt.NDArray[np.int64] = words[:_HEAD]
        self._last: npt.NDArray[np.int64] = words[_HEAD : _HEAD + n]
        self._prepared: npt.NDArray[np.int64] = words[_HEAD + n :]
        self._server = secrets.token_hex(8)
        self._head[_NUMBER] = 1

    @property
    def id(self) -> str:
        """The id of the next report's event."""
        return f"report-{self._server}-{int(self._head[_NUMBER])}"

    @property
    def from_ms(self) -> int | None:
        """The end of the last report, Unix ms; None before ``begin``."""
        return int(self._head[_FROM_MS]) or None

    @property
    def to_ms(self) -> int | None:
        """The end of the prepared report, Unix ms; None if none is prepared."""
        return int(self._head[_TO_MS]) or None

    def begin(self, at_ms: int) -> None:
        """Let the first report begin at this time, Unix ms."""
        self._head[_FROM_MS] = at_ms

    def prepare(self, counts: NDArray[np.int64], at_ms: int) -> None:
        """Prepare a report of these counts, int64[n], at this time."""
        self._prepared[:] = counts
        self._head[_TO_MS] = at_ms

    def difference(self) -> NDArray[np.int64]:
        """The counts of the prepared report alone, int64[n]."""
        return self._prepared - self._last

    def confirm(self) -> None:
        """Record that the prepared report is in the log."""
        if self.to_ms is None:
            return  # by another worker
        self._last[:] = self._prepared
        self._head[_FROM_MS] = self._head[_TO_MS]
        self._head[_NUMBER] += 1
        self._head[_TO_MS] = 0
