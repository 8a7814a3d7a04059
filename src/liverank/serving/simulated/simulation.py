"""Simulated time, as all processes of a server see it: the clock, and turns in which it moves.

In a turn, the folding process brings what is served up to date: the log, the bundles and the
experiments. It begins when the worker asks for it and the worker waits for its end. Invariant:
between two turns neither time nor what ranks changes, so the same requests give the same answers.
"""

import asyncio
import mmap
import socket
from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from liverank.events.event import Event

_NOW_MS, _ASKED, _ENDED = range(3)
_WORDS = 3


class Wakeup:
    """Wakes the event loop of another process. Made before either process is."""

    def __init__(self) -> None:
        self._receiving, self._sending = socket.socketpair()
        self._receiving.setblocking(False)
        self._sending.setblocking(False)
        self._is_set = asyncio.Event()

    def send(self) -> None:
        """Wake whoever listens, also one that begins to listen later."""
        with suppress(BlockingIOError):  # earlier ones wait to be received
            self._sending.send(b"\0")

    def listen(self) -> None:
        """Receive in the running event loop."""
        asyncio.get_running_loop().add_reader(self._receiving, self._receive)

    async def wait(self) -> None:
        """Wait until one comes, or has come since the last wait."""
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
    """The clock and the turns of a server, in shared memory. Made before its processes are.

    ``now_ms`` is the time at which it begins, Unix ms.

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
        """Sent when a turn is asked for."""
        self.worker_wakeup = Wakeup()
        """Sent when one has ended."""

    def clock_ms(self) -> int:
        """The simulated time in Unix ms."""
        return int(self._words[_NOW_MS])

    def advance(self, to_ms: int) -> None:
        """Move time on; it never goes back."""
        self._words[_NOW_MS] = max(int(self._words[_NOW_MS]), to_ms)

    def arrive(self, events: Iterable[Event]) -> int:
        """Move time on to the newest of some events; returns the time at which they arrive."""
        self.advance(max((event.at_ms for event in events), default=0))
        return self.clock_ms()

    def ask(self) -> int:
        """Ask for a turn; returns its number. For the worker."""
        self._words[_ASKED] += 1
        self.fold_wakeup.send()
        return int(self._words[_ASKED])

    def has_ended(self, number: int) -> bool:
        """Whether the turn of that number has ended."""
        return int(self._words[_ENDED]) >= number

    def close(self) -> None:
        """Give back what wakes processes; calling it twice is harmless."""
        self.fold_wakeup.close()
        self.worker_wakeup.close()

    async def next_turn(self) -> int:
        """Wait until a turn is asked for; returns its number. For the folding process."""
        while self._words[_ASKED] == self._words[_ENDED]:
            await self.fold_wakeup.wait()
        return int(self._words[_ASKED])

    def end_turn(self, number: int) -> None:
        """Say that a turn has ended. For the folding process."""
        self._words[_ENDED] = number
        self.worker_wakeup.send()
