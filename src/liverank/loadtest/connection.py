"""One keep-alive connection: sends a request, reads the response, and reports the outcome.

It parses only what JSON over HTTP/1.1 needs: status, length, and whether the connection stays open.
Invariant: at most one request is in flight; each sent request is reported once, answered or lost.
"""

import asyncio
import re
from typing import Protocol, cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,12}) *\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close *\r\n", re.IGNORECASE)
_MAX_HEAD = 65_536


class Request:
    """A request that was due at a time; its bytes are made when it is sent."""

    __slots__ = ("due_ns", "is_retry", "payload")

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.payload = b""
        self.is_retry = False


class Owner(Protocol):
    """Receives the outcome of each request."""

    def on_answer(
        self, connection: "Connection", request: Request, status: int, body: bytes
    ) -> None:
        """Called when the whole response has arrived."""

    def on_lost(self, connection: "Connection", request: Request | None, *, began: bool) -> None:
        """Called when the connection ended; ``began``: part of a response had arrived."""


class Connection(asyncio.Protocol):
    """A connection of an owner."""

    __slots__ = ("_owner", "_received", "_transport", "request")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.request: Request | None = None
        """The request in flight, or None."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: Request) -> None:
        """Send a request; the owner's next call is its outcome."""
        assert self._transport is not None
        self.request = request
        self._transport.write(request.payload)

    def abort(self) -> None:
        """Close at once, without a report on the request in flight."""
        self.request = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read bytes, and report the response when it is complete."""
        if self._received:
            data = self._received + data
        head_end = data.find(_HEAD_END)
        if head_end < 0:
            self._received = data
            if len(data) > _MAX_HEAD:
                self._break()
            return
        head = data[: head_end + 2]
        length = _LENGTH.search(head)
        status = head[9:12]
        if length is None or not status.isdigit() or self.request is None:
            self._received = data
            self._break()
            return
        end = head_end + 4 + int(length[1])
        if len(data) < end:
            self._received = data
            return
        self._received = b""
        request, self.request = self.request, None
        if _CLOSES.search(head) is not None and self._transport is not None:
            self._transport.close()
        self._owner.on_answer(self, request, int(status), data[head_end + 4 : end])

    def is_open(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_lost(self, _error: Exception | None) -> None:
        """Report the loss, and the request in flight."""
        request, self.request = self.request, None
        self._owner.on_lost(self, request, began=bool(self._received))

    def _break(self) -> None:
        if self._transport is not None:
            self._transport.abort()
