"""The HTTP server of a process: its connections, the queue of their requests, and time limits.

Invariant: requests of all connections wait in one queue from when they were read, so that their
waiting time is known when they are answered.
"""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from liverank.serving.http.bodies import unpack
from liverank.serving.http.exchange import Answer, DateHeader, Request, problem_answer
from liverank.serving.http.limits import Limits
from liverank.serving.http.messages import Problem
from liverank.serving.http.protocol import HttpProtocol
from liverank.serving.server_log.events import write_event
from liverank.serving.server_log.requests import path_without_user

Handler: TypeAlias = Callable[[Request], Answer | Coroutine[Any, Any, Answer]]

_TURN_S, _LONGEST_TURN_S = 0.002, 0.02
"""Bounds of the seconds for answering requests before the loop reads connections again. Within them
it is the time that reading took, so that many clients cannot stop answers altogether."""
_SWEEP_S = 0.5
_BACKLOG = 2048


class HttpServer:
    """Answers requests on listening sockets. Belongs to one event loop.

    ``handler`` returns the answer to a request, now or as a coroutine; ``count`` gets the status of
    each request that the protocol itself refused.
    """

    def __init__(
        self, handler: Handler, *, limits: Limits, count: Callable[[int], None] = lambda _: None
    ) -> None:
        self.limits = limits
        self.count = count
        self.connections: set[HttpProtocol] = set()
        self.date = DateHeader()
        self.is_stopping = False
        self._handler = handler
        self._queue: deque[HttpProtocol] = deque()
        self._is_scheduled = False
        self._turn_ended = 0.0
        self._unpacking = ThreadPoolExecutor(1, thread_name_prefix="unpack")
        self._pending: set[asyncio.Task[None]] = set()
        self._listening: list[asyncio.Server] = []
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self, *sockets: socket.socket) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        for one in sockets:
            self._listening.append(
                await loop.create_server(lambda: HttpProtocol(self), sock=one, backlog=_BACKLOG)
            )
        self._sweeping = loop.create_task(self._sweep())

    async def stop(self, *, within_s: float) -> None:
        """Accept no more connections, finish pending answers, and close; then cut off the rest."""
        self.is_stopping = True
        for one in self._listening:
            one.close()
        until = time.perf_counter() + within_s
        while self.connections and time.perf_counter() < until:
            for connection in tuple(self.connections):
                connection.close_when_idle()
            await asyncio.sleep(0.01)
        for connection in tuple(self.connections):
            connection.transport.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._unpacking.shutdown(wait=False, cancel_futures=True)

    def enqueue(self, connection: HttpProtocol) -> None:
        """Queue a connection's next request."""
        self._queue.append(connection)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._answer_queue)

    @property
    def waiting(self) -> int:
        """Number of requests in the queue."""
        return len(self._queue)

    def _answer_queue(self) -> None:
        began = time.perf_counter()
        until = began + min(max(began - self._turn_ended, _TURN_S), _LONGEST_TURN_S)
        queue = self._queue
        while queue:
            self._answer_next(queue.popleft())
            if time.perf_counter() > until:
                break
        self._turn_ended = time.perf_counter()
        self._is_scheduled = bool(queue)
        if queue:
            self._loop.call_soon(self._answer_queue)

    def _answer_next(self, connection: HttpProtocol) -> None:
        request = connection.next_request()
        if request is None:
            return
        if request.encoding:
            self._start_task(self._unpack(connection, request))
        else:
            self._answer(connection, request)

    def _answer(self, connection: HttpProtocol, request: Request) -> None:
        try:
            answer = self._handler(request)
        except Exception:
            connection.send(_failed(request))
            return
        if isinstance(answer, Answer):
            connection.send(answer)
            return
        self._start_task(self._answer_later(connection, request, answer))

    def _start_task(self, coming: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coming)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _unpack(self, connection: HttpProtocol, request: Request) -> None:
        """Decompress a request's body in a thread, since it may be long, then answer it."""
        try:
            refusal = await self._loop.run_in_executor(
                self._unpacking, unpack, request, self.limits
            )
        except Exception:
            refusal = _failed(request)
        if refusal is None:
            self._answer(connection, request)
        else:
            self.count(refusal.status)
            connection.send(refusal)

    async def _answer_later(
        self, connection: HttpProtocol, request: Request, coming: Coroutine[Any, Any, Answer]
    ) -> None:
        try:
            answer = await coming
        except Exception:
            answer = _failed(request)
        connection.send(answer)

    async def _sweep(self) -> None:
        """Time out clients that exceed their time limit."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.perf_counter()
            for connection in tuple(self.connections):
                if connection.deadline and now > connection.deadline:
                    connection.time_out()


def _failed(request: Request) -> Answer:
    """The answer to a request that failed because of a bug; logs the exception."""
    where = f"{request.method} {request.path}"
    path = path_without_user(request.path)
    write_event(
        "fault",
        f"{request.method} {path} failed because of a bug in liverank",
        is_fault=True,
        path=path,
    )
    problem = Problem(
        where=where,
        what="the request failed because of a bug in liverank; please report the fault in the "
        "server's log",
    )
    return problem_answer(500, problem)
