"""Starts a server's processes, starts again those that die, and stops them all.

It serves nobody, starts no threads and touches no data frame (two threads that their library begins
when it is imported lie idle), so that it can fork at any time: a process that takes the place of
another finds everything imported and compiled, and is there within a tenth of a second. It keeps
what a new worker must know, the descriptors of shared memory among it.
Invariant: a listening socket belongs to a place and outlives the worker in it, so that connections
which wait to be accepted are accepted by the next one.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable

import msgspec

import liverank.errors
from liverank.errors import ServingError
from liverank.serving.processes.board import Board
from liverank.serving.processes.channel import (
    Channel,
    Failure,
    Message,
    NewView,
    Ready,
    Troubles,
    channel_pair,
)
from liverank.serving.processes.child import (
    FOLDING,
    how_it_ended,
    not_folding,
    run_child,
    write_process_event,
)
from liverank.serving.processes.deployment import Deployment
from liverank.serving.processes.folding import run_folding
from liverank.serving.processes.signals import woken_by_signals
from liverank.serving.processes.worker import DRAIN_S, run_worker

_LOOK_S, _FIRST_LOOK_S = 0.25, 0.01
"""How often to look without being woken, and how often until every worker can rank."""
_RESTARTS_A_MINUTE, _PAUSE_S = 20, 1.0
"""Starts of a process in the last minute from which on it waits so long before the next."""
_KILL_AFTER_S = DRAIN_S + 2.0


class Supervisor:
    """The processes of a server. Its methods belong to one thread, the only one of its process.

    ``listening`` has a socket for each worker. ``on_ready`` is told the seq up to which the log was
    folded at first.
    """

    def __init__(
        self,
        deployment: Deployment,
        board: Board,
        listening: list[socket.socket],
        *,
        on_ready: Callable[[int], None],
    ) -> None:
        self._deployment = deployment
        self._board = board
        self._listening = listening
        self._on_ready = on_ready
        self._is_ready = self._is_stopping = False
        self._folded_to: int | None = None
        self._pids: dict[int, int] = {}
        self._channels: dict[int, Channel] = {}
        self._starts: dict[int, list[float]] = {}
        self._due: dict[int, float] = {}
        self._view: tuple[NewView, list[int]] | None = None
        self._troubles = Troubles()
        self._failure: Failure | None = None
        self._why_not_folded: str | None = None
        """What the folding process told before it ended, or None."""
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or SIGHUP. Raises what kept it from ever being ready."""
        gc.freeze()  # what is here is shared with the others, as long as nobody counts it again
        with woken_by_signals(self._stop_soon) as self._woken:
            self._selector.register(self._woken, selectors.EVENT_READ, None)
            places = range(FOLDING, len(self._listening))
            self._due = dict.fromkeys(places, 0.0)
            while not self._is_stopping:
                self._start_due()
                self._wait(_LOOK_S if self._is_ready else _FIRST_LOOK_S)
                self._bury()
                self._tell_when_ready()
                write_cpu_of_supervisor(self._board)
            self._stop_all()
        if self._failure is not None:
            kind = getattr(liverank.errors, self._failure.kind, ServingError)
            raise kind(self._failure.what)

    def _stop_soon(self, _number: int, _frame: object) -> None:
        """Stop the server: for signals."""
        self._is_stopping = True

    def _wait(self, timeout_s: float) -> None:
        """Pass on what processes tell, for at most so long or until a signal."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                self._woken.recv(4096)
            else:
                self._receive(key.data)

    def _receive(self, place: int) -> None:
        channel = self._channels.get(place)
        for received in channel.receive() if channel is not None else []:
            if received is None:
                self._close_channel(place)
                return
            self._take(place, *received)

    def _take(self, place: int, message: Message, fds: list[int]) -> None:
        """Take what a process tells; of workers that is only why they cannot go on."""
        if isinstance(message, NewView):
            old = () if self._view is None else self._view[1]
            self._view = (message, fds)
            self._tell_workers(message, tuple(fds))
            for fd in old:
                os.close(fd)
            if self._troubles.folding is not None:
                self._tell_troubles(msgspec.structs.replace(self._troubles, folding=None))
        elif isinstance(message, Troubles):
            self._tell_troubles(msgspec.structs.replace(message, folding=self._troubles.folding))
        elif isinstance(message, Ready):
            self._folded_to = message.seq
        else:
            self._fail(place, message)

    def _tell_troubles(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._tell_workers(troubles)

    def _tell_when_ready(self) -> None:
        """Tell once that every worker can rank."""
        if self._folded_to is None or self._is_ready:
            return
        if (self._board.workers["view"] > 0).all():
            self._is_ready = True
            self._on_ready(self._folded_to)

    def _fail(self, place: int, failed: Failure) -> None:
        """Give up where the server was never ready; else it is tried again."""
        if not self._is_ready:
            self._failure = failed
            self._is_stopping = True
            return
        write_process_event(place, "process_failed", f"cannot go on: {failed.what}")
        if place == FOLDING:
            self._why_not_folded = failed.what

    def _tell_workers(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        for place, channel in self._channels.items():
            if place == FOLDING:
                continue
            try:
                channel.send(message, fds)
            except OSError as error:  # it takes nothing or has died; its successor will be told
                self._kill(place, f"it does not take what it is told: {error}")

    def _kill(self, place: int, why: str) -> None:
        pid = next((pid for pid, its in self._pids.items() if its == place), None)
        if pid is not None:
            write_process_event(place, "process_failed", f"is killed: {why}", pid=pid)
            os.kill(pid, signal.SIGKILL)

    def _start_due(self) -> None:
        now = time.monotonic()
        for place, at in sorted(self._due.items()):
            if now >= at:
                del self._due[place]
                self._start(place)

    def _start(self, place: int) -> None:
        self._starts.setdefault(place, []).append(time.monotonic())
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            ours, theirs = channel_pair()
            pid = os.fork()
        except OSError as error:  # too many processes or open files
            write_process_event(place, "process_failed", f"does not start: {error}; trying again")
            self._due[place] = time.monotonic() + _PAUSE_S
            return
        if pid == 0:
            ours.close()
            run_child(place, lambda: self._run(place, theirs))
        theirs.close()
        write_process_event(place, "process_started", "started", pid=pid)
        self._pids[pid] = place
        self._board.row(place)["pid"] = pid  # now: whoever erases waits for every worker there is
        self._channels[place] = ours
        self._selector.register(ours, selectors.EVENT_READ, place)

    def _run(self, place: int, channel: Channel) -> None:
        """Do the work of a place; in the child of a fork."""
        for other in self._channels.values():
            other.close()
        self._selector.close()
        if place == FOLDING:
            for fd in () if self._view is None else self._view[1]:
                os.close(fd)  # or the memory of its predecessor would live as long as it does
            run_folding(self._deployment, self._board, channel)
            return
        known: list[tuple[Message, list[int]]] = [(self._troubles, [])]
        if self._view is not None:
            known.append(self._view)
        run_worker(self._deployment, self._board, place, channel, self._listening[place], known)

    def _bury(self) -> None:
        """Take note of processes that have ended, and let others take their places."""
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            place = self._pids.pop(pid, None)
            if place is None:
                continue
            self._receive(place)  # what it told last
            self._close_channel(place)
            self._board.row(place)["pid"] = 0
            if place == FOLDING:
                self._board.folding["incarnation"] += 1
            else:
                self._board.workers[place]["beat_ms"] = 0
            how = how_it_ended(status)
            if self._is_stopping:
                write_process_event(place, "process_stopped", f"stopped ({how})", pid=pid, how=how)
                continue
            said = f"ended ({how}); starting another"
            write_process_event(place, "process_ended", said, pid=pid, how=how)
            if place == FOLDING:
                why, self._why_not_folded = self._why_not_folded or how, None
                self._tell_troubles(Troubles(folding=not_folding(why)))
            self._due[place] = time.monotonic() + self._pause_s(place)

    def _pause_s(self, place: int) -> float:
        """How long to wait before a process is started again: not at all, unless it keeps dying."""
        now = time.monotonic()
        starts = self._starts[place] = [at for at in self._starts[place] if now - at < 60]
        return _PAUSE_S if len(starts) > _RESTARTS_A_MINUTE else 0.0

    def _close_channel(self, place: int) -> None:
        channel = self._channels.pop(place, None)
        if channel is not None:
            self._selector.unregister(channel)
            channel.close()

    def _stop_all(self) -> None:
        """Stop the workers, then the folding process; kill those that do not stop."""
        workers = [pid for pid, place in self._pids.items() if place != FOLDING]
        self._stop(workers)
        self._stop(list(self._pids))

    def _stop(self, pids: list[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _KILL_AFTER_S
        while any(pid in self._pids for pid in pids) and time.monotonic() < until:
            self._wait(0.05)
            self._bury()
        for pid in pids:
            if pid in self._pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                place = self._pids.pop(pid)
                write_process_event(place, "process_failed", "does not stop, and is killed")


def write_cpu_of_supervisor(board: Board) -> None:
    """Write down the processor time of the calling process, which is the supervisor."""
    board.folding["supervisor_cpu_us"] = time.process_time_ns() // 1000
