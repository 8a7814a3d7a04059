"""Parses the bytes of one connection into requests, within limits.

Invariant: input is either a complete request whose end is unambiguous in HTTP/1.1 (so that no
request can be smuggled), or it is refused, and nothing after it on the connection is read.
"""

import time
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import httptools

from liverank.serving.http.exchange import Answer, Request, problem_answer
from liverank.serving.http.limits import Limits, too_long
from liverank.serving.http.messages import Problem

Take: TypeAlias = Callable[[Request, bytes], None]
"""Takes a request, and the value of its answer's ``connection`` header."""


class RequestReader:
    """Reads the requests of one connection. httptools calls the methods named ``on_...``.

    ``take`` gets each request as soon as it is complete.
    """

    __slots__ = (
        "_body",
        "_encoding",
        "_fed_bytes",
        "_head_bytes",
        "_is_1_0",
        "_is_replaying",
        "_length",
        "_limits",
        "_parser",
        "_take",
        "_url",
        "began_at",
        "body_bytes",
        "expects_continue",
        "in_head",
        "method",
        "refusal",
    )

    def __init__(self, limits: Limits, take: Take) -> None:
        self._limits = limits
        self._take = take
        self._is_replaying = False  # headers are fed to a new parser a second time
        self._parser = httptools.HttpRequestParser(self)
        self.refusal: Answer | None = None
        """The answer to refused input; nothing is read after it."""
        self._reset()

    def _reset(self) -> None:
        """Clear everything about the last request."""
        self.began_at = 0.0
        """When this request's first byte arrived, by ``time.perf_counter``; 0 between requests."""
        self.in_head = True
        self.method = ""
        """Method of this request, once its headers are complete."""
        self.expects_continue = False
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        self.body_bytes = 0
        self._body: list[bytes] = []
        self._url, self._encoding = b"", ""
        self._length = self._head_bytes = 0
        self._is_1_0 = False
        self._fed_bytes = 0  # since the request or a part of its body began

    def feed(self, data: bytes) -> None:
        """Parse more input."""
        left = memoryview(data)
        self._fed_bytes += len(left)
        while left and self.refusal is None:
            try:
                self._parser.feed_data(left)
                break
            except httptools.HttpParserUpgrade as upgrade:
                left = left[upgrade.args[0] :]
                self._go_on_without_upgrade()
            except httptools.HttpParserError as error:
                self.refuse(400, "request", f"this is not HTTP/1.1: {error}")
        if self._fed_bytes > self._limits.head_bytes:  # also trailers, and bytes between requests
            self._refuse_head()

    def _go_on_without_upgrade(self) -> None:
        """Ignore a request to upgrade to another protocol, and stay with HTTP/1.1.

        The parser treats the bytes after the headers as that other protocol. A new parser gets the
        headers that determine where the body ends, and reads the body.
        """
        stays = self._parser.should_keep_alive()
        self._parser = httptools.HttpRequestParser(self)
        if not self.began_at:  # the request had no body
            return
        self._is_replaying = True
        is_chunked = self._length < 0
        end = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % self._length
        connection = b"" if stays else b"Connection: close\r\n"
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%s%s\r\n\r\n" % (connection, end))
        self._is_replaying = False

    def refuse(self, status: int, where: str, what: str) -> None:
        """Refuse the input and read no more; only the first reason is kept."""
        if self.refusal is None:
            self.refusal = problem_answer(status, Problem(where=where, what=what))

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Note the start of a request."""
        if not self._is_replaying:
            self.began_at = time.perf_counter()

    def on_url(self, url: bytes) -> None:
        """Add a part of the address."""
        if self._is_replaying:
            return
        self._url += url
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read one header or trailer."""
        self._head_bytes += len(name) + len(value)
        if not self.in_head:
            return
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)
        elif name == b"content-encoding":
            self._encoding = value.strip().lower().decode("latin-1")
        elif name == b"expect":
            self.expects_continue = value.strip().lower() == b"100-continue"
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            self.refuse(400, "transfer-encoding", "only `chunked` is known; use content-encoding")
        elif name == b"transfer-encoding":
            self._length = -1

    def on_headers_complete(self) -> None:
        """Check the headers before the body is read."""
        if self._is_replaying:
            return
        self.in_head = False
        self.method = self._parser.get_method().decode("latin-1")
        version = self._parser.get_http_version()
        if version != "1.1":
            self._accept_version(version)
        if self._head_bytes > self._limits.head_bytes:
            self._refuse_head()
        elif self._length > self._limits.body_bytes:
            self._refuse_body()

    def on_body(self, body: bytes) -> None:
        """Add a part of the body."""
        self._fed_bytes = 0
        self.expects_continue = False
        self.body_bytes += len(body)
        if self.body_bytes > self._limits.body_bytes:
            self._refuse_body()
        elif self.refusal is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand over the complete request."""
        if self.refusal is not None or (self._length and self._parser.should_upgrade()):
            return  # an upgrade's body is still to be read
        target = self._target()
        if target is None:
            return
        path, query = target
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(
            self.method, path, query, body, time.perf_counter(), self._encoding if body else ""
        )
        if not self._parser.should_keep_alive():
            connection = b"close"
        else:
            connection = b"keep-alive" if self._is_1_0 else b""
        self._reset()
        self._take(request, connection)

    def _target(self) -> tuple[str, str] | None:
        """Unescaped path, and query; None if they are refused."""
        try:
            parsed = httptools.parse_url(self._url)
            path = parsed.path or b"/"
            text = (unquote_to_bytes(path) if b"%" in path else path).decode()
        except httptools.HttpParserInvalidURLError:
            self.refuse(400, "request", "the address cannot be read; send a path")
            return None
        except UnicodeDecodeError:
            self.refuse(400, "request", "the path's escapes are not UTF-8; escape its UTF-8 bytes")
            return None
        return text, (parsed.query or b"").decode("latin-1")

    def _accept_version(self, version: str) -> None:
        """Apply the rules for an HTTP version other than 1.1."""
        self.expects_continue = False
        self._is_1_0 = version == "1.0"
        if not self._is_1_0:
            self.refuse(505, "request", f"HTTP/{version} is not supported; send HTTP/1.1")
        elif self._length < 0:  # other servers may see another end of such a request
            self.refuse(400, "transfer-encoding", "HTTP/1.0 does not have it; send content-length")

    def _refuse_head(self) -> None:
        most = self._limits.head_bytes
        self.refuse(431, "headers", f"more than {most:,} bytes of address and headers; send less")

    def _refuse_body(self) -> None:
        self.refuse(413, "body", too_long(self._limits))
