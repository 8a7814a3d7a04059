"""Writes files and directories so that they survive a killed process and a power cut.

Invariant: a path has no content, its old content, or all of its new content.
"""

import os
import secrets
from pathlib import Path
from typing import IO


def write_durably(file: Path, content: bytes | memoryview) -> None:
    """Write a file, or replace it, and wait until it and its name are on disk.

    The content is written to a ``.draft`` in the same directory first. Raises OSError, and then
    the file keeps its old content.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_durably(Path(folder) / "a", b"one")
    ...     write_durably(Path(folder) / "a", b"two")
    ...     [(file.name, file.read_bytes()) for file in Path(folder).iterdir()]
    [('a', b'two')]
    """
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.draft")
    try:
        with draft.open("wb") as output:
            output.write(content)
            sync_file(output)
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_directory(file.parent)


def publish_directory(draft: Path, directory: Path) -> None:
    """Rename a directory whose files are on disk, and wait until the new name is on disk too.

    Raises OSError if the name exists already.
    """
    sync_directory(draft)
    draft.rename(directory)
    sync_directory(directory.parent)


def sync_file(file: IO[bytes]) -> None:
    """Wait until the content of an open file is on disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on disk. Raises OSError."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
