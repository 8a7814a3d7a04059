"""Finds repeated ids among events of an import, and in events that arrived meanwhile.

The id files of the new segments hold sorted hashes, so equal ones are found by reading the files
in parallel, a range of hashes at a time. Invariant: a matching hash is confirmed against
the ids themselves, so a collision never drops an event.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.events.log.storage.blocks import ids_in_blocks_after
from liverank.events.log.storage.ids import Hashes, Ids, dedup_ids, ids_of, matches, write_with_ids
from liverank.events.log.storage.segments import (
    Segment,
    ids_file,
    read_rows,
    remove_files,
    segment_file,
    segments_of,
)

Repeats: TypeAlias = dict[str, npt.NDArray[np.bool_]]
"""For each segment name, which of its rows to drop: bool[rows]."""

IDS_AT_ONCE = 2_000_000
_TAIL_IDS = 100_000


def repeats_among(directory: Path, segments: list[Segment]) -> Repeats:
    """Rows of consecutive segments whose id occurs in an earlier row."""
    repeats: Repeats = {}
    for hashes, positions, rows in _ranges(directory, segments):
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        is_equal = hashes[1:] == hashes[:-1]
        likely = order[np.append(is_equal, False) | np.append(False, is_equal)]
        if not len(likely):
            continue
        likely = likely[np.lexsort((rows[likely], positions[likely]))]
        texts = _texts_of(directory, segments, positions[likely], rows[likely])
        later = likely[~texts.is_first_distinct().to_numpy()]
        for index in np.unique(positions[later]).tolist():
            _mark(repeats, segments[index], rows[later[positions[later] == index]])
    return repeats


def repeats_of(directory: Path, segments: list[Segment], ids: Ids) -> Repeats:
    """Rows of segments whose id is one of some ids."""
    repeats: Repeats = {}
    for index, segment in enumerate(segments):
        if not segment.ids:
            continue
        hashes, rows = _mapped(directory, segment)
        needles, likely = matches(hashes, rows, ids.hashes)
        if len(likely):
            texts = _texts_of(directory, segments, np.full(len(likely), index), likely)
            asked = pl.Series([ids.texts[needle] for needle in needles.tolist()], dtype=pl.String)
            found = likely[(texts == asked).to_numpy()]
            if len(found):
                _mark(repeats, segment, found)
    return repeats


def ids_after(connection: sqlite3.Connection, directory: Path, seq: int) -> Iterator[Ids]:
    """Ids of the log's events with a seq after ``seq``, in batches."""
    tail = connection.execute("SELECT dedup FROM tail WHERE seq > ? AND dedup IS NOT NULL", (seq,))
    while some := tail.fetchmany(_TAIL_IDS):
        yield ids_of([row[0] for row in some])
    for texts in ids_in_blocks_after(connection, seq):
        yield ids_of(texts)
    for segment in segments_of(connection, after_seq=seq):
        stored = pl.scan_parquet(segment_file(directory, segment), glob=False)
        yield ids_of(dedup_ids(stored.select("event", "id").collect()).drop_nulls().to_list())


def drop_rows(directory: Path, segments: list[Segment], repeats: Repeats) -> None:
    """Rewrite segments that are not in the manifest yet without some rows; replaces list entries.

    Raises OSError; in any case, the list names every file that exists.
    """
    for segment in [one for one in segments if one.name in repeats]:
        kept = ~repeats.pop(segment.name)
        index = segments.index(segment)
        if kept.any():
            placed = segment.placed(1)
            frame = read_rows(directory, placed, 1, placed.last_seq, rows=segment.rows)
            frame = frame.filter(pl.Series(kept)).with_columns(seq=pl.lit(None, pl.Int64))
            segments.insert(index, write_with_ids(directory, frame))
        remove_files(directory, [segment])
        segments.remove(segment)


def _mark(repeats: Repeats, segment: Segment, rows: npt.NDArray[np.integer]) -> None:
    repeats.setdefault(segment.name, np.zeros(segment.rows, bool))[rows] = True


def _ranges(
    directory: Path, segments: list[Segment]
) -> Iterator[tuple[Hashes, npt.NDArray[np.int32], npt.NDArray[np.uint32]]]:
    """Hashes of ids of all segments, range by range, with the segment and the row of each."""
    parts = sum(segment.ids for segment in segments) // IDS_AT_ONCE + 1
    edges = np.array([(2**64 * part) // parts for part in range(1, parts)], np.uint64)
    cuts = []
    for segment in segments:
        inner = np.searchsorted(_mapped(directory, segment)[0], edges) if segment.ids else edges * 0
        cuts.append([0, *inner.tolist(), segment.ids])
    for part in range(parts):
        hashes, positions, rows = [], [], []
        for index, (segment, cut) in enumerate(zip(segments, cuts, strict=True)):
            first, count = cut[part], cut[part + 1] - cut[part]
            if count:  # read, not mapped, so that it does not stay in memory
                file = ids_file(directory, segment)
                hashes.append(np.fromfile(file, "<u8", count, offset=8 * first))
                at = 8 * segment.ids + 4 * first
                rows.append(np.fromfile(file, "<u4", count, offset=at))
                positions.append(np.full(count, index, np.int32))
        if hashes:
            yield np.concatenate(hashes), np.concatenate(positions), np.concatenate(rows)


def _mapped(directory: Path, segment: Segment) -> tuple[Hashes, npt.NDArray[np.uint32]]:
    content = np.memmap(ids_file(directory, segment), np.uint8, mode="r").view(np.ndarray)
    return content[: 8 * segment.ids].view("<u8"), content[8 * segment.ids :].view("<u4")


def _texts_of(
    directory: Path,
    segments: list[Segment],
    positions: npt.NDArray[np.integer],
    rows: npt.NDArray[np.integer],
) -> pl.Series:
    """Dedup ids of rows; rows of one segment (``positions`` in the list) are consecutive."""
    texts = [pl.Series([], dtype=pl.String)]
    for index in dict.fromkeys(positions.tolist()):
        file = segment_file(directory, segments[index])
        stored = pl.scan_parquet(file, glob=False).select("event", "id").collect()
        texts.append(dedup_ids(stored[rows[positions == index]]))
    return pl.concat(texts)
