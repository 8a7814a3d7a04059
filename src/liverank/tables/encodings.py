"""Reads the text of files as UTF-8, without a byte order mark; UTF-16 with a mark is converted.

Invariant: offsets in the text are those of the UTF-8 that is given, whatever the file's encoding.
"""

import codecs
import stat
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from liverank.errors import SourceError
from liverank.tables.compressed import Progress, no_progress, read_blocks

BOM = codecs.BOM_UTF8
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE_ENDS = (b"\n", b"\r")


def text_blocks(path: Path, on_progress: Progress = no_progress) -> Iterator[bytes]:
    """The text of a file in blocks; bytes that are not UTF-8 are left as they are.

    Raises SourceError as ``read_blocks`` does, and for broken UTF-16 and for UTF-32.
    """
    blocks = read_blocks(path, on_progress)
    start = b""
    for block in blocks:
        start += block
        if len(start) >= 4:
            break
    if start.startswith(_UTF_32):
        raise SourceError(f"{path}: is UTF-32; save it in UTF-8")
    if start.startswith(_UTF_16):
        yield from _from_utf16(path, chain([start], blocks))
        return
    yield start.removeprefix(BOM)
    yield from blocks


def text_head(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of the text, or more where its first line is longer.

    Less where the text is shorter. Raises SourceError as ``text_blocks`` does, and for a pipe,
    which cannot be read again after its head.
    """
    check_can_be_read_again(path)
    head = b""
    for block in text_blocks(path):
        head += block
        if len(head) >= size and any(end in head for end in _LINE_ENDS):
            break
    end = min((at for at in map(head.find, _LINE_ENDS) if at >= 0), default=0) + 1
    return head[: max(size, end)]


def check_can_be_read_again(path: Path) -> None:
    """Raise SourceError for a pipe, a terminal or a socket, which can be read only once."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # reading it says why
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode):
        raise SourceError(
            f"{path}: is a pipe, which cannot be read twice; save it as a file, and give the file"
        )


def _from_utf16(path: Path, blocks: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for block in blocks:
            yield decoder.decode(block).encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise SourceError(f"{path}: its UTF-16 is broken: {error}; save it in UTF-8") from None
