"""The process that folds the log, and tells the others what there is to rank from.

Invariant: it alone writes feature state and live items; when it dies, the others still have both.
"""

import asyncio
import signal
from contextlib import suppress

import uvloop

from liverank.errors import LiverankError
from liverank.events.log import Log
from liverank.serving.processes.board import Board, begin_process, write_cpu
from liverank.serving.processes.channel import Channel, Failed, NewView, Ready, Troubles
from liverank.serving.processes.deployment import Deployment
from liverank.serving.ranking.fallback import choose_rung, fixed_rung
from liverank.serving.server_log.events import write_event
from liverank.serving.state.current import Current, Serving
from liverank.serving.state.log_fold import settle_layout
from liverank.serving.state.reader_gaps import ReaderGaps
from liverank.serving.state.snapshot_process import SnapshotTaker

_TELL_S = 0.1
"""How often what is wrong is looked at, and told when it changed."""


def run_folding(deployment: Deployment, board: Board, channel: Channel) -> None:
    """Fold until the supervisor has gone or says so; returns then."""
    begin_process(board.folding)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_Folding(deployment, board, channel).run())
        except Exception as error:
            failed = Failed(type(error).__name__, str(error))
            if not isinstance(error, LiverankError):
                write_event("fault", "the folding process met a fault of ours", is_fault=True)
                failed = Failed("ServingError", f"the log cannot be folded: {error!r}")
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
        loop.add_reader(self._channel.fileno(), self._stopped.set)  # nothing comes but its end
        with Log.open(self._deployment.log) as log:
            self._log = log
            current = self._current(log)
            taker = self._taker()
            tasks = [loop.create_task(current.run()), loop.create_task(self._tell(current, taker))]
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

    def _current(self, log: Log) -> Current:
        deployment = self._deployment
        if deployment.bundles is not None:
            rung = choose_rung(deployment.bundles)
        else:
            assert deployment.bundle is not None
            rung = fixed_rung(deployment.bundle)
        self._board["last_seq"] = log.last_seq()
        bundle = rung.bundle
        layout = settle_layout(log, deployment.config) if bundle is None else bundle.spec.layout
        return Current(
            log,
            deployment.config,
            rung,
            layout,
            bundles=deployment.bundles,
            snapshots=deployment.snapshots,
            clock_ms=deployment.event_clock_ms,
            on_change=self._serve,
            on_look=self._look,
            before_batch=self._gaps.leave if deployment.simulation is None else None,
            simulation=deployment.simulation,
        )

    def _serve(self, serving: Serving) -> None:
        rung = serving.rung
        self._board["view"] += 1
        view = NewView(
            number=int(self._board["view"]),
            incarnation=self._incarnation,
            generation=serving.generation,
            layout=serving.folded.layout,
            bundle=None if rung.directory is None else str(rung.directory),
            fallback=rung.fallback,
            reason=rung.reason,
            promoted=rung.promoted,
            changes=() if serving.arms is None else serving.arms.changes,
        )
        fds = [serving.folded.state.store.fd, serving.publisher.table.fd]
        if serving.arms is not None:
            fds.append(serving.arms.table.fd)
        self._channel.send(view, tuple(fds))
        self._board["seq"] = serving.folded.seq
        if not self._board["fresh_ms"]:  # from now on it is told if nothing more is folded
            self._board["fresh_ms"] = self._deployment.clock_ms()
        if not self._is_ready:
            self._is_ready = True
            self._channel.send(Ready(serving.folded.seq))

    def _look(self, seq: int) -> None:
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

    async def _tell(self, current: Current, taker: SnapshotTaker | None) -> None:
        """Tell what is wrong, whenever that changes."""
        told = Troubles()
        while True:
            await asyncio.sleep(_TELL_S)
            write_cpu(self._board)
            self._board["fresh_ms"] = current.fresh_ms or self._board["fresh_ms"]
            troubles = Troubles(
                log=current.log_trouble,
                bundle=current.bundle_trouble,
                stale=current.stale_trouble,
                snapshot=None if taker is None else taker.trouble,
            )
            if troubles != told:
                self._channel.send(troubles)
                told = troubles
