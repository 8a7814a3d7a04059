"""The suppression list: an erased user must not come back with the next import of the same file.

For each erased user the log keeps a hash, keyed with a random salt of the log, and the time of the
erasure. An import refuses all their events, whatever the time; an append refuses events up to the
erasure and accepts later ones, since the person has come back.
Invariant: no id is stored here, and the refused data is what an erasure would have removed.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec
import polars as pl

from liverank.events.event import AutopilotStep, Edge, Event, ExperimentChange, ServedRanking
from liverank.events.log.storage.database import Database
from liverank.events.log.storage.without import fields_without, without_users

Appendable = TypeVar("Appendable", bound=Event | ServedRanking)

_PER_QUERY = 500
_TEXTS = r'"(?:[^"\\]|\\.)*"'
"""Pattern of a text in JSON, quotes included."""


def suppress(connection: sqlite3.Connection, user: str, *, at_ms: int) -> None:
    """Put a user who is being erased on the list; of several times ``at_ms`` the latest counts."""
    connection.execute(
        "INSERT INTO suppressed VALUES (?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET erased_ms = max(erased_ms, excluded.erased_ms)",
        (_hash(_salt(connection), user), at_ms),
    )


def allow(connection: sqlite3.Connection, user: str) -> bool:
    """Remove a user from the list; returns whether they were on it."""
    gone = connection.execute(
        "DELETE FROM suppressed WHERE hash = ?", (_hash(_salt(connection), user),)
    )
    return gone.rowcount > 0


def without_suppressed(
    database: Database, frame: pl.DataFrame, *, but: Collection[str] = ()
) -> tuple[pl.DataFrame, int]:
    """A frame to import, without erased users, and how many of its events are refused.

    Users in ``but`` are kept all the same. Removal is that of ``without_users``. The caller holds
    ``adding_segments`` until the events are registered, so that no erasure comes in between.
    Raises LogError and its kinds.
    """
    with database.reading() as connection:
        if _is_empty(connection):
            return frame, 0
    names = _names_in(frame)
    with database.reading() as connection:
        erased = erased_among(connection, names - set(but))
    if not erased:
        return frame, 0
    kept, _ = without_users(frame, erased)
    return kept, frame.height - kept.height


def screened(
    connection: sqlite3.Connection, events: Sequence[Appendable]
) -> Sequence[Appendable | None]:
    """Events to append: each as it is, without erased users in its fields, or None if refused."""
    if _is_empty(connection):
        return events
    names = {name for event in events for name in _names_of(event)}
    erased = erased_among(connection, names)
    return [_screened(event, erased) for event in events] if erased else events


def erased_among(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
    """The erased users among the names, and when each was erased, in Unix ms."""
    salt = _salt(connection)
    asked = {_hash(salt, name): name for name in names}
    hashes = list(asked)
    erased: dict[str, int] = {}
    for start in range(0, len(hashes), _PER_QUERY):
        some = hashes[start : start + _PER_QUERY]
        holes = ", ".join("?" * len(some))
        found = connection.execute(
            f"SELECT hash, erased_ms FROM suppressed WHERE hash IN ({holes})",  # noqa: S608
            some,
        )
        erased |= {asked[key]: erased_ms for key, erased_ms in found}
    return erased


def _screened(event: Appendable, erased: dict[str, int]) -> Appendable | None:
    """An event without the users erased at its time or later; None where it is their own event."""
    gone = {name for name in _names_of(event) if erased.get(name, -1) >= event.at_ms}
    if not gone:
        return event
    if getattr(event, "user", None) in gone or (isinstance(event, Edge) and event.target in gone):
        return None
    assert not isinstance(event, Edge)
    return msgspec.structs.replace(event, fields=fields_without(event.fields, gone))


def _names_of(event: Event | ServedRanking) -> list[str]:
    """Every text of an event that may be the id of a user."""
    if isinstance(event, ExperimentChange | AutopilotStep):
        return []
    names = [event.user] if hasattr(event, "user") else []
    if isinstance(event, Edge):
        return [*names, event.target]
    for value in event.fields.values():
        several = value if isinstance(value, list) else [value]
        names += [one for one in several if isinstance(one, str)]
    return names


def _names_in(frame: pl.DataFrame) -> set[str]:
    """Every text of a frame of events that may be the id of a user."""
    columns = [
        frame["user"],
        frame.filter(pl.col("event") == "edge")["target"],
        frame["fields"].unique().str.extract_all(_TEXTS).explode().unique(),
    ]
    users, targets, texts = (column.drop_nulls().unique().to_list() for column in columns)
    return {*users, *targets, *map(msgspec.json.decode, texts)}


def _is_empty(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT EXISTS (SELECT 1 FROM suppressed)").fetchone()
    return not found[0]


def _salt(connection: sqlite3.Connection) -> bytes:
    salt: bytes = connection.execute("SELECT salt FROM state").fetchone()[0]
    return salt


def _hash(salt: bytes, user: str) -> bytes:
    return blake2b(user.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).digest()
