"""The process that folds the log, and sends each new state to the others.

Invariant: only this process writes feature state and live items; if it dies, the others keep both.
"""

import asyncio
import signal
from contextlib import suppress

import uvloop

from liverank.errors import LiverankError
from liverank.events.log import Log
from liverank.serving.processes.board import Board, begin_process, write_cpu
from liverank.serving.processes.channel import Channel, Failure, NewView, Ready, Troubles
from liverank.serving.processes.deployment import Deployment
from liverank.serving.ranking.fallback import choose_level, fixed_level
from liverank.serving.server_log.events import write_event
from liverank.serving.state.log_fold import initial_layout
from liverank.serving.state.reader_gaps import ReaderGaps
from liverank.serving.state.served_state import ServedState, UpdateCallbacks, UpdateSources
from liverank.serving.state.snapshot_process import SnapshotTaker
from liverank.serving.state.updater import StateUpdater

_REPORT_S = 0.1
"""Pause between two checks for trouble, which is reported when it changes."""


def run_folding(deployment: Deployment, board: Board, channel: Channel) -> None:
    """Fold until the supervisor ends or stops this process."""
    begin_process(board.folding)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_Folding(deployment, board, channel).run())
        except Exception as error:
            failed = Failure(type(error).__name__, str(error))
            if not isinstance(error, LiverankError):
                write_event(
                    "fault",
                    "the folding process failed because of a bug in liverank",
                    is_fault=True,
                )
                failed = Failure("ServingError", f"the log cannot be folded: {error!r}")
            with suppress(OSError):  # the supervisor is gone
                channel.send(failed)


class _Folding:
    def __init__(self, deployment: Deployment, board: Board, channel: Channel) -> None:
        self._deployment = deployment
        self._board = board.folding
        waiting = board.workers["wants_gap_us"]
        self._gaps = ReaderGaps(lambda: float(waiting.max()) / 1e6)
        self._channel = channel
        self._is_ready = False
        self._incarnation = int(self._board["incarnation"])
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_reader(self._channel.fileno(), self._stopped.set)  # only its end ever arrives
        with Log.open(self._deployment.log) as log:
            self._log = log
            updater = self._updater(log)
            taker = self._taker()
            tasks = [
                loop.create_task(updater.run()),
                loop.create_task(self._report(updater, taker)),
            ]
            if taker is not None:
                tasks.append(loop.create_task(taker.run()))
            tasks.append(loop.create_task(self._wait_for_stop()))
            done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
            await asyncio.wait(others)
            for task in done:
                task.result()

    async def _wait_for_stop(self) -> None:
        await self._stopped.wait()

    def _updater(self, log: Log) -> StateUpdater:
        deployment = self._deployment
        if deployment.bundles is not None:
            level = choose_level(deployment.bundles)
        else:
            assert deployment.bundle is not None
            level = fixed_level(deployment.bundle)
        self._board["last_seq"] = log.last_seq()
        bundle = level.bundle
        layout = initial_layout(log, deployment.config) if bundle is None else bundle.spec.layout
        sources = UpdateSources(
            bundles=deployment.bundles,
            clock_ms=deployment.event_clock_ms,
            snapshots=deployment.snapshots,
            simulation=deployment.simulation,
        )
        callbacks = UpdateCallbacks(
            on_change=self._send_view,
            on_look=self._record_look,
            before_batch=self._gaps.leave if deployment.simulation is None else None,
        )
        return StateUpdater(
            log, deployment.config, level, layout, sources=sources, callbacks=callbacks
        )

    def _send_view(self, state: ServedState) -> None:
        """Send a state to the other processes, as the next view."""
        level = state.level
        self._board["view"] += 1
        view = NewView(
            number=int(self._board["view"]),
            incarnation=self._incarnation,
            generation=state.generation,
            layout=state.folded.layout,
            bundle=None if level.directory is None else str(level.directory),
            fallback=level.fallback,
            reason=level.reason,
            promoted=level.promoted,
            changes=() if state.arms is None else state.arms.changes,
            release=state.release,
            explores=state.trials is not None and level.was_never_promoted,
        )
        fds = [state.folded.state.store.fd, state.publisher.table.fd]
        if state.arms is not None:
            fds.append(state.arms.table.fd)
        self._channel.send(view, tuple(fds))
        self._board["seq"] = state.folded.seq
        if not self._board["fresh_ms"]:  # from now on a fold that stops shows as lag
            self._board["fresh_ms"] = self._deployment.clock_ms()
        if not self._is_ready:
            self._is_ready = True
            self._channel.send(Ready(state.folded.seq))

    def _record_look(self, seq: int) -> None:
        """Write to the board that the log was folded up to this seq."""
        board = self._board
        board["reached"] = seq
        if self._is_ready:
            board["seq"] = seq
        board["last_seq"] = max(int(board["last_seq"]), seq)
        board["looked_ms"] = self._deployment.clock_ms()

    def _taker(self) -> SnapshotTaker | None:
        every_s = self._deployment.snapshot_every_s
        if every_s is None:
            return None
        return SnapshotTaker(self._deployment.take_snapshot, every_s=every_s)

    async def _report(self, updater: StateUpdater, taker: SnapshotTaker | None) -> None:
        """Send the present problems to the supervisor whenever they change."""
        sent = Troubles()
        while True:
            await asyncio.sleep(_REPORT_S)
            write_cpu(self._board)
            self._board["fresh_ms"] = updater.fresh_ms or self._board["fresh_ms"]
            troubles = Troubles(
                log=updater.log_trouble,
                bundle=updater.bundle_trouble,
                stale=updater.stale_trouble,
                snapshot=None if taker is None else taker.trouble,
            )
            if troubles != sent:
                self._channel.send(troubles)
                sent = troubles
