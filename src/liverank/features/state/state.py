"""Feature state: a fold of the log that can be read as of a time.

One process folds, in log order; the state after event ``seq`` depends only on the events up to it.
Other processes may map the same memory and read: with a sequence lock, a reader detects that a
batch was folded meanwhile, and reads again. Invariant: folding the same events in any batches gives
the same bits, and every read is of one consistent cut.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import StateBusyError
from liverank.features.compiler import Program
from liverank.features.kernels.fold.fold import fold
from liverank.features.kernels.memory.index import used_words
from liverank.features.kernels.memory.offsets import (
    HEADER_CLAMPED,
    HEADER_COMPACTED,
    HEADER_EVICTED,
    HEADER_FORGOTTEN,
    HEADER_ITEMS,
    HEADER_LOST,
    HEADER_ROWS,
    HEADER_SEQ,
    HEADER_SWEPT,
    HEADER_VERSION,
)
from liverank.features.kernels.read.read import read
from liverank.features.kernels.replay import replay
from liverank.features.layout.layout import Layout
from liverank.features.state.layout_arrays import arrays_of
from liverank.features.state.memory import Store
from liverank.features.state.sizes import Sizes
from liverank.features.stream.event_arrays import Stream

_BATCH_S = 1e-4
"""Pause of a reader while a batch is being folded, in seconds."""
LONGEST_READ_S = 2.0
"""How long a read is retried while state changes: a long read might never succeed."""
LONGEST_SILENCE_S = 60.0
"""How long a batch that is being folded may show no progress, in seconds."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Past rankings whose features a replay reads, ``r`` of them with ``k`` candidates in all.

    ``before``    int64[r]: the ``seq`` of the first event that the read must not see, or -1 for
                  all events before ``at``
    ``user``      uint64[r]
    ``at``        float64[r]: Unix ms
    ``request``   uint64[r, request words]
    ``offsets``   int64[r + 1]: the start of each ranking's candidates
    ``items``     uint64[k]
    ``positions`` float64[k]: from 0, as served
    """

    before: NDArray[np.int64]
    user: NDArray[np.uint64]
    at: NDArray[np.float64]
    request: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    items: NDArray[np.uint64]
    positions: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.before)


class State:
    """Entities' attributes, decayed counters and people's histories, in a layout.

    Without ``fd`` the state is new and empty, and its creator folds; with the ``fd`` of another
    process's state it is a view of that state, for reading.
    """

    def __init__(self, layout: Layout, *, fd: int | None = None) -> None:
        """Raises StateError where the system does not reserve the memory."""
        self.layout = layout
        self.rereads = 0
        """How often a read was repeated because a batch was folded meanwhile."""
        self.is_abandoned: Callable[[], bool] = lambda: False
        """Whether the folding process has ended, as far as the reader knows."""
        self.ask_for_gap: Callable[[float], None] = lambda _: None
        """Called with the seconds of a read that must be repeated, and with 0 when it succeeded."""
        self._unsettled, self._unsettled_since = 0, 0.0
        self.store = Store(layout, fd=fd)
        self._header = self.store.arrays.header
        self._arrays = tuple(self.store.arrays)
        self._layout_arrays = tuple(arrays_of(layout))
        self._request_words = layout.entity_words("request")

    @property
    def seq(self) -> int:
        """The ``seq`` of the last event folded."""
        return int(self._header[HEADER_SEQ])

    @property
    def clamped(self) -> int:
        """Number of folded events whose clock ran ahead."""
        return int(self._header[HEADER_CLAMPED])

    @property
    def sizes(self) -> Sizes:
        """How big the state is, and what it has evicted."""
        header = self._header
        return Sizes(
            rows=int(header[HEADER_ROWS]),
            items=int(header[HEADER_ITEMS]),
            bytes=8 * int(used_words(header)),
            swept=int(header[HEADER_SWEPT]),
            evicted=int(header[HEADER_EVICTED]),
            forgotten=int(header[HEADER_FORGOTTEN]),
            lost=int(header[HEADER_LOST]),
            compacted=int(header[HEADER_COMPACTED]),
        )

    def fold(
        self, stream: Stream, *, batch: int | None = None, before: Callable[[], None] | None = None
    ) -> None:
        """Fold the next events of the log, ``batch`` at a time (all when left out).

        Other processes can read between two batches; ``before`` is called before each, to give them
        time.
        """
        arrays, step = stream.arrays(), batch or max(len(stream), 1)
        for begin in range(0, len(stream), step):
            end = min(begin + step, len(stream))
            if before is not None:
                before()
            self._header[HEADER_VERSION] += 1
            fold(arrays, begin, end, self._arrays, self._layout_arrays)
            self._folded(stream, end)
            self._header[HEADER_VERSION] += 1

    def pass_over(self, seq: int) -> None:
        """Advance to ``seq`` without folding: the events up to it change nothing."""
        self._header[HEADER_SEQ] = max(int(self._header[HEADER_SEQ]), seq)

    def read(
        self,
        program: Program,
        *,
        user: int,
        at_ms: float,
        items: NDArray[np.uint64],
        request: NDArray[np.uint64],
        positions: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Features of the candidates of one request, float32[n, features].

        ``user`` and ``items`` uint64[n] are hashes, ``request`` uint64[request words],
        ``positions`` float64[n], or [1] where all have the same.
        """
        return self.read_cut(
            program, user=user, at_ms=at_ms, items=items, request=request, positions=positions
        )[0]

    def read_cut(
        self,
        program: Program,
        *,
        user: int,
        at_ms: float,
        items: NDArray[np.uint64],
        request: NDArray[np.uint64],
        positions: NDArray[np.float64],
        patience_s: float = LONGEST_SILENCE_S,
    ) -> tuple[NDArray[np.float32], int]:
        """The result of ``read``, and the ``seq`` of the last event that it saw.

        Takes no lock: where a batch was folded meanwhile by another process, it reads again. Raises
        StateBusyError where that process ended within a batch, or shows no progress for
        ``patience_s``, and where a batch was folded during every read for LONGEST_READ_S.
        """
        if len(request) != self._request_words or len(positions) not in (1, len(items)):
            raise ValueError(f"{len(request)} request words, {len(positions)} positions do not fit")
        out = np.empty((len(items), len(program.outputs)), np.float32)
        arrays = (self._arrays, self._layout_arrays, program.arrays())
        hashed, began, again = np.uint64(user), time.monotonic(), False
        while True:
            version, read_at = self._settled_version(patience_s), time.monotonic()
            read(arrays, hashed, at_ms, request, items, positions, out)
            seq = int(self._header[HEADER_SEQ])
            is_whole, now = self._header[HEADER_VERSION] == version, time.monotonic()
            is_late = now - began > LONGEST_READ_S
            if again or not is_whole:
                self.ask_for_gap(0.0 if is_whole or is_late else now - read_at)
            if is_whole:
                return out, seq
            self.rereads, again = self.rereads + 1, True
            if is_late:
                raise StateBusyError(
                    f"feature state changes faster than {len(items):,} candidates can be read; "
                    "name fewer, and they are ranked by all that is known of them"
                )

    def replay(
        self, stream: Stream, reads: Reads, next_read: int, program: Program, *, chunk_rows: int
    ) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Fold the next events, and read past rankings in between.

        Here ``reads.before`` are ascending indices into this stream: a read sees the events before
        its index, and one whose index is the stream's end waits for the next events.

        Yields (first read, first read not done, their rows float32[k, features]) with about
        ``chunk_rows`` rows each; the fold is complete when the iteration ends. No other process may
        read meanwhile: the sequence lock is not used.
        """
        begin, arrays = 0, stream.arrays()
        before, arguments = reads.before, reads_tuple(reads)
        due = int(np.searchsorted(before, len(stream)))  # later ones wait for the next events
        while begin < len(stream) or next_read < due:
            base = int(reads.offsets[next_read])
            last = int(np.searchsorted(reads.offsets, base + chunk_rows, side="right")) - 1
            last = min(max(last, next_read + 1), due)
            end = len(stream) if last == due else int(before[last])
            out = np.empty((int(reads.offsets[last]) - base, len(program.outputs)), np.float32)
            replay(
                arrays,
                (begin, end),
                arguments,
                (next_read, last),
                (self._arrays, self._layout_arrays),
                program.arrays(),
                out,
            )
            yield next_read, last, out
            begin, next_read = end, last
        self._folded(stream, len(stream))

    def read_rest(self, reads: Reads, next_read: int, program: Program) -> NDArray[np.float32]:
        """The rows of reads that come after all events, float32[k, features]."""
        rows = [
            self.read(
                program,
                user=int(reads.user[one]),
                at_ms=float(reads.at[one]),
                items=reads.items[reads.offsets[one] : reads.offsets[one + 1]],
                request=reads.request[one],
                positions=reads.positions[reads.offsets[one] : reads.offsets[one + 1]],
            )
            for one in range(next_read, len(reads))
        ]
        return np.concatenate(rows) if rows else np.empty((0, len(program.outputs)), np.float32)

    def _folded(self, stream: Stream, end: int) -> None:
        if end:
            self._header[HEADER_SEQ] = stream.seq[end - 1]
        if end and end == len(stream):
            self._header[HEADER_CLAMPED] += stream.clamped

    def _settled_version(self, patience_s: float) -> int:
        """Wait until no batch is being folded, and return the version; a long batch changes it.

        A batch seen before is known to be silent since then: only its first reader waits.
        """
        while (version := int(self._header[HEADER_VERSION])) % 2:
            now = time.monotonic()
            if version != self._unsettled:
                self._unsettled, self._unsettled_since = version, now
            if now > self._unsettled_since + patience_s or self.is_abandoned():
                raise StateBusyError(
                    "feature state cannot be read: its process ended within a batch, or a batch "
                    "takes long; a read a moment later may find it settled"
                )
            time.sleep(_BATCH_S)
        return version


def reads_tuple(reads: Reads) -> tuple[NDArray[Any], ...]:
    """The reads' arrays in the order kernels take them."""
    return (
        reads.before,
        reads.user,
        reads.at,
        reads.request,
        reads.offsets,
        reads.items,
        reads.positions,
    )
