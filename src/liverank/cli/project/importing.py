"""Imports files of events of any size into a log, with a progress bar."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from liverank.cli.project.clock import now_ms
from liverank.config import Config
from liverank.events.log import ImportResult, Log
from liverank.events.schema.declared import Declared, Unknown, declared_by
from liverank.events.sources.files import find_files
from liverank.events.sources.read_events import FileEvents, read_events
from liverank.tables.compressed import Progress as OnProgress

FIRST_REASONS = 10
"""Maximum number of rejected rows whose reasons are stored; others are only counted."""


class ImportCounts:
    """Counts of the events read so far by kind, and of the rejected rows."""

    def __init__(self, declared: Declared) -> None:
        self.kinds: Counter[str] = Counter()
        self.rejected = 0
        self.reasons: list[dict[str, str]] = []
        """``where`` and ``reason`` of the first rejected rows."""
        self._declared = declared
        self._unknown: Counter[Unknown] = Counter()

    @property
    def events(self) -> int:
        """Number of events."""
        return self.kinds.total()

    @property
    def warnings(self) -> list[str]:
        """A line for each name that the config does not declare."""
        return self._declared.warnings(self._unknown)

    def add(self, part: FileEvents) -> pl.DataFrame:
        """Count a part of a file; return its events in the form that an import takes."""
        frame = part.unnumbered()
        self.rejected += part.rejected.height
        more = FIRST_REASONS - len(self.reasons)
        self.reasons += part.rejected.head(more).to_dicts()
        counts = self._declared.unknown_rows(frame).group_by("key", "name").len()
        self._unknown.update({Unknown(key, name): n for key, name, n in counts.iter_rows()})
        self.kinds.update(dict(frame["event"].value_counts().iter_rows()))
        return frame


class FilesImportResult(NamedTuple):
    """Outcome of an import of files; ``imported`` is None if rejected rows prevented it.

    ``allowed`` are erased users whose events are accepted again from now on.
    """

    imported: ImportResult | None
    counts: ImportCounts
    allowed: list[str]


def import_files(
    directory: Path,
    paths: Sequence[Path],
    config: Config,
    console: Console,
    *,
    is_strict: bool = False,
    allow_erased: Sequence[str] = (),
) -> FilesImportResult:
    """Import the events of files into the log of a directory, all of them or none.

    Events that contradict the config are rejected (``Declared``). A strict import imports nothing
    if any row is rejected. ``allow_erased`` are erased users whose events are accepted again.
    Raises ConfigError, SourceError, LogError and its subclasses.
    """
    declared = declared_by(config)
    counts = ImportCounts(declared)
    with ExitStack() as shown:
        on_progress = shown.enter_context(reading_progress(paths, console))
        parts = read_events(paths, config.sources, declared=declared, on_progress=on_progress)

        def pieces() -> Generator[pl.DataFrame, None, None]:
            for part in parts:
                yield counts.add(part)
            if is_strict and counts.rejected:
                raise _RejectedError
            shown.close()  # the progress bar is full
            shown.enter_context(console.status(f"Adding {counts.events:,} events to the log"))

        rows = config.log.segment_rows
        with Log.open(directory, segment_rows=rows) as log, closing(pieces()) as frames:
            try:
                imported = log.import_frames(frames, arrived_ms=now_ms(), allowed=allow_erased)
            except _RejectedError:
                return FilesImportResult(None, counts, [])
            allowed = [user for user in allow_erased if log.allow_erased(user)]
            return FilesImportResult(imported, counts, allowed)


@contextmanager
def reading_progress(paths: Sequence[Path], console: Console) -> Iterator[OnProgress]:
    """Show a bar over the bytes of the files; yields a function to call with the bytes read."""
    total = sum(file.path.stat().st_size for file in find_files(paths))
    columns = (
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading", total=total)
        yield lambda n_bytes: progress.advance(task, n_bytes)


class _RejectedError(Exception):
    """Stops an import in which no row may be rejected."""
