"""Starts a server's processes, restarts those that die, and stops them all.

Each process has a slot: FOLDING, or the index of a worker. The supervisor handles no requests,
starts no threads and uses no data frames (importing their library starts two threads, which stay
idle), so that it can fork at any time: a replacement has everything imported and compiled, and
works within a tenth of a second. The supervisor keeps the messages and the descriptors of shared
memory that a new worker needs.
Invariant: a listening socket belongs to a slot and outlives the worker in it, so that the next
worker accepts the connections that wait.
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

_CHECK_S, _FIRST_CHECK_S = 0.25, 0.01
"""Longest pause between two checks of the processes, later and until every worker can rank."""
_RESTARTS_A_MINUTE, _PAUSE_S = 20, 1.0
"""Maximum starts of a process within a minute; then the supervisor pauses before each start."""
_KILL_AFTER_S = DRAIN_S + 2.0


class Supervisor:
    """The processes of a server. Its methods belong to one thread, the only one of its process.

    ``listening`` has a socket for each worker. ``on_ready`` gets the seq up to which the log was
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
        """The reason of the folding process's failure, as reported before it ended, or None."""
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or SIGHUP. Raises the error that prevented the start."""
        gc.freeze()  # pages stay shared with children if the collector does not write to them
        with woken_by_signals(self._stop_soon) as self._woken:
            self._selector.register(self._woken, selectors.EVENT_READ, None)
            slots = range(FOLDING, len(self._listening))
            self._due = dict.fromkeys(slots, 0.0)
            while not self._is_stopping:
                self._start_due()
                self._wait(_CHECK_S if self._is_ready else _FIRST_CHECK_S)
                self._reap()
                self._report_ready()
                write_cpu_of_supervisor(self._board)
            self._stop_all()
        if self._failure is not None:
            kind = getattr(liverank.errors, self._failure.kind, ServingError)
            raise kind(self._failure.what)

    def _stop_soon(self, _number: int, _frame: object) -> None:
        """Stop the server; called by signal handlers."""
        self._is_stopping = True

    def _wait(self, timeout_s: float) -> None:
        """Handle messages of processes for at most ``timeout_s``, or until a signal."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                self._woken.recv(4096)
            else:
                self._receive(key.data)

    def _receive(self, slot: int) -> None:
        channel = self._channels.get(slot)
        for received in channel.receive() if channel is not None else []:
            if received is None:
                self._close_channel(slot)
                return
            self._handle(slot, *received)

    def _handle(self, slot: int, message: Message, fds: list[int]) -> None:
        """Handle a message; workers send only failures."""
        if isinstance(message, NewView):
            old = () if self._view is None else self._view[1]
            self._view = (message, fds)
            self._send_to_workers(message, tuple(fds))
            for fd in old:
                os.close(fd)
            if self._troubles.folding is not None:
                self._send_troubles(msgspec.structs.replace(self._troubles, folding=None))
        elif isinstance(message, Troubles):
            self._send_troubles(msgspec.structs.replace(message, folding=self._troubles.folding))
        elif isinstance(message, Ready):
            self._folded_to = message.seq
        else:
            self._fail(slot, message)

    def _send_troubles(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._send_to_workers(troubles)

    def _report_ready(self) -> None:
        """Call ``on_ready`` once, when every worker can rank."""
        if self._folded_to is None or self._is_ready:
            return
        if (self._board.workers["view"] > 0).all():
            self._is_ready = True
            self._on_ready(self._folded_to)

    def _fail(self, slot: int, failed: Failure) -> None:
        """Stop the server if it was never ready; otherwise the process is restarted."""
        if not self._is_ready:
            self._failure = failed
            self._is_stopping = True
            return
        write_process_event(slot, "process_failed", f"cannot continue: {failed.what}")
        if slot == FOLDING:
            self._why_not_folded = failed.what

    def _send_to_workers(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        for slot, channel in self._channels.items():
            if slot == FOLDING:
                continue
            try:
                channel.send(message, fds)
            except (
                OSError
            ) as error:  # it accepts nothing or has died; its successor gets the message
                self._kill(slot, f"it does not accept messages: {error}")

    def _kill(self, slot: int, why: str) -> None:
        pid = next((pid for pid, its in self._pids.items() if its == slot), None)
        if pid is not None:
            write_process_event(slot, "process_failed", f"is killed: {why}", pid=pid)
            os.kill(pid, signal.SIGKILL)

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot, at in sorted(self._due.items()):
            if now >= at:
                del self._due[slot]
                self._start(slot)

    def _start(self, slot: int) -> None:
        self._starts.setdefault(slot, []).append(time.monotonic())
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            ours, theirs = channel_pair()
            pid = os.fork()
        except OSError as error:  # too many processes or open files
            write_process_event(slot, "process_failed", f"does not start: {error}; trying again")
            self._due[slot] = time.monotonic() + _PAUSE_S
            return
        if pid == 0:
            ours.close()
            run_child(slot, lambda: self._run(slot, theirs))
        theirs.close()
        write_process_event(slot, "process_started", "started", pid=pid)
        self._pids[pid] = slot
        self._board.row(slot)["pid"] = (
            pid  # at once, because an erasure waits for every registered worker
        )
        self._channels[slot] = ours
        self._selector.register(ours, selectors.EVENT_READ, slot)

    def _run(self, slot: int, channel: Channel) -> None:
        """Do the work of a slot, in the forked child."""
        for other in self._channels.values():
            other.close()
        self._selector.close()
        if slot == FOLDING:
            for fd in () if self._view is None else self._view[1]:
                os.close(fd)  # else its predecessor's memory would never be freed
            run_folding(self._deployment, self._board, channel)
            return
        known: list[tuple[Message, list[int]]] = [(self._troubles, [])]
        if self._view is not None:
            known.append(self._view)
        run_worker(self._deployment, self._board, slot, channel, self._listening[slot], known)

    def _reap(self) -> None:
        """Handle processes that have ended, and schedule their replacements."""
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            slot = self._pids.pop(pid, None)
            if slot is None:
                continue
            self._receive(slot)  # its last messages
            self._close_channel(slot)
            self._board.row(slot)["pid"] = 0
            if slot == FOLDING:
                self._board.folding["incarnation"] += 1
            else:
                self._board.workers[slot]["beat_ms"] = 0
            how = how_it_ended(status)
            if self._is_stopping:
                write_process_event(slot, "process_stopped", f"stopped ({how})", pid=pid, how=how)
                continue
            what = f"ended ({how}); starting another"
            write_process_event(slot, "process_ended", what, pid=pid, how=how)
            if slot == FOLDING:
                why, self._why_not_folded = self._why_not_folded or how, None
                self._send_troubles(Troubles(folding=not_folding(why)))
            self._due[slot] = time.monotonic() + self._pause_s(slot)

    def _pause_s(self, slot: int) -> float:
        """Pause before a process is restarted: none, unless it keeps dying."""
        now = time.monotonic()
        starts = self._starts[slot] = [at for at in self._starts[slot] if now - at < 60]
        return _PAUSE_S if len(starts) > _RESTARTS_A_MINUTE else 0.0

    def _close_channel(self, slot: int) -> None:
        channel = self._channels.pop(slot, None)
        if channel is not None:
            self._selector.unregister(channel)
            channel.close()

    def _stop_all(self) -> None:
        """Stop the workers, then the folding process; kill those that do not stop."""
        workers = [pid for pid, slot in self._pids.items() if slot != FOLDING]
        self._stop(workers)
        self._stop(list(self._pids))

    def _stop(self, pids: list[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _KILL_AFTER_S
        while any(pid in self._pids for pid in pids) and time.monotonic() < until:
            self._wait(0.05)
            self._reap()
        for pid in pids:
            if pid in self._pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                slot = self._pids.pop(pid)
                write_process_event(slot, "process_failed", "does not stop, and is killed")


def write_cpu_of_supervisor(board: Board) -> None:
    """Write the CPU time of the calling process, the supervisor, to the board."""
    board.folding["supervisor_cpu_us"] = time.process_time_ns() // 1000
