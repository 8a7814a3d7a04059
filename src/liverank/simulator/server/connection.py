"""A keep-alive connection to a rank server, on which many requests are in flight at once.

It parses only the responses of our server: a status, a length, a body. Invariant: answers are
returned in the order of their requests.
"""

import socket
from collections.abc import Sequence
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from liverank.errors import SimulatorError

WINDOW = 24
"""Maximum number of requests in flight; the server reads at most 32 ahead."""
_LONGEST_S = 1800.0
"""Timeout of an answer in seconds: a server may fold its whole log again for a new bundle."""
_READ_BYTES = 1 << 18
_LENGTH = b"content-length: "
_HEAD_END = b"\r\n\r\n"


class Answer(NamedTuple):
    """An answer: its status, its raw headers, and its body."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """A connection to the server at an address, such as ``http://127.0.0.1:8080``.

    Raises SimulatorError if no server answers there.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._address = address
        try:
            self._socket = socket.create_connection(
                (str(parts.hostname), int(parts.port or 80)), timeout=_LONGEST_S
            )
        except (OSError, ValueError) as error:
            raise SimulatorError(
                f"{address}: no server answers: {error}; start one with "
                "`liverank serve --simulated`"
            ) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def ask(self, requests: Sequence[bytes]) -> list[Answer]:
        """Send complete requests and return their answers. Raises SimulatorError if it breaks."""
        answers: list[Answer] = []
        sent = 0
        while len(answers) < len(requests):
            room = WINDOW - (sent - len(answers))
            try:
                if sent < len(requests) and 2 * room >= WINDOW:
                    self._socket.sendall(b"".join(requests[sent : sent + room]))
                    sent = min(sent + room, len(requests))
                data = self._socket.recv(_READ_BYTES)
            except OSError as error:
                raise self._broken(str(error)) from None
            if not data:
                raise self._broken("it closed the connection")
            self._received += data
            self._take(answers)
        return answers

    def close(self) -> None:
        """Close the connection; calling it twice is harmless."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, answers: list[Answer]) -> None:
        """Remove and return the complete answers in the received bytes."""
        received, begin = self._received, 0
        while (head_end := received.find(_HEAD_END, begin)) >= 0:
            head = received[begin : head_end + 2]
            status, length = head[9:12], head.find(_LENGTH)
            if not status.isdigit() or length < 0:
                raise self._broken(f"it sent what is no answer: {head[:80]!r}")
            length += len(_LENGTH)
            body_at = head_end + len(_HEAD_END)
            end = body_at + int(head[length : head.index(b"\r\n", length)])
            if end > len(received):
                break
            answers.append(Answer(int(status), head, received[body_at:end]))
            begin = end
        self._received = received[begin:]

    def _broken(self, why: str) -> SimulatorError:
        return SimulatorError(
            f"{self._address}: the server stopped answering: {why}; what it wrote last, in "
            "server.log of its project, says more"
        )


def post(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """The bytes of a POST.

    >>> post("/v1/rank", b"{}").splitlines()[0]
    b'POST /v1/rank HTTP/1.1'
    """
    return (
        f"POST {path} HTTP/1.1\r\nhost: liverank\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body
