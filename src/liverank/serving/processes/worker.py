"""A worker: answers requests from shared memory that the folding process writes.

Invariant: a view is adopted as a whole between two requests. When the supervisor ends or stops the
worker, requests in flight are answered and queued rankings are written before the worker ends.
"""

import asyncio
import math
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial

import uvloop

from liverank.errors import LiverankError
from liverank.events.log import Log
from liverank.quantities import duration_ms
from liverank.serving.health import HealthReporter
from liverank.serving.http.limits import Limits
from liverank.serving.http.routes import Routes
from liverank.serving.http.server import Handler, HttpServer
from liverank.serving.processes.board import Board, begin_process, write_cpu
from liverank.serving.processes.channel import Channel, Failure, Message, NewView, Troubles
from liverank.serving.processes.deployment import Deployment
from liverank.serving.processes.views import ViewMaker
from liverank.serving.releases.reporter import Reporter
from liverank.serving.releases.shadow import LOOK_S
from liverank.serving.server_log.watch import Watch
from liverank.serving.service import Service
from liverank.serving.simulated.lockstep import Lockstep

DRAIN_S = 5.0
"""Seconds for requests in flight when the server stops."""
_RETRY_S = 1.0
"""Seconds before a bundle that did not load is tried again."""
_GATHER_S = 0.02
"""Least time between two commits of events; events in between share a commit."""
_SWITCH_S = 0.001
"""Interpreter's thread switch interval, so that long lists do not delay other answers."""
_REPORT_S = 1.0
"""Pause between two checks whether a report is due."""
_COUNT_S = 0.25
"""Pause between two writes of counts to the board."""


def run_worker(
    deployment: Deployment,
    board: Board,
    index: int,
    channel: Channel,
    listening: socket.socket,
    known: list[tuple[Message, list[int]]],
) -> None:
    """Serve until the supervisor ends or stops this worker.

    ``index`` is that of the worker; ``known`` are earlier messages that it needs.
    """
    begin_process(board.workers[index])
    sys.setswitchinterval(_SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_Worker(deployment, board, index, channel).run(listening, known))
        except LiverankError as error:
            with suppress(OSError):  # the supervisor is gone
                channel.send(Failure(type(error).__name__, str(error)))
            raise


