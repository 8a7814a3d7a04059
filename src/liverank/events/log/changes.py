"""Reads the events of experiments or of autopilot, which are few among all events of a log.

Invariant: they are returned in the order of the log, each once, from one consistent read.
"""

from pathlib import Path
from typing import Literal, TypeAlias

import polars as pl

from liverank.events.frame import SCHEMA, events_of
from liverank.events.log.storage.database import Database
from liverank.events.log.storage.segments import (
    Segment,
    corrupt,
    next_segment,
    reading,
    segment_file,
    segments_of,
)
from liverank.events.log.storage.tail import TailEvent
from liverank.events.wire import decode_event

FewKind: TypeAlias = Literal["experiment", "autopilot"]
"""A kind of event that a log holds few of."""

_COLUMNS = ("seq", "arrived", "event", "time", "id", "experiment", "model", "action", "fields")


def events_of_kind(database: Database, kind: FewKind) -> list[TailEvent]:
    """All events of one of these kinds, in seq order. Raises LogError and its kinds."""
    prefix = b'{"event":"%s"' % kind.encode()  # of the JSON of such an event in the tail
    while True:
        with database.reading() as connection:
            segments = segments_of(connection)
            rows = connection.execute(
                "SELECT seq, arrived, body FROM tail WHERE substr(body, 1, ?) = ? ORDER BY seq",
                (len(prefix), prefix),
            ).fetchall()
        of_tail = [TailEvent(seq, arrived, decode_event(body)) for seq, arrived, body in rows]
        try:
            of_segments = [one for segment in segments for one in _of(database, segment, kind)]
        except FileNotFoundError:
            continue  # expired or rewritten meanwhile: read again
        return of_segments + of_tail


def _of(database: Database, segment: Segment, kind: FewKind) -> list[TailEvent]:
    file = segment_file(database.segments, segment)
    try:
        frame = _read(file, segment, kind)
    except FileNotFoundError:
        with database.reading() as connection:
            found = next_segment(connection, segment.last_seq)
        if found == segment:
            raise corrupt(file, "it is missing") from None
        raise
    columns = frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in _COLUMNS
    )
    events = events_of(columns.select(*SCHEMA))
    seqs_and_arrivals = frame.select("seq", "arrived").iter_rows()
    return [
        TailEvent(seq, arrived, event)
        for (seq, arrived), event in zip(seqs_and_arrivals, events, strict=True)
    ]


def _read(file: Path, segment: Segment, kind: FewKind) -> pl.DataFrame:
    """The events of a kind in a segment; none for a segment from before they existed."""
    with reading(file):
        stored = pl.scan_parquet(file, glob=False)
        if "action" not in stored.collect_schema().names():
            return pl.DataFrame(schema={name: SCHEMA[name] for name in _COLUMNS})
        if not segment.has_gaps:
            stored = stored.with_row_index("row").with_columns(
                seq=pl.col("row").cast(pl.Int64) + segment.first_seq
            )
        return stored.filter(pl.col("event") == kind).select(_COLUMNS).collect()
