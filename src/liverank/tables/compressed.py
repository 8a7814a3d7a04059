"""Reads the bytes of files, decompressed.

Invariant: a file that was cut short is an error, never a short file.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

import zstandard

from liverank.errors import SourceError

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of bytes (as stored on disk) read since the last call."""

_BLOCK = 1 << 20


class _Decompressor(Protocol):
    """Common interface of the decompressors of gzip and zstd: one compressed part of a file."""

    def decompress(self, data: bytes, /) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


COMPRESSIONS: dict[str, Callable[[], _Decompressor]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
"""The decompressor of each suffix of a compressed file."""


def no_progress(_: int) -> None:
    """A Progress that does nothing."""


def read_blocks(path: Path, on_progress: Progress = no_progress) -> Iterator[bytes]:
    """The file's bytes, decompressed, in blocks of about a megabyte.

    Raises SourceError when the file cannot be read, is not compressed as its name implies, or ends
    in the middle.
    """
    suffix = path.suffix.lower()
    open_part = COMPRESSIONS.get(suffix)
    try:
        with path.open("rb") as raw:
            part = open_part() if open_part else None
            started = False
            while data := raw.read(_BLOCK):
                on_progress(len(data))
                if part is None or open_part is None:
                    yield data
                    continue
                while data:
                    started = True
                    yield part.decompress(data)
                    data = b""
                    if part.eof:  # several compressed files may follow one another
                        data = part.unused_data.lstrip(b"\0")
                        part, started = open_part(), False
            if started:
                raise SourceError(f"{path}: ends in the middle of its {suffix} data; it was cut")
    except (zlib.error, zstandard.ZstdError) as error:
        raise SourceError(f"{path}: its {suffix} data is broken: {error}") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