class _Worker:
    def __init__(self, deployment: Deployment, board: Board, index: int, channel: Channel) -> None:
        self._deployment = deployment
        self._board = board
        self._index = index
        self._channel = channel
        counts = board.workers[index]
        self._logged_before = int(counts["rankings_logged"])
        self._lost_before = int(counts["rankings_lost"])
        self._newest = 0
        self._stopped = asyncio.Event()
        self._messages: asyncio.Queue[tuple[Message, list[int]]] = asyncio.Queue()

    async def run(self, listening: socket.socket, known: list[tuple[Message, list[int]]]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_reader(self._channel.fileno(), self._receive)
        config, simulation = self._deployment.config, self._deployment.simulation
        log_wait_s = duration_ms(config.serving.log_wait) / 1000
        with Log.open(
            self._deployment.log,
            busy_s=log_wait_s,
            gather_s=_GATHER_S if simulation is None else 0.0,
            syncs=simulation is None,
        ) as log:
            self._service = service = Service(
                log,
                config,
                self._board,
                self._index,
                snapshots=self._deployment.snapshots,
                clock_ms=self._deployment.clock_ms,
                simulation=simulation,
            )
            self._health = health = HealthReporter(service)
            self._views = ViewMaker(self._deployment, service, health, self._index)
            routes = Routes(service, health, has_access_log=self._deployment.has_access_log)
            watch = Watch(service, health, self._index)
            reporter = Reporter(service, health, log, self._deployment.log, self._index)
            limits = Limits(
                body_bytes=config.serving.max_body_mb * 1_000_000,
                keep_alive_s=duration_ms(config.serving.keep_alive) / 1000,
            )
            handler: Handler = routes
            if simulation is not None:
                limits = replace(
                    limits, keep_alive_s=math.inf
                )  # a simulation may pause for any time
                handler = Lockstep(routes, service, self._board, simulation, report=reporter.flush)
            http = HttpServer(handler, limits=limits, count=routes.count_refused)
            self._beat()
            for message in known:
                await self._handle(*message)
            await http.start(listening)
            stopped = loop.create_task(self._wait_for_stop())
            working = (
                *(self._handle_messages(), self._count(http, watch), self._try_writing()),
                *(self._report(reporter), self._shadow(http)),
            )
            tasks = [loop.create_task(work) for work in working]
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            await http.stop(within_s=DRAIN_S)
            for task in tasks:
                task.cancel()
            routes.close()
            await asyncio.to_thread(partial(reporter.flush, is_last=True))
            await asyncio.to_thread(service.close)
            self._write_counts(http)
            watch.end()
            for task in done:
                task.result()

    async def _wait_for_stop(self) -> None:
        await self._stopped.wait()

    def _receive(self) -> None:
        for message in self._channel.receive():
            if message is None:
                asyncio.get_running_loop().remove_reader(self._channel.fileno())
                self._stopped.set()
            else:
                self._messages.put_nowait(message)

    async def _handle_messages(self) -> None:
        while True:
            await self._handle(*await self._messages.get())

    async def _handle(self, message: Message, fds: list[int]) -> None:
        if isinstance(message, Troubles):
            self._health.troubles = message
        elif isinstance(message, NewView) and message.number >= self._newest:
            self._newest = message.number
            try:
                view = await asyncio.to_thread(self._views.make, message, fds)
                trouble = self._views.trouble
            except LiverankError as error:
                trouble = f"worker {self._index} ranks as before: {error}"
            else:
                self._service.adopt(view, message.number)
                if self._deployment.simulation is not None:
                    self._deployment.simulation.worker_wakeup.set()
            self._health.own_trouble = trouble
            if trouble is not None:  # the cause may disappear
                loop = asyncio.get_running_loop()
                loop.call_later(_RETRY_S, self._messages.put_nowait, (message, fds))
                return
        for fd in fds:
            os.close(fd)

    async def _count(self, http: HttpServer, watch: Watch) -> None:
        while True:
            await asyncio.sleep(_COUNT_S)
            self._write_counts(http)
            if not self._stopped.is_set():  # while stopping, other stopped workers are not missing
                watch.look()

    async def _try_writing(self) -> None:
        """Try the log again after a failed append; waits while another process locks it."""
        while True:
            await asyncio.sleep(_COUNT_S)
            await self._service.try_writing()

    async def _report(self, reporter: Reporter) -> None:
        """Write the reports into the log that are due."""
        while True:
            await asyncio.sleep(_REPORT_S)
            await reporter.look()

    async def _shadow(self, http: HttpServer) -> None:
        """Compare a challenger in shadow with what was served, when no request waits."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._service.shadow.look(is_busy=http.waiting > 0)

    def _beat(self) -> int:
        """Write a sign of life to the board; returns the time in Unix ms."""
        self._service.counts["beat_ms"] = now_ms = self._deployment.clock_ms()
        return now_ms

    def _write_counts(self, http: HttpServer) -> None:
        counts, writer = self._service.counts, self._service.writer
        write_cpu(counts)
        counts["lacks_bundle"] = self._health.own_trouble is not None
        counts["lacks_log"] = writer.trouble_code
        counts["log_waits_ms"] = self._service.log_waits_ms()
        now_ms = self._beat()
        counts["connections"] = len(http.connections)
        counts["rankings_queued"] = writer.queued
        counts["rankings_logged"] = self._logged_before + writer.logged
        lost = self._lost_before + writer.lost
        if lost > counts["rankings_lost"]:
            counts["rankings_lost"], counts["lost_ms"] = lost, now_ms
