"""Segments: immutable parts of the log as Parquet files, and the manifest's entry of each.

Row ``i`` of a segment has seq ``first_seq + i``. ``first_seq`` is in the manifest, not in the file,
because an import is written before it gets its seqs. Where events between others were erased, the
file has a column ``seq`` too.
Invariant: a file in the manifest never changes, and its digest is checked before it is read.
"""

import mmap
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl
import xxhash

from liverank.durable import write_durably
from liverank.errors import LogBusyError, LogCorruptError, LogError, LogFullError
from liverank.events.frame import SCHEMA

STORED = [name for name in SCHEMA if name != "seq"]
"""The columns of a segment's file."""

ROW_GROUP = 131_072


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest's entry of one segment; ``digest`` is the XXH3-128 of its file."""

    name: str
    rows: int
    first_seq: int
    last_seq: int
    oldest_ms: int
    newest_ms: int
    bytes: int
    digest: str
    ids: int
    ids_digest: str

    @property
    def has_gaps(self) -> bool:
        """Whether events are missing between the first and the last one."""
        return self.rows < self.last_seq - self.first_seq + 1

    def placed(self, first_seq: int) -> "Segment":
        """The same segment, with its seqs."""
        return msgspec.structs.replace(
            self, first_seq=first_seq, last_seq=first_seq + self.rows - 1
        )


_COLUMNS = ", ".join(Segment.__struct_fields__)
_HOLES = ", ".join("?" * len(Segment.__struct_fields__))


def segment_file(directory: Path, segment: Segment) -> Path:
    """The Parquet file of a segment."""
    return directory / f"{segment.name}.parquet"


def ids_file(directory: Path, segment: Segment) -> Path:
    """The file of the ids of a segment; see ``ids.py``."""
    return directory / f"{segment.name}.ids"


def write_rows(directory: Path, frame: pl.DataFrame) -> Segment:
    """Write a frame of events as a segment, durably; it is not yet in the manifest.

    The file has seqs where the events have them. Raises OSError (the disk is full, ...),
    and leaves at most an orphan file then.
    """
    name = secrets.token_hex(8)
    seqs = frame["seq"]
    first, last = (0, 0) if seqs.null_count() else (seqs[0], seqs[-1])
    has_gaps = last - first + 1 > frame.height
    buffer = BytesIO()
    frame.select([*STORED, "seq"] if has_gaps else STORED).write_parquet(
        buffer, compression="zstd", compression_level=1, row_group_size=ROW_GROUP
    )
    content = buffer.getbuffer()
    write_durably(directory / f"{name}.parquet", content)
    # An event whose clock runs ahead counts as being from its arrival.
    aged = frame.select(
        oldest=pl.col("time").min(), newest=pl.min_horizontal("time", "arrived").max()
    )
    return Segment(
        name=name,
        rows=frame.height,
        first_seq=first,
        last_seq=last,
        oldest_ms=aged["oldest"].item(),
        newest_ms=aged["newest"].item(),
        bytes=len(content),
        digest=xxhash.xxh3_128_hexdigest(content),
        ids=0,
        ids_digest="",
    )


def check_segment(directory: Path, segment: Segment, *, whole: bool) -> None:
    """Compare a segment's file with the manifest: its size, or its ``whole`` content.

    Raises LogError, LogCorruptError, and FileNotFoundError when the file is gone.
    """
    file = segment_file(directory, segment)
    with reading(file):
        size = file.stat().st_size
        if size != segment.bytes:
            raise corrupt(file, f"it has {size} bytes, {segment.bytes} were written")
        if not whole:
            return
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as view:
            digest = xxhash.xxh3_128_hexdigest(view)
    if digest != segment.digest:
        raise corrupt(file, "its content is not what was written")


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn a failure to read a segment's file into a LogError with advice.

    FileNotFoundError is passed on: the file may just have been removed from the log.

    >>> with reading(Path("7.parquet")):
    ...     raise OSError(24, "Too many open files")
    Traceback (most recent call last):
    liverank.errors.LogError: 7.parquet: [Errno 24] Too many open files; check the disk, the ...
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LogError(
            f"{file}: {error}; check the disk, the limit of open files and who may read there"
        ) from error
    except pl.exceptions.PolarsError as error:
        raise corrupt(file, f"it cannot be decoded: {str(error).splitlines()[0]}") from error


