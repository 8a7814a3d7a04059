"""Compressed bodies, unpacked up to a limit.

Invariant: of a body that unpacks to more than is allowed, no more than that is unpacked.
"""

import zlib

import zstandard

ENCODINGS = ("gzip", "deflate", "zstd", "identity")


class BodyTooLongError(Exception):
    """A body unpacks to more than is allowed."""


class UnreadableBodyError(Exception):
    """A body is not what its content-encoding says; ``status`` is what to answer."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


def decoded_body(body: bytes, encoding: str, *, most_bytes: int) -> bytes:
    """A body without its content-encoding.

    Raises BodyTooLongError, and UnreadableBodyError for what cannot be unpacked.

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
            return _inflated(body, most_bytes)
        if encoding == "zstd":
            return _unpacked_zstd(body, most_bytes)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        what = f"the body is not {encoding}: {error}"
        raise UnreadableBodyError(400, what) from None
    known = ", ".join(ENCODINGS)
    raise UnreadableBodyError(415, f"`{encoding[:40]}` is not known; send {known}")


def _inflated(body: bytes, most_bytes: int) -> bytes:
    """Of gzip with any number of members, or of zlib."""
    parts: list[bytes] = []
    left, size = body, 0
    while left or not parts:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # finds out which of the two it is
        part = unpacker.decompress(left, most_bytes - size + 1)
        size += len(part)
        if size > most_bytes:
            raise BodyTooLongError
        if not unpacker.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        left = unpacker.unused_data
    return b"".join(parts)


def _unpacked_zstd(body: bytes, most_bytes: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
        body, read_across_frames=True
    ) as reader:
        unpacked = reader.read(most_bytes + 1)
    if len(unpacked) > most_bytes:
        raise BodyTooLongError
    return unpacked
