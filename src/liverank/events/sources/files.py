"""Finds files of events and their formats.

Invariant: files are returned in a fixed order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from liverank.errors import SourceError
from liverank.tables.compressed import COMPRESSIONS

Format: TypeAlias = Literal["jsonl", "json", "csv", "tsv", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


class EventFile(NamedTuple):
    """A file that may hold events."""

    path: Path
    is_named: bool
    """Whether the user named the file itself, not its folder."""


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
                    f"and may be compressed ({', '.join(COMPRESSIONS)})"
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
    """The format by the suffix of a file's name, compressed or not; None for an unknown one.

    >>> format_of(Path("behaviors.tsv.gz"))
    'tsv'
    """
    name = Path(path.stem) if path.suffix.lower() in COMPRESSIONS else path
    return SUFFIXES.get(name.suffix.lower())
