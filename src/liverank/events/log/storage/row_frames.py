"""Turns rows of the tail into columns, without creating events.

The events were checked when they were appended, so only their JSON is parsed here, only the columns
asked for are decoded, and ``fields`` stay JSON text.
Invariant: the frame equals the one of the same events (``frame.frame_of``).
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Union

import msgspec
import polars as pl

from liverank.errors import EventError
from liverank.events.decode_errors import UNDECODABLE, explain
from liverank.events.event import KINDS
from liverank.events.frame import frame_of_columns, in_row_order

_NO_FIELDS = b"{}"


def frame_of_rows(rows: Sequence[tuple[int, int, bytes]], columns: Sequence[str]) -> pl.DataFrame:
    """Put rows of the tail (seq, arrival in Unix ms, JSON) into ``columns`` of SCHEMA.

    Raises EventError for JSON that is no event.

    >>> frame_of_rows([(7, 1000, b'{"event":"user","time":5,"user":"u1"}')], ["seq", "user"]).row(0)
    (7, 'u1')
    """
    decode = _decoder(frozenset(columns)).decode
    rows_of_type: dict[type[msgspec.Struct], list[int]] = {}
    decoded: list[msgspec.Struct] = []
    for row, (_, _, body) in enumerate(rows):
        try:
            event = decode(body)
        except UNDECODABLE as error:
            raise EventError(explain(error, body)) from None
        decoded.append(event)
        rows_of_type.setdefault(type(event), []).append(row)
    frames = [
        _frame_of_kind([decoded[row] for row in some], [rows[row] for row in some], columns)
        for some in rows_of_type.values()
    ]
    return in_row_order(frames, list(rows_of_type.values()))


def _frame_of_kind(
    events: Sequence[msgspec.Struct],
    rows: Sequence[tuple[int, int, bytes]],
    columns: Sequence[str],
) -> pl.DataFrame:
    given: dict[str, Sequence[object]] = {
        column: list(map(attrgetter(column), events)) for column in events[0].__struct_fields__
    }
    if "fields" in given:
        given["fields"] = [_text_of(event.fields) for event in events]  # type: ignore[attr-defined]
    given["event"] = [events[0].__struct_config__.tag] * len(events)
    given["seq"] = [seq for seq, _, _ in rows]
    given["arrived"] = [arrived_ms for _, arrived_ms, _ in rows]
    return frame_of_columns(given, len(events), columns)


def _text_of(fields: msgspec.Raw) -> str | None:
    text = bytes(fields)
    return None if text == _NO_FIELDS else text.decode()


@lru_cache(maxsize=64)
def _decoder(columns: frozenset[str]) -> msgspec.json.Decoder[Any]:
    """Decode an event's JSON into a struct with those of ``columns`` that its kind has."""
    structs = [_struct(kind, columns) for kind in KINDS]
    return msgspec.json.Decoder(Union[tuple(structs)])  # noqa: UP007  # of a list made here


def _struct(kind: str, columns: frozenset[str]) -> type[msgspec.Struct]:
    """The struct of a kind of event as it is stored: without checks, and ``fields`` as text."""
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for each in msgspec.structs.fields(KINDS[kind]):
        if each.name not in columns:
            continue
        if each.name == "fields":
            members.append(("fields", msgspec.Raw, msgspec.Raw(_NO_FIELDS)))
        elif each.name == "time":
            members.append(("time", int))
        elif each.required:
            members.append((each.name, each.type))
        else:
            members.append((each.name, each.type, each.default))
    return msgspec.defstruct(
        f"Stored{KINDS[kind].__name__}", members, tag=kind, tag_field="event", kw_only=True
    )
