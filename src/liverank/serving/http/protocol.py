"""HTTP/1.1 on one connection: queues its requests, sends answers, and enforces time limits.

Invariant: answers are sent in the order of their requests, one at a time; a client that is slow,
sends too much, or sends invalid HTTP affects only its own connection.
"""

import asyncio
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from liverank.serving.http.exchange import Answer, Request, answer_bytes
from liverank.serving.http.reading import RequestReader

if TYPE_CHECKING:
    from liverank.serving.http.server import HttpServer

_MAX_WAITING = 32
"""Maximum number of requests that a client may send before reading earlier answers."""
_LINGER_S, _LONGEST_LINGER_S = 2.0, 30.0
"""Seconds for which input is discarded after an answer that closes the connection: until no input
arrives for the first time, at most the second."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpProtocol(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        "_awaits",
        "_connection",
        "_has_eof",
        "_is_full",
        "_lingers_until",
        "_reader",
        "_server",
        "_unsent",
        "_waiting",
        "deadline",
        "is_busy",
        "transport",
    )

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._reader = RequestReader(server.limits, self._take)
        self._waiting: deque[tuple[Request, bytes]] = deque()
        self._is_full = self._has_eof = False
        self._connection, self._awaits = b"", ""
        self._lingers_until = 0.0
        self._unsent = 0  # bytes of answers that were unread at the last check
        self.is_busy = False
        """Whether a request of this connection is being answered."""
        self.deadline = 0.0
        """Time to give up waiting for the client, by ``time.perf_counter``; 0 for never."""

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register a new connection."""
        self.transport = cast("asyncio.Transport", transport)
        self.deadline = time.perf_counter() + self._server.limits.head_s
        self._server.connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget a closed connection."""
        self._server.connections.discard(self)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Read bytes from the client."""
        if self._lingers_until:
            self.deadline = min(time.perf_counter() + _LINGER_S, self._lingers_until)
            return
        self._reader.feed(data)
        self._go_on()
        if len(self._waiting) > 1 and self._is_behind():
            self.transport.pause_reading()
        self._reset_deadline()

    def eof_received(self) -> bool:
        """Handle the end of input; the client may still wait for answers."""
        self._has_eof = True
        if self._reader.began_at:
            self._reader.refuse(400, "request", "it ended too early; send the whole request")
            self._go_on()
        return self.is_busy or bool(self._waiting)

    def pause_writing(self) -> None:
        """Stop sending answers, because the client does not read them."""
        self._is_full = True
        self._unsent = self.transport.get_write_buffer_size()
        self._reset_deadline()

    def resume_writing(self) -> None:
        """Send answers again, because the client reads them."""
        self._is_full = False
        if self._waiting and not self.is_busy:
            self._server.enqueue(self)
        self._reset_deadline()

    # Called by the server.

    def next_request(self) -> Request | None:
        """The next request to answer; None if there is none, or the client has disconnected."""
        if not self._waiting or self.transport.is_closing():
            return None
        request, self._connection = self._waiting.popleft()
        self._awaits = request.method
        self.is_busy = True
        return request

    def send(self, answer: Answer) -> None:
        """Send the answer to the request that ``next_request`` gave."""
        self.is_busy = False
        if self.transport.is_closing():
            return
        is_over = self._has_eof or self._server.is_stopping
        if answer.closes or (is_over and not self._waiting and self._reader.refusal is None):
            self._connection = b"close"
        self._write(answer)
        if self._connection == b"close":
            self._linger()
            return
        if self._waiting:
            if not self._is_full:
                self._server.enqueue(self)
        else:
            self._go_on()
        if not self.transport.is_reading():
            self._resume_reading()
        self._reset_deadline()

    def time_out(self) -> None:
        """Handle a client that did not act within its time limit."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent:
            self.transport.abort()
        elif unsent:  # the client reads slowly
            self._unsent = unsent
            self.deadline = time.perf_counter() + self._server.limits.stall_s
        elif self._lingers_until or not self._reader.began_at:
            self.transport.close()
        else:
            part = "headers" if self._reader.in_head else "body"
            what = f"the {part} did not arrive in time; send the whole request at once"
            self._reader.refuse(408, part, what)
            self._go_on()
            self._reset_deadline()

    def close_when_idle(self) -> None:
        """Close if no answer is being made or waited for."""
        if not (self.is_busy or self._waiting or self._lingers_until):
            self.transport.close()

    # Shared by both.

    def _take(self, request: Request, connection: bytes) -> None:
        """Queue a request."""
        self._waiting.append((request, connection))
        if not self.is_busy and len(self._waiting) == 1 and not self._is_full:
            self._server.enqueue(self)

    def _go_on(self) -> None:
        """Once earlier requests are answered, send a pending refusal, or ask for a body."""
        if self.is_busy or self._waiting or self._lingers_until:
            return
        reader = self._reader
        if reader.refusal is not None:
            self._awaits, self._connection = reader.method, b"close"
            self._server.count(reader.refusal.status)
            self._write(reader.refusal)
            self._linger(reads=reader.refusal.status != 408)  # after 408, nothing more will arrive
        elif reader.expects_continue and not reader.in_head:
            reader.expects_continue = False
            self.transport.write(_CONTINUE)

    def _write(self, answer: Answer) -> None:
        self.transport.write(
            answer_bytes(
                answer,
                self._server.date.line(),
                connection=self._connection,
                without_body=self._awaits == "HEAD",
            )
        )

    def _linger(self, *, reads: bool = True) -> None:
        """Discard further input for a while: closing at once could destroy the answer."""
        now = time.perf_counter()
        self._lingers_until = now + _LONGEST_LINGER_S
        self.deadline = now + _LINGER_S
        self._unsent = sys.maxsize
        self._waiting.clear()
        if self._has_eof or not reads:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if not self.transport.is_reading():
            self.transport.resume_reading()

    def _is_behind(self) -> bool:
        """Whether more requests wait than one client may have waiting."""
        return (
            len(self._waiting) > _MAX_WAITING
            or sum(len(request.body) for request, _ in self._waiting)
            > self._server.limits.body_bytes
        )

    def _resume_reading(self) -> None:
        if len(self._waiting) <= _MAX_WAITING // 2 and not self._is_behind():
            if self._reader.began_at:  # the client could not send while reading was paused
                self._reader.began_at = time.perf_counter()
            self.transport.resume_reading()

    def _reset_deadline(self) -> None:
        """Set the time limit for the client's next action."""
        reader, limits = self._reader, self._server.limits
        if self._lingers_until:
            return
        now = time.perf_counter()
        if self._is_full:
            self.deadline = now + limits.stall_s
        elif reader.refusal is not None or not self.transport.is_reading():
            self.deadline = 0.0
        elif reader.began_at and reader.in_head:
            self.deadline = reader.began_at + limits.head_s
        elif reader.began_at:
            slowest_s = limits.body_s + reader.body_bytes / limits.body_bytes_a_second
            self.deadline = min(now + limits.stall_s, reader.began_at + slowest_s)
        elif self.is_busy or self._waiting:
            self.deadline = 0.0
        else:
            self.deadline = now + limits.keep_alive_s
