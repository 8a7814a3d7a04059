"""Reads events as JSON: one per line, or one array per file.

Invariant: a bad line is reported by its number, and no other line is lost.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from liverank.errors import EventError, SourceError
from liverank.events.event import Event
from liverank.events.frame import frame_of
from liverank.events.schema.declared import ANYTHING, Declared
from liverank.events.wire import decode_array, take_event
from liverank.tables.compressed import Progress, no_progress, read_blocks

MAX_LINE_BYTES = 64 << 20
_ARRAY_EVENTS = 16_384

_BOM = b"\xef\xbb\xbf"


class Lines(NamedTuple):
    """Some lines of a file, without line ends."""

    first: int
    """Number of the first line, from 1."""
    texts: list[bytes]
    broken: str | None = None
    """Why no further line can be read, when the file is broken after these."""


class Stretch(NamedTuple):
    """Events of a part of a file, and its rejected lines."""

    frame: pl.DataFrame
    rejected: list[tuple[str, str]]
    """Locations (``file:line``) and reasons."""


def read_lines(path: Path, on_progress: Progress) -> Iterator[Lines]:
    """The lines of a file, a few thousand at a time.

    A truncated file gives its complete lines first. Raises SourceError when it cannot be read.
    """
    number, rest = 1, b""
    blocks = read_blocks(path, on_progress)
    while True:
        try:
            block = next(blocks, None)
        except SourceError as error:
            if number == 1 and not rest:
                raise
            yield Lines(number, [], f"{error}; the lines before it were read")
            return
        if block is None:
            break
        if number == 1 and not rest:
            block = block.removeprefix(_BOM)
        pieces = (rest + block).split(b"\n") if b"\n" in block else [rest + block]
        rest = pieces.pop()
        if len(rest) > MAX_LINE_BYTES:
            raise SourceError(
                f"{path}: line {number + len(pieces)} is longer than {MAX_LINE_BYTES >> 20} MB; "
                "expected one event a line"
            )
        if pieces:
            yield Lines(number, pieces)
            number += len(pieces)
    if rest:
        yield Lines(number, [rest])


def read_json_lines(
    path: Path, on_progress: Progress, declared: Declared = ANYTHING
) -> Iterator[Stretch]:
    """Decode a file with one event per line; empty lines are skipped.

    Events that are not as ``declared`` are rejected.
    """
    for lines in read_lines(path, on_progress):
        events = list[Event]()
        rejected: list[tuple[str, str]] = []
        for number, text in enumerate(lines.texts, lines.first):
            try:
                event = take_event(text)
            except EventError as error:
                if text.strip():
                    rejected.append((f"{path}:{number}", str(error)))
                continue
            problem = declared.problem(event)
            if problem is None:
                events.append(event)
            else:
                rejected.append((f"{path}:{number}", problem))
        if lines.broken is not None:
            rejected.append((f"{path}:{lines.first}", lines.broken))
        yield Stretch(frame_of(events), rejected)


def read_json(
    path: Path, on_progress: Progress, declared: Declared = ANYTHING
) -> Iterator[Stretch]:
    """Decode a file with an array of events, or one event per line, like ``read_json_lines``.

    The text of an array is in memory as a whole, its events are not.
    """
    # the file's start is read twice, but counted once
    start = next((block for block in read_blocks(path, no_progress) if block.strip()), b"")
    if not start.removeprefix(_BOM).lstrip().startswith(b"["):
        yield from read_json_lines(path, on_progress, declared)
        return
    body = b"".join(read_blocks(path, on_progress)).removeprefix(_BOM)
    try:
        for first, all_decoded in decode_array(body, at_once=_ARRAY_EVENTS):
            decoded = declared.taken(all_decoded)
            rejected = [(f"{path}[{first + position}]", why) for position, why in decoded.rejected]
            yield Stretch(frame_of(decoded.events), rejected)
    except EventError as error:
        raise SourceError(f"{path}: {error}") from None
