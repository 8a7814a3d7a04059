"""Events as columns: the one layout shared by segments, imports and replay.

Invariant: every frame of events has exactly the columns of ``SCHEMA``, in that order; columns that
a kind of event does not use are null.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec
import numpy as np
import polars as pl

from liverank.events.event import KINDS, Edge, Event, Fields, event_name
from liverank.events.wire import decode_fields

SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),  # arrival order, from 1; null until the log gives it
    "arrived": pl.Int64(),  # Unix ms at which the log took it in; null until then
    "event": pl.String(),  # one of KINDS
    "time": pl.Int64(),  # Unix ms at which it happened
    "id": pl.String(),  # as sent, without the kind of event
    "user": pl.String(),
    "item": pl.String(),
    "state": pl.String(),
    "relation": pl.String(),
    "target": pl.String(),
    "active": pl.Boolean(),
    "type": pl.String(),
    "ranking": pl.String(),
    "value": pl.Float64(),
    "surface": pl.String(),
    "variant": pl.String(),
    "model": pl.String(),
    "cut": pl.Int64(),
    "generation": pl.Int64(),
    "items": pl.List(pl.String()),
    "scores": pl.List(pl.Float64()),
    "propensities": pl.List(pl.Float64()),
    "candidates": pl.List(pl.String()),
    "candidate_count": pl.Int64(),
    "vectors": pl.Binary(),  # little-endian float32[scored, features]; mostly null
    "experiment": pl.String(),
    "action": pl.String(),
    "fields": pl.String(),  # a JSON object; null when there are none
}
"""Column names and types of a frame of events."""

SEQ, ARRIVED = 0, 1
"""Positions of two columns in SCHEMA."""

_USED = {
    "item": ("item", "state"),
    "user": ("user",),
    "edge": ("user", "relation", "target", "active"),
    "ranking": (
        "user",
        "items",
        "surface",
        "variant",
        "model",
        "cut",
        "generation",
        "scores",
        "propensities",
        "candidates",
        "candidate_count",
        "vectors",
    ),
    "interaction": ("type", "user", "item", "ranking", "value"),
    "experiment": ("experiment", "action"),
    "autopilot": ("action", "model"),
}


def frame_of(
    events: Sequence[Event], *, seqs: Sequence[int] | None = None, arrived_ms: int | None = None
) -> pl.DataFrame:
    """Put events into columns.

    >>> from liverank.events.event import User
    >>> frame_of([User(time=0, user="u1")], seqs=[1]).select("seq", "event", "user").row(0)
    (1, 'user', 'u1')
    """
    rows_of_type: dict[type[Event], list[int]] = {}
    for row, event in enumerate(events):
        rows_of_type.setdefault(type(event), []).append(row)
    frame = in_row_order(
        [_frame_of_kind([events[row] for row in rows]) for rows in rows_of_type.values()],
        list(rows_of_type.values()),
    )
    if seqs is not None:
        frame.replace_column(SEQ, pl.Series("seq", seqs, pl.Int64))
    if arrived_ms is not None:
        frame.replace_column(ARRIVED, pl.Series("arrived", [arrived_ms] * len(events), pl.Int64))
    return frame


def in_row_order(frames: Sequence[pl.DataFrame], rows: Sequence[Sequence[int]]) -> pl.DataFrame:
    """Join frames into one; ``rows[i]`` are the row numbers that frame ``i`` has in it."""
    if not frames:
        return empty_frame()
    frame = pl.concat(frames)
    return frame[np.argsort(np.concatenate(rows))] if len(frames) > 1 else frame


def frame_of_columns(
    given: Mapping[str, Sequence[object]], height: int, columns: Iterable[str] = SCHEMA
) -> pl.DataFrame:
    """Make a frame with ``columns`` of SCHEMA; those that are not ``given`` are null.

    >>> frame_of_columns({"user": ["u1"]}, 1, ["user", "item"]).row(0)
    ('u1', None)
    """
    return pl.DataFrame(
        [
            pl.Series(column, given[column], SCHEMA[column])
            if column in given
            else pl.Series(column, [None], SCHEMA[column]).new_from_index(0, height)
            for column in columns
        ]
    )


def _frame_of_kind(events: Sequence[Event]) -> pl.DataFrame:
    """Put events of one kind into columns."""
    name = event_name(events[0])
    columns: dict[str, list[object]] = {
        column: list(map(attrgetter(column), events)) for column in ("time", "id", *_USED[name])
    }
    columns["event"] = [name] * len(events)
    columns["fields"] = [
        None if isinstance(event, Edge) else _encode_fields(event.fields) for event in events
    ]
    return frame_of_columns(columns, len(events))


def _encode_fields(fields: Fields) -> str | None:
    return msgspec.json.encode(fields).decode() if fields else None


def events_of(frame: pl.DataFrame) -> Iterable[Event]:
    """The events of a frame, one by one, in its order; the opposite of ``frame_of``.

    >>> from liverank.events.event import User
    >>> next(iter(events_of(frame_of([User(time=0, user="u1")]))))
    User(time=0, user='u1', fields={}, id=None)
    """
    for row in frame.iter_rows(named=True):
        name = row["event"]
        arguments = {column: row[column] for column in _USED[name]}
        if name != "edge" and row["fields"] is not None:
            arguments["fields"] = decode_fields(row["fields"])
        yield KINDS[name](time=row["time"], id=row["id"], **arguments)


def empty_frame() -> pl.DataFrame:
    """A frame of no events."""
    return pl.DataFrame(schema=SCHEMA)


IMPORT_ORDER: tuple[pl.Expr, pl.Expr, pl.Expr] = (
    pl.col("time"),
    pl.col("event").replace_strict(
        {kind: position for position, kind in enumerate(KINDS)}, return_dtype=pl.Int8
    ),
    pl.col("id"),
)
"""Sort key of imported events: a ranking comes before the interactions that it caused, and the id
makes the order independent of how events are split into files."""


def in_import_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort events of the past by IMPORT_ORDER; stable.

    >>> from liverank.events.event import User
    >>> sooner, later = User(time=1, user="u1"), User(time=2, user="u1")
    >>> in_import_order(frame_of([later, sooner]))["time"].to_list()
    [1, 2]
    """
    return frame.sort(IMPORT_ORDER, nulls_last=False, maintain_order=True)
