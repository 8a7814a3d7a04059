"""Signals for a process that waits on descriptors: each signal makes a socket readable."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def woken_by_signals(stop: Callable[[int, object], None]) -> Iterator[socket.socket]:
    """Call ``stop`` at a signal that stops a server, and yield a socket to wait on.

    The socket receives a byte at each signal, also when a child ends. The previous handlers are
    restored after the block.
    """
    woken, wakes = socket.socketpair()
    for one in (woken, wakes):
        one.setblocking(False)
    before = {number: signal.getsignal(number) for number in (*_STOPS, signal.SIGCHLD)}
    wakeup = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    for number in _STOPS:
        if number != signal.SIGHUP or before[number] != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, stop)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    try:
        yield woken
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.close()
        wakes.close()
