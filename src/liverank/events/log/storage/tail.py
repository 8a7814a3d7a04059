"""Reads the tail, which stores the newest events: rows of one event, and blocks of served rankings.

Invariant: events are in strictly growing seq, and each call reads one consistent version.
"""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from liverank.events.event import Event
from liverank.events.frame import ARRIVED, SCHEMA, empty_frame, frame_of
from liverank.events.log.storage.blocks import Block, blocks_between, in_blocks
from liverank.events.log.storage.database import last_seq_of
from liverank.events.log.storage.ids import Ids
from liverank.events.log.storage.row_frames import frame_of_rows
from liverank.events.log.storage.segments import next_first_seq
from liverank.events.wire import decode_event

_ROWS = "SELECT seq, arrived, body FROM tail WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
# A ranking always has an id, so its row is known as a ranking without its body.
_ROWS_BUT_RANKINGS = _ROWS.replace("ORDER", "AND substr(dedup, 1, 8) IS NOT 'ranking:' ORDER")
_IDS_PER_QUERY = 500
_FRAME_ROWS = 16_384
"""Number of events decoded at once for a frame."""


class TailEvent(NamedTuple):
    """An event of the tail: its seq, when it arrived (Unix ms), and the event itself."""

    seq: int
    arrived_ms: int
    event: Event


class TailSlice(NamedTuple):
    """Consecutive events of the log; ``through_seq`` is the last seq that was read.

    The next read starts at ``through_seq + 1``. If there are no events and ``through_seq`` is just
    below the requested seq, there is nothing new.
    """

    events: list[TailEvent]
    through_seq: int


class Extent(NamedTuple):
    """The extent of the tail. Seqs and times (Unix ms) are 0 when it is empty."""

    rows: int
    first_seq: int
    last_seq: int
    oldest_ms: int
    newest_ms: int
    """The newest time; a time after the arrival counts as the arrival."""


class Stretch(NamedTuple):
    """A part of the tail, read from disk but not decoded: the first ``most`` events."""

    first_seq: int
    last_seq: int
    most: int | None
    rows: list[tuple[int, int, bytes]]
    """Seq, arrival and JSON of events with their own rows."""
    blocks: list[Block]

    def events(self) -> Iterator[TailEvent]:
        """The events, decoded one by one."""
        rows = (TailEvent(seq, arrived, decode_event(body)) for seq, arrived, body in self.rows)
        if not self.blocks:
            return rows
        return islice(heapq.merge(rows, self._of_blocks(), key=_seq), self.most)

    def frame(self, columns: Sequence[str] = tuple(SCHEMA)) -> pl.DataFrame:
        """The events as a frame with ``columns`` of SCHEMA, which include ``seq``."""
        frames = [
            frame_of_rows(self.rows[start : start + _FRAME_ROWS], columns)
            for start in range(0, len(self.rows), _FRAME_ROWS)
        ]
        if not self.blocks:
            return pl.concat(frames) if frames else empty_frame().select(columns)
        frames += [block.frame(self.first_seq, self.last_seq, columns) for block in self.blocks]
        return pl.concat(frames).sort("seq").slice(0, self.most)

    def _of_blocks(self) -> Iterator[TailEvent]:
        for block in self.blocks:
            for seq, ranking in block.rankings(self.first_seq, self.last_seq):
                yield TailEvent(seq, block.arrived_ms, ranking)


def read_tail(
    connection: sqlite3.Connection, seq: int, *, rows: int, rankings: bool
) -> TailSlice | None:
    """See ``Log.read_tail``; within a read transaction."""
    last_seq = last_seq_of(connection)
    first_of_segment = next_first_seq(connection, seq)
    if first_of_segment is not None:
        if first_of_segment <= seq:
            return None
        last_seq = min(last_seq, first_of_segment - 1)
    stretch = stretch_of_tail(connection, seq, last_seq, rows=rows, rankings=rankings)
    events = list(stretch.events())
    return TailSlice(events, events[-1].seq if len(events) == rows else max(last_seq, seq - 1))


def stretch_of_tail(
    connection: sqlite3.Connection,
    first_seq: int,
    last_seq: int,
    *,
    rows: int | None = None,
    rankings: bool = True,
) -> Stretch:
    """The first ``rows`` events (None: all) of the tail in a range of seqs, ends included.

    Without ``rankings``, rankings are skipped. Raises LogCorruptError.
    """
    found = connection.execute(
        _ROWS if rankings else _ROWS_BUT_RANKINGS,
        (first_seq, last_seq, -1 if rows is None else rows),
    ).fetchall()
    if rows is not None and len(found) == rows:
        last_seq = found[-1][0]
    blocks: list[Block] = []
    if rankings:
        whole = 0
        for block in blocks_between(connection, first_seq, last_seq):
            blocks.append(block)
            whole += block.rows if block.first_seq >= first_seq else 0
            if rows is not None and whole >= rows:
                break
    return Stretch(first_seq, last_seq, rows, found, blocks)


def frame_of_tail(events: Sequence[TailEvent]) -> pl.DataFrame:
    """Events of the tail as a frame of SCHEMA."""
    frame = frame_of([one.event for one in events], seqs=[one.seq for one in events])
    arrived_ms = pl.Series("arrived", [one.arrived_ms for one in events], pl.Int64)
    return frame.replace_column(ARRIVED, arrived_ms)


def tail_extent(connection: sqlite3.Connection) -> Extent:
    """The extent of the tail."""
    parts = [
        connection.execute(query).fetchone()
        for query in (
            "SELECT count(*), min(seq), max(seq), min(time), max(min(time, arrived)) FROM tail",
            "SELECT coalesce(sum(rows), 0), min(first_seq), max(last_seq), min(oldest),"
            " max(newest) FROM blocks",
        )
    ]
    held = [part for part in parts if part[0]]
    if not held:
        return Extent(0, 0, 0, 0, 0)
    rows, firsts, lasts, oldest, newest = zip(*held, strict=True)
    return Extent(sum(rows), min(firsts), max(lasts), min(oldest), max(newest))


def in_tail(connection: sqlite3.Connection, ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of the dedup ids belong to an event of the tail: bool[n]."""
    return _in_rows(connection, ids) | in_blocks(connection, ids)


def _in_rows(connection: sqlite3.Connection, ids: Ids) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(ids.texts), bool)
    if not ids.texts or not _has_between(connection, min(ids.texts), max(ids.texts)):
        return found
    for start in range(0, len(ids.texts), _IDS_PER_QUERY):
        asked = ids.texts[start : start + _IDS_PER_QUERY]
        holes = ", ".join("?" * len(asked))
        rows = connection.execute(f"SELECT dedup FROM tail WHERE dedup IN ({holes})", asked)  # noqa: S608
        known = {row[0] for row in rows}
        if known:
            found[start : start + len(asked)] = [text in known for text in asked]
    return found


def _has_between(connection: sqlite3.Connection, first: str, last: str) -> bool:
    """Whether any row's id is between two others: rows seldom hold served rankings."""
    found = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM tail WHERE dedup >= ? AND dedup <= ?)", (first, last)
    )
    return bool(found.fetchone()[0])


def _seq(event: TailEvent) -> int:
    return event.seq