def corrupt(file: Path, what: str) -> LogCorruptError:
    """The error for a segment that fails its checks."""
    return LogCorruptError(
        f"{file}: this part of the log is damaged: {what}; restore the file from a backup, or "
        "import its events again into a new log"
    )


def read_rows(
    directory: Path,
    segment: Segment,
    first_seq: int,
    last_seq: int,
    *,
    rows: int,
    columns: Sequence[str] = tuple(SCHEMA),
) -> pl.DataFrame:
    """The first ``rows`` of a segment's events in a range of seqs: ``columns`` of SCHEMA.

    A column that did not exist yet when the file was written is null. Raises as ``check_segment``.
    """
    file = segment_file(directory, segment)
    with reading(file):
        stored = pl.scan_parquet(file, glob=False)
        names = stored.collect_schema().names()
        # Counting rows takes a stored column, so one is read even where only seqs are asked for.
        stored = stored.select([name for name in names if name in (*columns, "seq")] or "event")
        if segment.has_gaps:
            stored = stored.filter(pl.col("seq").is_between(first_seq, last_seq)).head(rows)
        else:
            rows = min(rows, last_seq - first_seq + 1)
            seqs = pl.int_range(first_seq, first_seq + pl.len(), dtype=pl.Int64)
            stored = stored.slice(first_seq - segment.first_seq, rows).with_columns(seq=seqs)
        return stored.select(
            pl.col(name)
            if name == "seq" or name in names
            else pl.lit(None, SCHEMA[name]).alias(name)
            for name in columns
        ).collect()


def remove_files(directory: Path, segments: list[Segment]) -> None:
    """Remove the files of segments that no manifest names."""
    for segment in segments:
        segment_file(directory, segment).unlink(missing_ok=True)
        ids_file(directory, segment).unlink(missing_ok=True)


@contextmanager
def removed_if_stopped(directory: Path, segments: list[Segment]) -> Iterator[None]:
    """Remove the files of new segments when anything stops the block.

    For the steps before the commit: until then the manifest certainly does not name them.
    """
    try:
        yield
    except BaseException:
        remove_files(directory, segments)
        raise


@contextmanager
def withdrawn_if_refused(directory: Path, segments: list[Segment]) -> Iterator[None]:
    """Remove the files of new segments when a full disk or another process blocked the commit.

    After any other failure the commit may have happened all the same, so the next open decides.
    """
    try:
        yield
    except (OSError, LogBusyError, LogFullError):
        remove_files(directory, segments)
        raise


def segments_of(connection: sqlite3.Connection, *, after_seq: int = 0) -> list[Segment]:
    """The manifest's segments with events after ``after_seq``, in seq order."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM segments WHERE last_seq > ? ORDER BY last_seq",  # noqa: S608
        (after_seq,),
    )
    return [_segment(row) for row in rows]


def next_segment(connection: sqlite3.Connection, seq: int) -> Segment | None:
    """The segment that holds ``seq``, else the first one after it."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM segments WHERE last_seq >= ? ORDER BY last_seq LIMIT 1",  # noqa: S608
        (seq,),
    ).fetchone()
    return None if row is None else _segment(row)


def next_first_seq(connection: sqlite3.Connection, seq: int) -> int | None:
    """The first seq of ``next_segment``."""
    row = connection.execute(
        "SELECT first_seq FROM segments WHERE last_seq >= ? ORDER BY last_seq LIMIT 1", (seq,)
    ).fetchone()
    return None if row is None else int(row[0])


def register(connection: sqlite3.Connection, segment: Segment) -> None:
    """Insert a segment that has its seqs into the manifest."""
    connection.execute(
        f"INSERT INTO segments ({_COLUMNS}) VALUES ({_HOLES})",  # noqa: S608
        msgspec.structs.astuple(segment),
    )
    connection.execute("UPDATE state SET manifest = manifest + 1")


def unregister(connection: sqlite3.Connection, segments: list[Segment]) -> None:
    """Remove segments from the manifest."""
    if segments:
        names = [(segment.name,) for segment in segments]
        connection.executemany("DELETE FROM segments WHERE name = ?", names)
        connection.execute("UPDATE state SET manifest = manifest + 1")


def _segment(row: tuple[object, ...]) -> Segment:
    return msgspec.convert(dict(zip(Segment.__struct_fields__, row, strict=True)), Segment)
