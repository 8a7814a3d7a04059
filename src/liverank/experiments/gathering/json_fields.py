"""Reads one field of many events from the JSON in which the log stores their fields."""

from typing import Any

import polars as pl

from liverank.events.wire import decode_fields


def field_of(fields: pl.Series, name: str) -> pl.Series:
    """The field as text, String[n]; null if it is missing, null or a list.

    Each distinct JSON text is decoded once.

    >>> field_of(pl.Series(['{"device":"ios"}', None, '{"device":7}']), "device").to_list()
    ['ios', None, '7']
    """
    distinct = fields.drop_nulls().unique()
    found = [_text(decode_fields(text).get(name)) for text in distinct.to_list()]
    if not found:
        return pl.Series(fields.name, [None], pl.String).new_from_index(0, len(fields))
    return fields.replace_strict(
        distinct, pl.Series(found, dtype=pl.String), default=None, return_dtype=pl.String
    )


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) else None
