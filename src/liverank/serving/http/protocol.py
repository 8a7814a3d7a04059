"""HTTP/1.1 on one connection: bytes in, requests to the server's queue, answers out.

Invariant: answers leave in the order of their requests, one at a time; a client that is slow, sends
too much, or sends what is no HTTP costs its own connection and nothing else.
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import httptools

from liverank.serving.http.bodies import BodyTooLongError, UnreadableBodyError, decoded_body
from liverank.serving.http.exchange import Answer, Request, answer_bytes, problem_answer
from liverank.serving.http.messages import Problem

if TYPE_CHECKING:
    from liverank.serving.http.server import HttpServer

_MOST_WAITING = 32
"""Requests that a client may send before it has read the answers to earlier ones."""
_LINGER_S = 2.0
"""How long what a client still sends is read and thrown away after an answer that closes."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpProtocol(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        "_awaits",
        "_body",
        "_body_bytes",
        "_encoding",
        "_expects",
        "_fed_bytes",
        "_has_eof",
        "_head_bytes",
        "_in_head",
        "_is_full",
        "_is_lingering",
        "_keeps_alive",
        "_length",
        "_parser",
        "_refusal",
        "_server",
        "_url",
        "_waiting",
        "began_at",
        "deadline",
        "is_busy",
        "transport",
    )

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, str, bool]] = deque()
        self._is_lingering = self._is_full = self._has_eof = self.is_busy = False
        self._refusal: Answer | None = None
        self._keeps_alive, self._awaits = True, ""
        self._begin_request()
        self.deadline = 0.0
        """When to give up waiting for the client, by ``time.perf_counter``."""
        self.began_at = 0.0
        """When the first byte of the request that is being read came; 0 between requests."""

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = cast("asyncio.Transport", transport)
        self.deadline = time.perf_counter() + self._server.limits.head_s
        self._server.connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The client is gone."""
        self._server.connections.discard(self)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._is_lingering:
            return
        now = time.perf_counter()
        limits = self._server.limits
        if not self.began_at:
            self.began_at = now
            self.deadline = now + limits.head_s
        if self._in_head:
            self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
                return
        except httptools.HttpParserError as error:
            if self._refusal is None:
                problem = Problem(where="request", what=f"this is not HTTP/1.1: {error}")
                self._refusal = problem_answer(400, problem)
        if self._in_head and self._fed_bytes > limits.head_bytes:
            self._refuse_head()
        if self._refusal is not None:
            self._refuse()
        elif self.began_at and not self._in_head:
            slowest_s = limits.body_s + self._body_bytes / limits.body_bytes_a_second
            self.deadline = min(now + limits.stall_s, self.began_at + slowest_s)
        if len(self._waiting) > _MOST_WAITING:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The client will send no more; it may still wait for answers."""
        self._has_eof = True
        return self.is_busy or bool(self._waiting)

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._is_full = True
        self.deadline = time.perf_counter() + self._server.limits.stall_s

    def resume_writing(self) -> None:
        """It does again."""
        self._is_full = False
        self.deadline = time.perf_counter() + self._server.limits.keep_alive_s
        if self._waiting and not self.is_busy:
            self._server.enqueue(self)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begin_request()
        if not self.began_at:
            self.began_at = time.perf_counter()

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        self._url += url
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._head_bytes += len(name) + len(value)
        name = name.lower()
        if name == b"content-length":
            self._length = int(value) if value.isdigit() else 0
        elif name == b"content-encoding":
            self._encoding = value.strip().lower().decode("latin-1")
        elif name == b"expect":
            self._expects = value.strip().lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """The body comes next."""
        self._in_head = False
        if self._head_bytes > self._server.limits.head_bytes:
            self._refuse_head()
        elif self._length > self._server.limits.body_bytes:
            self._refuse_body()
        elif self._expects and self._refusal is None:
            self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._server.limits.body_bytes:
            self._refuse_body()
        elif self._refusal is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._refusal is not None:
            return
        parsed = httptools.parse_url(self._url)
        method = self._parser.get_method().decode("latin-1")
        path = (parsed.path or b"/").decode("latin-1")
        if "%" in path:
            path = unquote(path, errors="surrogateescape")
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(
            method, path, (parsed.query or b"").decode("latin-1"), body, time.perf_counter()
        )
        if self._encoding:
            try:
                request.body = decoded_body(
                    body, self._encoding, most_bytes=self._server.limits.body_bytes
                )
            except BodyTooLongError:
                self._refuse_body()
                return
            except UnreadableBodyError as error:
                problem = Problem(where="content-encoding", what=str(error))
                self._refusal = problem_answer(error.status, problem)
                return
        self._waiting.append((request, method, self._parser.should_keep_alive()))
        self.began_at = 0.0
        self._in_head, self._fed_bytes = True, 0
        if not self.is_busy and len(self._waiting) == 1 and not self._is_full:
            self._server.enqueue(self)

    # What the server does.

    def next_request(self) -> Request | None:
        """The next request to answer; None when the client has gone."""
        if not self._waiting or self.transport.is_closing():
            return None
        request, method, self._keeps_alive = self._waiting.popleft()
        self._awaits = method
        self.is_busy = True
        self.deadline = 0.0
        return request

    def send(self, answer: Answer) -> None:
        """Send the answer to the request that ``next_request`` gave."""
        self.is_busy = False
        if self.transport.is_closing():
            return
        closes = answer.closes or not self._keeps_alive or self._server.is_stopping
        closes = closes or (self._has_eof and not self._waiting)
        self._write(answer, keeps_alive=not closes)
        if closes:
            self._linger()
            return
        if self._waiting:
            if not self._is_full:
                self._server.enqueue(self)
        elif self._refusal is not None:
            self._refuse()
        elif not self.began_at:
            self.deadline = time.perf_counter() + self._server.limits.keep_alive_s
        if len(self._waiting) <= _MOST_WAITING // 2 and not self.transport.is_reading():
            self.transport.resume_reading()

    def time_out(self) -> None:
        """The client let its time pass."""
        if self._is_lingering or self._is_full or not self.began_at:
            self.transport.abort() if self._is_full else self.transport.close()
            return
        part = "headers" if self._in_head else "body"
        what = f"the {part} did not come in time; send the whole request at once"
        self._refusal = problem_answer(408, Problem(where=part, what=what))
        self._refuse()

    def close_when_idle(self) -> None:
        """Close now, or after the answer that is being made."""
        if not (self.is_busy or self._waiting or self._is_lingering):
            self.transport.close()

    def _begin_request(self) -> None:
        self._url = b""
        self._body: list[bytes] = []
        self._body_bytes = self._length = self._fed_bytes = 0
        self._head_bytes: int = 0
        self._encoding, self._expects, self._in_head = "", False, True

    def _refuse_head(self) -> None:
        most = self._server.limits.head_bytes
        what = f"more than {most:,} bytes of address and headers; send less"
        self._refusal = problem_answer(431, Problem(where="headers", what=what))

    def _refuse_body(self) -> None:
        most = self._server.limits.body_bytes
        self._refusal = problem_answer(
            413,
            Problem(
                where="body",
                what=f"more than {most:,} bytes; send less at a time, or raise "
                "`serving.max_body_mb` in liverank.toml",
            ),
        )

    def _refuse(self) -> None:
        """Answer with the refusal, once all before it is answered, and close."""
        if self.is_busy or self._waiting or self._is_lingering:
            return
        assert self._refusal is not None
        self._server.count(self._refusal.status)
        self._write(self._refusal, keeps_alive=False)
        self._linger()

    def _write(self, answer: Answer, *, keeps_alive: bool) -> None:
        self.transport.write(
            answer_bytes(
                answer,
                self._server.date.line(),
                keeps_alive=keeps_alive,
                without_body=self._awaits == "HEAD",
            )
        )

    def _linger(self) -> None:
        """Read what still comes for a while: closing at once could take the answer with it."""
        self._is_lingering = True
        self._waiting.clear()
        self.deadline = time.perf_counter() + _LINGER_S
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if not self.transport.is_reading():
            self.transport.resume_reading()
