"""Simulated time, shared by all processes of a server: the clock, and turns in which it moves.

In a turn, the folding process updates the served state: log, bundles and experiments. The worker
requests a turn, and waits until it ends. Invariant: between two turns neither the time nor the
served state changes, so the same requests give the same answers.
"""

import asyncio
import mmap
import socket
from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from liverank.events.event import Event

_NOW_MS, _REQUESTED, _ENDED = range(3)
_WORDS = 3


class Wakeup:
    """Wakes the event loop of another process. Made before both processes are forked."""

    def __init__(self) -> None:
        self._receiving, self._sending = socket.socketpair()
        self._receiving.setblocking(False)
        self._sending.setblocking(False)
        self._is_set = asyncio.Event()

    def send(self) -> None:
        """Wake the listening process, also one that begins to listen later."""
        with suppress(BlockingIOError):  # earlier bytes already wait there
            self._sending.send(b"\0")

    def listen(self) -> None:
        """Receive in the running event loop."""
        asyncio.get_running_loop().add_reader(self._receiving, self._receive)

    async def wait(self) -> None:
        """Wait for a wakeup, unless one arrived since the last wait."""
        await self._is_set.wait()
        self._is_set.clear()

    def set(self) -> None:
        """Wake the loop of this process."""
        self._is_set.set()

    def close(self) -> None:
        """Close both ends in this process."""
        self._receiving.close()
        self._sending.close()

    def _receive(self) -> None:
        with suppress(BlockingIOError):
            self._receiving.recv(4096)
        self._is_set.set()


class Simulation:
    """The clock and the turns of a server, in shared memory. Made before its processes are forked.

    The clock starts at ``now_ms``, Unix ms.

    >>> simulation = Simulation(now_ms=5)
    >>> simulation.advance(7)
    >>> simulation.advance(6)
    >>> simulation.clock_ms()
    7
    >>> simulation.close()
    """

    def __init__(self, *, now_ms: int) -> None:
        memory = mmap.mmap(-1, 8 * _WORDS)
        self._words: npt.NDArray[np.int64] = np.frombuffer(memory, np.int64, _WORDS)
        self._words[_NOW_MS] = now_ms
        self.fold_wakeup = Wakeup()
        """Sent when a turn is requested."""
        self.worker_wakeup = Wakeup()
        """Sent when a turn has ended."""

    def clock_ms(self) -> int:
        """The simulated time in Unix ms."""
        return int(self._words[_NOW_MS])

    def advance(self, to_ms: int) -> None:
        """Move the clock forward; it never goes back."""
        self._words[_NOW_MS] = max(int(self._words[_NOW_MS]), to_ms)

    def arrive(self, events: Iterable[Event]) -> int:
        """Move the clock to the newest of some events; returns the time at which they arrive."""
        self.advance(max((event.at_ms for event in events), default=0))
        return self.clock_ms()

    def request_turn(self) -> int:
        """Request a turn; returns its number. For the worker."""
        self._words[_REQUESTED] += 1
        self.fold_wakeup.send()
        return int(self._words[_REQUESTED])

    def has_ended(self, number: int) -> bool:
        """Whether the turn with this number has ended."""
        return int(self._words[_ENDED]) >= number

    def close(self) -> None:
        """Close both wakeups; may be called twice."""
        self.fold_wakeup.close()
        self.worker_wakeup.close()

    async def next_turn(self) -> int:
        """Wait until a turn is requested; returns its number. For the folding process."""
        while self._words[_REQUESTED] == self._words[_ENDED]:
            await self.fold_wakeup.wait()
        return int(self._words[_REQUESTED])

    def end_turn(self, number: int) -> None:
        """Mark a turn as ended. For the folding process."""
        self._words[_ENDED] = number
        self.worker_wakeup.send()
