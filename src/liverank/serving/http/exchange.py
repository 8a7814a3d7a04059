"""The request that endpoints get, and the answer that the protocol sends.

Invariant: only ``answer_bytes`` builds the bytes of answers, and the body of every error is a
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
USERS_PATH = "/v1/users/"
"""Path before the id of a user, which may have any characters, also slashes and line ends."""
_encoder = msgspec.json.Encoder()
_CHUNK = 500
"""Items of a long list that are encoded at once."""
_heads: dict[tuple[int, bytes], bytes] = {}


@dataclass(slots=True)
class Request:
    """A complete request. ``read_at`` is when its last byte was read, by ``time.perf_counter``."""

    method: str
    path: str
    """The unescaped path."""
    query: str
    body: bytes
    read_at: float
    encoding: str = ""
    """Content-encoding of ``body``; empty for none."""


@dataclass(slots=True)
class Answer:
    """A response. One that ``closes`` is the last on its connection."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False


def in_pieces(items: MutableSequence[Any]) -> Any:
    """A long list of structs as JSON, encoded in chunks so that other threads can run in between.

    It empties ``items`` on the way, because freeing a long list at once would block too.

    >>> msgspec.json.encode(in_pieces([Problem(where="a", what="b")] * 2))
    b'[{"where":"a","what":"b"},{"where":"a","what":"b"}]'
    """
    starts = range(0, len(items), _CHUNK)
    chunks = []
    for start in starts:
        some = items[start : start + _CHUNK]
        chunks.append(_encoder.encode(some)[1:-1])
        items[start : start + _CHUNK] = [None] * len(some)
    return msgspec.Raw(b"[%s]" % b",".join(chunks))


def json_answer(status: int, content: msgspec.Struct) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, _encoder.encode(content))


def problem_answer(status: int, problem: Problem, *headers: tuple[bytes, bytes]) -> Answer:
    """An error as an answer; with 503, a header gives the time to try again.

    >>> problem_answer(404, Problem(where="GET /x", what="no such route")).body
    b'{"error":{"where":"GET /x","what":"no such route"}}'
    """
    if status == 503:
        headers = (*headers, (b"retry-after", b"1"))
    return Answer(status, _encoder.encode(ErrorResponse(problem)), headers=headers)


class DateHeader:
    """The ``date`` header, made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        """The header line for the current second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


def answer_bytes(answer: Answer, date: bytes, *, connection: bytes, without_body: bool) -> bytes:
    """The bytes of an answer; ``connection`` is the value of that header, empty for none.

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
