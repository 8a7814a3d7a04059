"""Frames of events without some users: what an erasure takes, and what stays of others' events.

Invariant: an erasure and a later import of the same events leave the same.
"""

from collections.abc import Collection

import msgspec
import polars as pl

from liverank.events.event import Fields
from liverank.events.wire import decode_fields


def without_users(frame: pl.DataFrame, users: Collection[str]) -> tuple[pl.DataFrame, pl.Series]:
    """The events that stay, without the users in their fields, and which were changed: bool[n].

    The users' own events go, and edges to them. A field whose value is the id of one goes; of a
    list the element goes. What was decided of an experiment stays as it is. ``frame`` has at least
    event, user, target and fields.

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
        pl.when(pl.col("event") != "experiment").then("fields").alias("fields")
    ).to_series()
    # a text with escapes may spell an id in another way
    spelled = [msgspec.json.encode(user).decode() for user in named]
    likely = texts.filter(texts.str.contains_any([*spelled, "\\"]))
    wanted = frozenset(named)
    scrubbed = {text: _scrubbed(text, wanted) for text in likely.unique()}
    fields = texts.replace(scrubbed) if scrubbed else texts
    changed = fields.ne_missing(texts)
    return kept.with_columns(fields=pl.when(changed).then(fields).otherwise("fields")), changed


def fields_without(fields: Fields, users: Collection[str]) -> Fields:
    """Fields without the users: a value goes, an element of a list goes.

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
