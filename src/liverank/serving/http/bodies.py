"""Decompression of request bodies, up to a limit.

Invariant: never decompresses more than the allowed number of bytes (plus one).
"""

import zlib
from collections.abc import Callable
from typing import Protocol, TypeAlias

import zstandard

from liverank.serving.http.exchange import Answer, Request, problem_answer
from liverank.serving.http.limits import Limits, too_long
from liverank.serving.http.messages import Problem

ENCODINGS = ("gzip", "deflate", "zstd", "identity")
_MAX_PARTS = 1000
"""Maximum number of gzip members or zstd frames in a body: each costs time, even if empty."""
_SLICE_BYTES = 1 << 16
_MAX_WINDOW_BYTES = 1 << 23
"""Largest zstd window that RFC 9659 allows a sender to require."""


class BodyTooLongError(Exception):
    """A body is larger than allowed when decompressed."""


class UnreadableBodyError(Exception):
    """A body does not match its content-encoding; ``status`` is the status to answer with."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


def unpack(request: Request, limits: Limits) -> Answer | None:
    """Decompress a request's body in place; returns an error answer if that fails, else None."""
    try:
        request.body = decoded_body(request.body, request.encoding, most_bytes=limits.body_bytes)
    except BodyTooLongError:
        return problem_answer(413, Problem(where="body", what=too_long(limits)))
    except UnreadableBodyError as error:
        return problem_answer(error.status, Problem(where="content-encoding", what=str(error)))
    return None


def decoded_body(body: bytes, encoding: str, *, most_bytes: int) -> bytes:
    """A body without its content-encoding.

    Raises BodyTooLongError, and UnreadableBodyError for a body that cannot be decompressed.

    >>> decoded_body(zlib.compress(b"[]"), "deflate", most_bytes=2)
    b'[]'
    >>> decoded_body(b"[]", "br", most_bytes=2)
    Traceback (most recent call last):
    liverank.serving.http.bodies.UnreadableBodyError: `br` is not known; send gzip, ...
    """
    if encoding == "identity":
        return body
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _unpacked(body, _inflater, most_bytes)
        if encoding == "zstd":
            return _unpacked_zstd(body, most_bytes)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        what = f"the body is not {encoding}: {error}"
        raise UnreadableBodyError(400, what) from None
    known = ", ".join(ENCODINGS)
    raise UnreadableBodyError(415, f"`{encoding[:40]}` is not known; send {known}")


class _Unpacker(Protocol):
    """Decompresses one member or frame; ``eof`` is true once all of it was read."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, most_bytes: int, /) -> bytes: ...


_NewUnpacker: TypeAlias = Callable[[], _Unpacker]


def _unpacked(body: bytes, new_unpacker: _NewUnpacker, most_bytes: int) -> bytes:
    """All parts of a body, joined. Raises BodyTooLongError, EOFError."""
    whole, parts = bytearray(), 0
    unpacker: _Unpacker | None = None
    for start in range(0, len(body), _SLICE_BYTES):
        left = memoryview(body)[start : start + _SLICE_BYTES]
        while left:
            if unpacker is None:
                unpacker, parts = new_unpacker(), parts + 1
            if parts > _MAX_PARTS:
                raise EOFError(f"it has more than {_MAX_PARTS:,} parts; compress it as one")
            whole += unpacker.decompress(left, most_bytes - len(whole) + 1)
            if len(whole) > most_bytes:
                raise BodyTooLongError
            left = memoryview(b"")
            if unpacker.eof:
                left, unpacker = memoryview(unpacker.unused_data), None
    if unpacker is not None or not parts:
        raise EOFError("it ends too early")
    return bytes(whole)


def _inflater() -> _Unpacker:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # detects gzip or zlib


def _unpacked_zstd(body: bytes, most_bytes: int) -> bytes:
    """Decompress zstd; a reader that stops early, but accepts truncated bodies, measures first."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        if len(reader.read(most_bytes + 1)) > most_bytes:
            raise BodyTooLongError
    return _unpacked(body, lambda: _Frame(decompressor), most_bytes)


class _Frame:
    """A zstd frame whose decompressed size was already checked."""

    def __init__(self, decompressor: zstandard.ZstdDecompressor) -> None:
        self._unpacker = decompressor.decompressobj()

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data

    def decompress(self, data: memoryview, _most_bytes: int, /) -> bytes:
        return self._unpacker.decompress(data)
