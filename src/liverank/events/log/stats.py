"""How big a log is, in events and on disk."""

from typing import NamedTuple

from liverank.events.log.storage.database import Database, explained, last_seq_of
from liverank.events.log.storage.segments import segments_of
from liverank.events.log.storage.tail import tail_extent


class Stats(NamedTuple):
    """How big a log is. Times are None when it holds no events."""

    rows: int
    tail_rows: int
    segments: int
    bytes: int
    last_seq: int
    oldest_ms: int | None
    newest_ms: int | None


def stats_of(database: Database) -> Stats:
    """See ``Log.stats``."""
    with database.reading() as connection:
        segments = segments_of(connection)
        tail = tail_extent(connection)
        last_seq = last_seq_of(connection)
    ages = [(one.oldest_ms, one.newest_ms) for one in segments]
    if tail.rows:
        ages.append((tail.oldest_ms, tail.newest_ms))
    with explained(database.path):
        size = database.path.stat().st_size
    return Stats(
        rows=tail.rows + sum(one.rows for one in segments),
        tail_rows=tail.rows,
        segments=len(segments),
        bytes=size + sum(one.bytes + 12 * one.ids for one in segments),
        last_seq=last_seq,
        oldest_ms=min((oldest for oldest, _ in ages), default=None),
        newest_ms=max((newest for _, newest in ages), default=None),
    )
