"""Files of events: which there are, what format they have, and their bytes, decompressed.

Invariant: files come in a fixed order, and a file that was cut short is an error, never a short
file.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

import zstandard

from liverank.errors import SourceError

Format: TypeAlias = Literal["jsonl", "json", "csv", "tsv", "parquet"]
Progress: TypeAlias = Callable[[int], None]
"""Told how many further bytes of the files (as they lie on disk) have been read."""

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}

_BLOCK = 1 << 20


class _Frame(Protocol):
    """What gzip and zstd decompress alike: one compressed stretch of a file."""

    def decompress(self, data: bytes, /) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


_FRAMES: dict[str, Callable[[], _Frame]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def tell_nobody(_: int) -> None:
    """A Progress that tells nobody."""


class EventFile(NamedTuple):
    """A file that may hold events."""

    path: Path
    is_named: bool
    """Whether it was asked for by name, and not found in a folder."""


def find_files(paths: Sequence[Path]) -> list[EventFile]:
    """The files that ``paths`` name, and those of known formats in the folders they name, sorted.

    Raises SourceError when a path does not exist or nothing is found.

    >>> find_files([Path("/no/such/file.jsonl")])
    Traceback (most recent call last):
    liverank.errors.SourceError: /no/such/file.jsonl: no such file or folder
    """
    found: dict[Path, EventFile] = {}
    for path in paths:
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if format_of(file) is not None
                and file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                raise SourceError(
                    f"{path}: no events in this folder; files end in {', '.join(SUFFIXES)}, "
                    f"and may be compressed ({', '.join(_FRAMES)})"
                )
            for file in inside:
                found.setdefault(file, EventFile(file, is_named=False))
        elif path.exists():
            found.setdefault(path, EventFile(path, is_named=True))
        else:
            raise SourceError(f"{path}: no such file or folder")
    for path in found:
        if str(path).encode(errors="ignore") != bytes(path):
            raise SourceError(f"{str(path)!a}: its name is not UTF-8; rename it")
    return list(found.values())


def format_of(path: Path) -> Format | None:
    """The format that a file's name tells, compressed or not; None when it tells none.

    >>> format_of(Path("behaviors.tsv.gz"))
    'tsv'
    """
    name = Path(path.stem) if path.suffix.lower() in _FRAMES else path
    return SUFFIXES.get(name.suffix.lower())


def read_blocks(path: Path, on_progress: Progress) -> Iterator[bytes]:
    """The file's bytes, decompressed, in blocks of about a megabyte.

    Raises SourceError when the file cannot be read, is not compressed as its name says, or ends
    in the middle.
    """
    suffix = path.suffix.lower()
    open_frame = _FRAMES.get(suffix)
    try:
        with path.open("rb") as raw:
            frame = open_frame() if open_frame else None
            started = False
            while data := raw.read(_BLOCK):
                on_progress(len(data))
                if frame is None or open_frame is None:
                    yield data
                    continue
                while data:
                    started = True
                    yield frame.decompress(data)
                    data = b""
                    if frame.eof:  # several compressed files may stand one after another
                        data = frame.unused_data.lstrip(b"\0")
                        frame, started = open_frame(), False
            if started:
                raise SourceError(f"{path}: ends in the middle of its {suffix} data; it was cut")
    except (zlib.error, zstandard.ZstdError) as error:
        raise SourceError(f"{path}: its {suffix} data is broken: {error}") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
