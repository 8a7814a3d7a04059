"""A request as routes see it, and an answer as the protocol sends it.

Invariant: an answer's bytes are made in one place, and every error has the shape of
``messages.ErrorResponse``.
"""

import time
from collections.abc import MutableSequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import msgspec

from liverank.serving.http.messages import ErrorResponse, Problem

JSON = b"application/json"
_encoder = msgspec.json.Encoder()
_PIECE = 500
"""Items of a long list that are encoded at once."""
_heads: dict[tuple[int, bytes], bytes] = {}


@dataclass(slots=True)
class Request:
    """A whole request. ``read_at`` is when its last byte was read, by ``time.perf_counter``."""

    method: str
    path: str
    """Without escapes."""
    query: str
    body: bytes
    read_at: float
    encoding: str = ""
    """Of the body, as it is here; empty for none."""


@dataclass(slots=True)
class Answer:
    """What is sent back. An answer that ``closes`` is the last one on its connection."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False


def in_pieces(items: MutableSequence[Any]) -> Any:
    """A long list of structs as JSON, made in pieces: between them, other threads can go on.

    Nothing is left of the items, as it takes long to let go of all at once.

    >>> msgspec.json.encode(in_pieces([Problem(where="a", what="b")] * 2))
    b'[{"where":"a","what":"b"},{"where":"a","what":"b"}]'
    """
    starts = range(0, len(items), _PIECE)
    pieces = []
    for start in starts:
        some = items[start : start + _PIECE]
        pieces.append(_encoder.encode(some)[1:-1])
        items[start : start + _PIECE] = [None] * len(some)
    return msgspec.Raw(b"[%s]" % b",".join(pieces))


def json_answer(status: int, content: msgspec.Struct) -> Answer:
    """An answer of JSON."""
    return Answer(status, _encoder.encode(content))


def problem_answer(status: int, problem: Problem, *headers: tuple[bytes, bytes]) -> Answer:
    """An error; one that passes says when to try again.

    >>> problem_answer(404, Problem(where="GET /x", what="no such route")).body
    b'{"error":{"where":"GET /x","what":"no such route"}}'
    """
    if status == 503:
        headers = (*headers, (b"retry-after", b"1"))
    return Answer(status, _encoder.encode(ErrorResponse(problem)), headers=headers)


class DateHeader:
    """The time of day as HTTP writes it, made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        """The header line of now."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


def answer_bytes(answer: Answer, date: bytes, *, connection: bytes, without_body: bool) -> bytes:
    """An answer on the wire; ``connection`` is what it says of the connection, empty for nothing.

    >>> wire = answer_bytes(Answer(200, b"{}"), b"", connection=b"", without_body=False)
    >>> wire.splitlines()
    [b'HTTP/1.1 200 OK', b'content-type: application/json', b'content-length: 2', b'', b'{}']
    """
    key = (answer.status, answer.content_type)
    head = _heads.get(key)
    if head is None:
        phrase = HTTPStatus(answer.status).phrase.encode()
        head = b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\n" % (answer.status, phrase, key[1])
        _heads[key] = head
    if answer.headers:
        head += b"".join(b"%s: %s\r\n" % header for header in answer.headers)
    if connection:
        head += b"connection: %s\r\n" % connection
    body = b"" if without_body else answer.body
    return b"%s%scontent-length: %d\r\n\r\n%s" % (head, date, len(answer.body), body)
