"""Reading the log in seq order, across the tail and the segments, while others change it.

Between two steps an event may move from the tail to a segment or between segments, expire or be
erased; every step looks up the current location again.
Invariant: frames are in strictly growing seq and hold all acknowledged events, or an error is
raised.
"""

from collections.abc import Sequence

import polars as pl

from liverank.events.frame import SCHEMA
from liverank.events.log.storage.blocks import check_blocks
from liverank.events.log.storage.database import Database
from liverank.events.log.storage.segments import (
    Segment,
    check_segment,
    corrupt,
    next_segment,
    read_rows,
    segment_file,
    segments_of,
)
from liverank.events.log.storage.tail import TailSlice, read_tail, stretch_of_tail


class Reader:
    """The read side of a log. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checked: set[str] = set()

    def read_some(
        self, seq: int, end: int, *, rows: int, columns: Sequence[str] = tuple(SCHEMA)
    ) -> tuple[pl.DataFrame, int]:
        """The first stored-together events from ``seq`` to ``end``, and the seq to continue from.

        Returns at most ``rows`` events; none where events have expired. ``columns`` of SCHEMA
        include ``seq``. Raises LogCorruptError.
        """
        in_tail = None
        with self._database.reading() as connection:
            segment = next_segment(connection, seq)
            if segment is None or segment.first_seq > seq:
                end = end if segment is None else min(end, segment.first_seq - 1)
                in_tail = stretch_of_tail(connection, seq, end, rows=rows)
        if in_tail is not None:
            frame = in_tail.frame(columns)
            following = frame["seq"][-1] + 1 if frame.height == rows else end + 1
            return frame, following
        assert segment is not None
        end = min(end, segment.last_seq)
        try:
            if segment.name not in self._checked:
                check_segment(self._database.segments, segment, whole=True)
                self._checked.add(segment.name)
            frame = read_rows(
                self._database.segments, segment, seq, end, rows=rows, columns=columns
            )
        except FileNotFoundError:
            self._raise_if_registered(segment)
            return pl.DataFrame(), seq  # expired or rewritten meanwhile: read again
        return frame, frame["seq"][-1] + 1 if frame.height == rows else end + 1

    def read_tail(self, seq: int, *, rows: int, rankings: bool) -> TailSlice | None:
        """See ``Log.read_tail``."""
        if self._database.last_seq() < seq:
            return TailSlice([], seq - 1)
        with self._database.reading() as connection:
            return read_tail(connection, seq, rows=rows, rankings=rankings)

    def check(self, *, whole: bool) -> int:
        """Compare every segment with the manifest; returns their number. Raises LogCorruptError.

        With ``whole``, their content and that of the blocks is checked too.
        """
        with self._database.reading() as connection:
            segments = segments_of(connection)
            if whole:
                check_blocks(connection)
        for segment in segments:
            try:
                check_segment(self._database.segments, segment, whole=whole)
            except FileNotFoundError:
                self._raise_if_registered(segment)
        return len(segments)

    def _raise_if_registered(self, segment: Segment) -> None:
        """Raise if the manifest still names a missing file; else it was removed just now."""
        with self._database.reading() as connection:
            found = next_segment(connection, segment.last_seq)
        if found == segment:
            raise corrupt(segment_file(self._database.segments, segment), "it is missing") from None
