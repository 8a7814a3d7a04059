"""The index of event ids in segments, by which a repeat is dropped however old it is.

Each segment has a file with the sorted 64-bit XXH3 hashes of its dedup ids (``uint64[n]``) and
their row numbers (``uint32[n]``), little-endian; it is memory-mapped, searched by bisection, and
rebuilt from the segment when it is missing or damaged.
Invariant: a hash that matches is confirmed against the segment's own ids, so a collision never
drops an event.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

from liverank.durable import write_durably
from liverank.events.log.storage.segments import (
    Segment,
    check_segment,
    corrupt,
    ids_file,
    reading,
    segment_file,
    segments_of,
    withdrawn_if_refused,
    write_rows,
)

Hashes: TypeAlias = npt.NDArray[np.uint64]
_FEW = 4
"""Number of ids up to which they are read from a segment one by one, not all at once."""


class Ids(NamedTuple):
    """Dedup ids (``"interaction:i1"``) and their hashes, ``uint64[n]``."""

    texts: Sequence[str]
    hashes: Hashes

    def without(self, dropped: npt.NDArray[np.bool_]) -> "Ids":
        """The ids that are not dropped."""
        kept = np.flatnonzero(~dropped)
        return Ids([self.texts[index] for index in kept.tolist()], self.hashes[kept])


def ids_of(texts: Sequence[str]) -> Ids:
    """Hash dedup ids.

    >>> ids_of(["user:7"]).hashes.dtype
    dtype('uint64')
    """
    hashes = map(xxhash.xxh3_64_intdigest, map(str.encode, texts))
    return Ids(texts, np.fromiter(hashes, np.uint64, len(texts)))


def dedup_ids(frame: pl.DataFrame) -> pl.Series:
    """The dedup id of each row of a frame of events; null where the event has no id."""
    return frame.select(dedup=pl.concat_str("event", "id", separator=":"))["dedup"]


def write_segment(
    directory: Path, frame: pl.DataFrame, hashes: Hashes, rows: npt.NDArray[np.integer]
) -> Segment:
    """Write events as a segment, durably; the id with ``hashes[i]`` is in row ``rows[i]``.

    It is not yet in the manifest. Raises OSError, and leaves no file then.
    """
    segment = write_rows(directory, frame)
    if not len(hashes):
        return segment
    content = _packed(hashes, rows)
    with withdrawn_if_refused(directory, [segment]):
        write_durably(ids_file(directory, segment), content)
    return msgspec.structs.replace(
        segment, ids=len(hashes), ids_digest=xxhash.xxh3_128_hexdigest(content)
    )


def write_with_ids(directory: Path, frame: pl.DataFrame) -> Segment:
    """Write events, with whatever ids they have, as a segment, durably. Raises OSError."""
    texts = dedup_ids(frame)
    rows = texts.is_not_null().arg_true().to_numpy()
    return write_segment(directory, frame, ids_of(texts.drop_nulls().to_list()).hashes, rows)


def matches(
    hashes: Hashes, rows: npt.NDArray[np.uint32], needles: Hashes
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint32]]:
    """Which needles are among sorted hashes, and in which row; a needle may be in several rows.

    >>> positions, found = matches(
    ...     np.array([3, 5, 5], np.uint64), np.array([7, 8, 9], np.uint32), np.array([5], np.uint64)
    ... )
    >>> positions.tolist(), found.tolist()
    ([0, 0], [8, 9])
    """
    first = np.searchsorted(hashes, needles)
    positions = np.flatnonzero(hashes[np.minimum(first, len(hashes) - 1)] == needles)
    last = np.searchsorted(hashes, needles[positions], side="right")
    counts = last - first[positions]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(positions, counts), rows[np.repeat(first[positions], counts) + within]


class SegmentIds:
    """The ids of every segment of a log. Not thread-safe: use it under the log's write lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._manifest = -1
        self._mapped: dict[str, tuple[Segment, Hashes, npt.NDArray[np.uint32]]] = {}

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Load new segments, and forget removed ones. Raises LogCorruptError."""
        manifest = connection.execute("SELECT manifest FROM state").fetchone()[0]
        if manifest == self._manifest:
            return
        self._mapped = {
            segment.name: self._mapped.get(segment.name) or (segment, *self._load(segment))
            for segment in segments_of(connection)
            if segment.ids
        }
        self._manifest = manifest

    def find(self, ids: Ids, *, after_seq: int = 0) -> npt.NDArray[np.bool_]:
        """Which of the ids belong to an event of a segment that reaches beyond ``after_seq``."""
        found = np.zeros(len(ids.texts), bool)
        # With sorted needles, each page of a big array is touched once.
        order = np.argsort(ids.hashes)
        needles = ids.hashes[order]
        for segment, hashes, rows in self._mapped.values():
            if segment.last_seq <= after_seq:
                continue
            positions, likely = matches(hashes, rows, needles)
            if len(likely):
                self._confirm(segment, ids, order[positions], likely, found)
        return found

    def _confirm(
        self,
        segment: Segment,
        ids: Ids,
        positions: npt.NDArray[np.int64],
        rows: npt.NDArray[np.uint32],
        found: npt.NDArray[np.bool_],
    ) -> None:
        """Mark ``positions[i]`` where the text equals the id in ``rows[i]``, not just the hash."""
        file = segment_file(self._directory, segment)
        stored = pl.scan_parquet(file, glob=False).select("event", "id")
        try:
            check_segment(self._directory, segment, whole=False)
            with reading(file):
                if len(rows) <= _FEW:
                    texts = pl.concat(
                        [dedup_ids(stored.slice(row, 1).collect()) for row in rows.tolist()]
                    )
                else:
                    texts = dedup_ids(stored.collect()).gather(rows)
        except FileNotFoundError:
            raise corrupt(file, "it is missing") from None
        asked = pl.Series([ids.texts[index] for index in positions.tolist()], dtype=pl.String)
        found[positions[(texts == asked).to_numpy()]] = True

    def _load(self, segment: Segment) -> tuple[Hashes, npt.NDArray[np.uint32]]:
        file = ids_file(self._directory, segment)
        try:
            content = np.memmap(file, np.uint8, mode="r").view(np.ndarray)
            if xxhash.xxh3_128_hexdigest(content.data) == segment.ids_digest:
                return _unpacked(content, segment.ids)
        except (FileNotFoundError, ValueError):
            pass  # missing or empty: treated as damaged
        return self._rebuild(segment)

    def _rebuild(self, segment: Segment) -> tuple[Hashes, npt.NDArray[np.uint32]]:
        file = segment_file(self._directory, segment)
        try:
            check_segment(self._directory, segment, whole=True)
            texts = dedup_ids(pl.read_parquet(file, columns=["event", "id"], glob=False))
        except FileNotFoundError:
            raise corrupt(file, "it is missing") from None
        rows = texts.is_not_null().arg_true().to_numpy()
        content = _packed(ids_of(texts.drop_nulls().to_list()).hashes, rows)
        write_durably(ids_file(self._directory, segment), content)
        return _unpacked(np.frombuffer(content, np.uint8), segment.ids)


def _packed(hashes: Hashes, rows: npt.NDArray[np.integer]) -> bytes:
    order = np.argsort(hashes, kind="stable")
    return hashes[order].astype("<u8").tobytes() + rows[order].astype("<u4").tobytes()


def _unpacked(content: npt.NDArray[np.uint8], ids: int) -> tuple[Hashes, npt.NDArray[np.uint32]]:
    return content[: 8 * ids].view("<u8"), content[8 * ids :].view("<u4")
