"""A timer for an event loop with a precision of some hundredths of a millisecond.

The loop's own timers have a resolution of a millisecond, as long as an answer takes. Linux has
timers with file descriptors (timerfd_create(2)); elsewhere the loop's own timers are used.
Invariant: the alarm never rings before its time.
"""

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NS = 1_000_000_000


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Alarm:
    """Calls ``ring`` once for each ``set``; its clock is ``time.monotonic_ns``."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None], now_ns: Callable[[], int]
    ) -> None:
        self._loop = loop
        self._ring = ring
        self._now_ns = now_ns
        self._file: int | None = None
        self._setting = _Setting()
        self._reference = ctypes.byref(self._setting)
        if sys.platform == "linux":
            library = ctypes.CDLL(None, use_errno=True)
            self._settime = library.timerfd_settime
            file = library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
            if file >= 0:
                self._file = file
                loop.add_reader(file, self._on_readable)

    def set(self, at_ns: int) -> None:
        """Set the time to ring, at once if it has passed; replaces an earlier setting."""
        if self._file is None:
            self._loop.call_later(max(0, at_ns - self._now_ns()) / _NS, self._ring_when, at_ns)
            return
        value = self._setting.value
        value.seconds, value.nanoseconds = divmod(max(at_ns, 1), _NS)  # all zero would mean never
        self._settime(self._file, _ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """Cancel the alarm for good."""
        if self._file is not None:
            self._loop.remove_reader(self._file)
            os.close(self._file)
        self._file = None
        self._ring = _nothing

    def _on_readable(self) -> None:
        assert self._file is not None
        with contextlib.suppress(BlockingIOError):  # it was set again before it was read
            os.read(self._file, 8)
            self._ring()

    def _ring_when(self, at_ns: int) -> None:
        """Ring once the time has passed: the loop's own timers may be up to a millisecond early."""
        if self._now_ns() < at_ns:
            self._loop.call_soon(self._ring_when, at_ns)
        else:
            self._ring()


def _nothing() -> None:
    """Do nothing."""
