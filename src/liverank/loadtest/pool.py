"""Connections for one kind of request: opened when needed up to a limit, used in turn.

If all connections are busy a request waits, and its latency includes the wait: it is measured from
the due time. Invariant: each submitted request has exactly one outcome: answered, refused by a
status, or an error.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from liverank.loadtest.connection import Connection, Request
from liverank.loadtest.histogram import MAX_US, Histogram
from liverank.loadtest.plan import Tallied

_RETRY_OPENING_S = 0.1


@dataclass(frozen=True, slots=True)
class Route:
    """The target of requests, and the functions that build requests and read responses."""

    host: str
    port: int
    connections: int
    """Maximum number of open connections."""
    timeout_s: float
    """Time after its due time at which a request is given up."""
    make: Callable[[], bytes]
    read: Callable[[bytes, bytes, Tallied], None]
    """Called with a request's bytes, its answer's body, and the tally to add to."""
    now_ns: Callable[[], int]


class Pool:
    """The connections of a route, and the outcomes of its requests."""

    def __init__(self, route: Route, loop: asyncio.AbstractEventLoop) -> None:
        self.tallied = Tallied()
        self.latency = Histogram()
        self.pending = 0
        """Number of requests without an outcome yet."""
        self._route = route
        self._loop = loop
        self._is_closed_loop = False
        self._is_stopping = False
        self._is_closed = False
        self._open: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._waiting: deque[Request] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    def submit(self, due_ns: int) -> None:
        """Send a request now, or as soon as a connection is free."""
        self._begin(request := Request(due_ns))
        if self._idle:
            self._send(self._idle.popleft(), request)
        else:
            self._waiting.append(request)
            self._refill()

    def keep_busy(self) -> None:
        """Open all connections, and send on each as soon as its answer arrives (a closed loop)."""
        self._is_closed_loop = True
        self._refill()

    def stop(self) -> None:
        """Send no further request of the closed loop; pending requests continue."""
        self._is_stopping = True

    def sweep(self) -> None:
        """Give up requests that waited too long; their waiting time is their latency."""
        oldest_ns = self._route.now_ns() - int(self._route.timeout_s * 1e9)
        while self._waiting and self._waiting[0].due_ns < oldest_ns:
            self._fail(self._waiting.popleft(), "timeout")
        for connection in list(self._open):
            request = connection.request
            if request is not None and request.due_ns < oldest_ns:
                connection.abort()
                self._fail(request, "timeout")

    def close(self) -> None:
        """Close all connections; pending requests end as unanswered."""
        self._is_stopping = self._is_closed = True
        for task in self._opening:
            task.cancel()
        for connection in list(self._open):
            connection.abort()
        if self.pending:
            self._count_error("unanswered", self.pending)
            self.pending = 0
        self._waiting.clear()

    def on_answer(self, connection: Connection, request: Request, status: int, body: bytes) -> None:
        """Count a response, and use the connection again."""
        waited_us = (self._route.now_ns() - request.due_ns) // 1000
        tallied = self.tallied
        name = str(status)
        tallied.statuses[name] = tallied.statuses.get(name, 0) + 1
        self.pending -= 1
        if 200 <= status < 300:
            tallied.answered += 1
            self.latency.record(waited_us)
        else:
            self._count_error(f"status {name}", 1)
        if connection.is_open():
            self._use(connection)
        if 200 <= status < 300:  # only after the next request is sent, since reading takes time
            self._route.read(request.payload, body, tallied)

    def on_lost(self, connection: Connection, request: Request | None, *, began: bool) -> None:
        """Send a request again on a new connection, if no part of its response had arrived."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if request is not None and (began or request.is_retry or self._is_closed):
            self._fail(request, "answer broke off" if began else "connection closed")
        elif request is not None:
            request.is_retry = True
            self.tallied.retried += 1
            self._start_opening(request)
        self._refill()

    def _begin(self, _request: Request) -> None:
        self.pending += 1
        self.tallied.sent += 1

    def _send(self, connection: Connection, request: Request) -> None:
        if not request.payload:
            request.payload = self._route.make()
        connection.send(request)

    def _use(self, connection: Connection) -> None:
        """Give a free connection its next request, if there is one."""
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        elif self._is_closed_loop and not self._is_stopping:
            self._begin(request := Request(self._route.now_ns()))
            self._send(connection, request)
        else:
            self._idle.append(connection)

    def _refill(self) -> None:
        """Open the connections that are needed, up to the limit."""
        while len(self._open) + len(self._opening) < self._route.connections and (
            len(self._waiting) > len(self._opening)
            or (self._is_closed_loop and not self._is_stopping)
        ):
            self._start_opening(None)

    def _start_opening(self, request: Request | None) -> None:
        self.tallied.opened += 1
        task = self._loop.create_task(self._connect(request))
        self._opening.add(task)

    async def _connect(self, request: Request | None) -> None:
        """Open a connection, for one request or for the next one that waits."""
        this = asyncio.current_task()
        assert this is not None
        route = self._route
        connecting = self._loop.create_connection(lambda: Connection(self), route.host, route.port)
        try:
            _, connection = await asyncio.wait_for(connecting, route.timeout_s)
        except (OSError, TimeoutError) as error:
            if request is None and self._waiting:
                request = self._waiting.popleft()
            if request is not None:
                self._fail(request, _why(error))
            self._loop.call_later(_RETRY_OPENING_S, self._refill)
            return
        finally:
            self._opening.discard(this)
        if not connection.is_open():  # closed at once
            if request is not None:
                self._fail(request, "connection closed")
            self._loop.call_later(_RETRY_OPENING_S, self._refill)
            return
        self._open.add(connection)
        if request is None:
            self._use(connection)
        else:
            self._send(connection, request)

    def _fail(self, request: Request, kind: str) -> None:
        self.pending -= 1
        if kind == "timeout":
            self.latency.record(min((self._route.now_ns() - request.due_ns) // 1000, MAX_US))
        self._count_error(kind, 1)

    def _count_error(self, kind: str, count: int) -> None:
        errors = self.tallied.errors
        errors[kind] = errors.get(kind, 0) + count


def _why(error: OSError | TimeoutError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return "timeout" if isinstance(error, TimeoutError) else "no connection"
