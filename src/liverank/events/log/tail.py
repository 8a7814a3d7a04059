"""The newest events, as the tail holds them: decoded one by one, or as a frame.

Invariant: events come in strictly growing seq, and all of one call are of one moment of the log.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from liverank.events.event import Event
from liverank.events.frame import frame_of
from liverank.events.log.database import last_seq_of
from liverank.events.log.segment import next_first_seq
from liverank.events.wire import decode_event

_ROWS = "SELECT seq, arrived, body FROM tail WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
# A ranking always has an id, so its row says what it is without its body.
_ROWS_BUT_RANKINGS = _ROWS.replace("ORDER", "AND substr(dedup, 1, 8) IS NOT 'ranking:' ORDER")


class TailEvent(NamedTuple):
    """An event of the tail: its seq, when it arrived (Unix ms), and what it says."""

    seq: int
    arrived_ms: int
    event: Event


class TailSlice(NamedTuple):
    """Events that follow each other in the log; ``through_seq`` is the last seq looked at.

    The next ones are read from ``through_seq + 1``. Without events, and with a ``through_seq``
    just below what was asked for, there is nothing new.
    """

    events: list[TailEvent]
    through_seq: int


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
    events = tail_events(connection, seq, last_seq, rows=rows, rankings=rankings)
    if not events and first_of_segment is not None:
        return None
    return TailSlice(events, events[-1].seq if len(events) == rows else max(last_seq, seq - 1))


def tail_events(
    connection: sqlite3.Connection,
    first_seq: int,
    last_seq: int,
    *,
    rows: int = -1,
    rankings: bool = True,
) -> list[TailEvent]:
    """The first ``rows`` (all, when negative) of the tail in a range of seqs, ends included.

    Without ``rankings`` those are passed over without being decoded.
    """
    found = connection.execute(
        _ROWS if rankings else _ROWS_BUT_RANKINGS, (first_seq, last_seq, rows)
    )
    return [TailEvent(seq, arrived, decode_event(body)) for seq, arrived, body in found]


def frame_of_tail(events: Sequence[TailEvent]) -> pl.DataFrame:
    """Events of the tail as a frame of SCHEMA."""
    frame = frame_of([one.event for one in events], seqs=[one.seq for one in events])
    return frame.with_columns(pl.Series("arrived", [one.arrived_ms for one in events], pl.Int64))
