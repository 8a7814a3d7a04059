"""Removes users from frames of events: their own events, and their ids in others' events.

Invariant: an erasure and a later import of the same events give the same result.
"""

from collections.abc import Collection

import msgspec
import polars as pl

from liverank.events.event import Fields
from liverank.events.wire import decode_fields


def without_users(frame: pl.DataFrame, users: Collection[str]) -> tuple[pl.DataFrame, pl.Series]:
    """The remaining events, without the users in their fields, and which were changed: bool[n].

    The users' own events and edges to them are removed. So is a field whose value is one of their
    ids, or the element of a list. Events of experiments and of autopilot stay unchanged. ``frame``
    has at least event, user, target and fields.

    >>> from liverank.events.event import Item, User
    >>> from liverank.events.frame import frame_of
    >>> room = Item(time=0, item="r1", fields={"host": "u1", "speakers": ["u1", "u2"]})
    >>> kept, changed = without_users(frame_of([User(time=0, user="u1"), room]), ["u1"])
    >>> kept["fields"].to_list(), changed.to_list()
    (['{"speakers":["u2"]}'], [True])
    """
    named = list(users)
    is_theirs = pl.col("user").is_in(named) | (
        (pl.col("event") == "edge") & pl.col("target").is_in(named)
    )
    kept = frame.filter(~is_theirs.fill_null(value=False))
    texts = kept.select(
        pl.when(~pl.col("event").is_in(["experiment", "autopilot"])).then("fields").alias("fields")
    ).to_series()
    # a text with escapes may encode an id in another way
    spelled = [msgspec.json.encode(user).decode() for user in named]
    likely = texts.filter(texts.str.contains_any([*spelled, "\\"]))
    wanted = frozenset(named)
    scrubbed = {text: _scrubbed(text, wanted) for text in likely.unique()}
    fields = texts.replace(scrubbed) if scrubbed else texts
    changed = fields.ne_missing(texts)
    return kept.with_columns(fields=pl.when(changed).then(fields).otherwise("fields")), changed


def fields_without(fields: Fields, users: Collection[str]) -> Fields:
    """Fields without the users: matching values and list elements are removed.

    >>> fields_without({"host": "u1", "speakers": ["u1", "u2"], "seats": 3}, {"u1"})
    {'speakers': ['u2'], 'seats': 3}
    """
    return {
        name: [one for one in value if one not in users] if isinstance(value, list) else value
        for name, value in fields.items()
        if isinstance(value, list) or value not in users
    }


def _scrubbed(text: str, users: frozenset[str]) -> str | None:
    """A JSON object of fields without the users; the same text when it does not hold them."""
    fields = decode_fields(text)
    left = fields_without(fields, users)
    if left == fields:
        return text
    return msgspec.json.encode(left).decode() if left else None
