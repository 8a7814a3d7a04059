"""Erasing a user from the log: their events, and their name in the fields of others' events.

Segments that name the user are rewritten first; then one transaction puts them into the
manifest in place of the old ones, cleans the tail and puts the user on the suppression list; then
the old files go, and SQLite's file is rewritten. A kill before the transaction leaves orphans, one
after it leaves work that the next open finishes.
Invariant: the events that stay keep their seqs, and the log never holds half of an erasure.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from liverank.errors import EventError
from liverank.events.event import MAX_ID, Event, Ranking
from liverank.events.frame import events_of
from liverank.events.log.recovery import finish_erasing
from liverank.events.log.storage.blocks import blocks_naming, rewrite_block
from liverank.events.log.storage.database import Database, begin_generation, explained
from liverank.events.log.storage.ids import write_with_ids
from liverank.events.log.storage.locks import removing_segments
from liverank.events.log.storage.segments import (
    Segment,
    check_segment,
    corrupt,
    read_rows,
    register,
    segment_file,
    segments_of,
    unregister,
    withdrawn_if_refused,
)
from liverank.events.log.storage.tail import TailEvent, frame_of_tail
from liverank.events.log.storage.without import without_users
from liverank.events.log.suppression import suppress
from liverank.events.wire import decode_event, encode_event

_COLUMNS_WITH_USERS = ("event", "user", "target", "fields")
"""The columns in which a segment may name a user."""


class EraseResult(NamedTuple):
    """What an erasure changed."""

    rows: int
    """Events removed."""
    segments: int
    """Segments rewritten, or removed as a whole."""
    scrubbed: int
    """Events that stay, but no longer name the user in their fields."""


def erase_user(database: Database, user: str, *, at_ms: int) -> EraseResult:
    """See ``Log.erase``."""
    named = _as_json(user)
    with explained(database.path), removing_segments(database.segments):
        with database.reading() as connection:
            held = segments_of(connection)
        old: list[Segment] = []
        new: list[Segment] = []
        rows = scrubbed = 0
        with withdrawn_if_refused(database.segments, new):
            for segment in held:
                kept, changed = without_users(
                    _read(database, segment, _COLUMNS_WITH_USERS), (user,)
                )
                if kept.height == segment.rows and not changed.any():
                    continue
                kept, changed = without_users(_read(database, segment), (user,))
                old.append(segment)
                rows += segment.rows - kept.height
                scrubbed += int(changed.sum())
                if kept.height:
                    new.append(write_with_ids(database.segments, kept))
            with database.writing() as connection:
                of_tail = _erase_from_tail(connection, user, named)
                of_blocks = _erase_from_blocks(connection, user)
                suppress(connection, user, at_ms=at_ms)
                unregister(connection, old)
                for segment in new:
                    register(connection, segment)
                if old or any((*of_tail, *of_blocks)):
                    begin_generation(connection)
                    connection.execute("UPDATE state SET erasing = 1")
        finish_erasing(database)
    return EraseResult(
        rows + of_tail[0] + of_blocks[0], len(old), scrubbed + of_tail[1] + of_blocks[1]
    )


def _as_json(user: str) -> bytes:
    """The id as it stands in JSON, quotes included. Raises EventError for what is no id."""
    if not 1 <= len(user) <= MAX_ID:
        raise EventError(f"a user to erase is {user[:40]!r}; expected 1 to {MAX_ID} characters")
    try:
        return msgspec.json.encode(user)
    except UnicodeEncodeError as error:
        raise EventError(f"a user to erase is {user!r}, which is not Unicode: {error}") from None


def _read(
    database: Database, segment: Segment, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """All events of a segment, or some of their columns, checked. Raises LogCorruptError."""
    directory, first, last = database.segments, segment.first_seq, segment.last_seq
    file = segment_file(directory, segment)
    try:
        if columns is not None:
            check_segment(directory, segment, whole=True)
            return pl.scan_parquet(file, glob=False).select(columns).collect()
        return read_rows(directory, segment, first, last, rows=segment.rows)
    except FileNotFoundError:
        raise corrupt(file, "it is missing") from None


def _erase_from_tail(connection: sqlite3.Connection, user: str, named: bytes) -> tuple[int, int]:
    """Erase the user from the tail; returns the events removed and those scrubbed."""
    held = connection.execute(
        "SELECT seq, arrived, body FROM tail WHERE instr(body, ?) ORDER BY seq", (named,)
    )
    events = [TailEvent(seq, arrived, decode_event(body)) for seq, arrived, body in held]
    kept, changed = _without(events, user)
    gone = [one.seq for one in events if one.seq not in kept]
    connection.executemany("DELETE FROM tail WHERE seq = ?", [(seq,) for seq in gone])
    connection.executemany(
        "UPDATE tail SET body = ? WHERE seq = ?",
        [(encode_event(kept[seq]), seq) for seq in changed],
    )
    return len(gone), len(changed)


def _erase_from_blocks(connection: sqlite3.Connection, user: str) -> tuple[int, int]:
    """Erase the user from blocks; returns the rankings removed and those scrubbed."""
    rows = scrubbed = 0
    for block in blocks_naming(connection, user):
        held = block.rankings(block.first_seq, block.last_seq)
        kept, changed = _without(
            [TailEvent(seq, block.arrived_ms, ranking) for seq, ranking in held], user
        )
        if len(kept) < len(held) or changed:
            rankings = [(seq, one) for seq, one in kept.items() if isinstance(one, Ranking)]
            rewrite_block(connection, block, rankings)
        rows += len(held) - len(kept)
        scrubbed += len(changed)
    return rows, scrubbed


def _without(events: list[TailEvent], user: str) -> tuple[dict[int, Event], list[int]]:
    """The events that stay, by their seqs, without the user; and the seqs of those changed."""
    kept, changed = without_users(frame_of_tail(events), (user,))
    seqs = kept["seq"].to_list()
    left = dict(zip(seqs, events_of(kept), strict=True))
    return left, kept["seq"].filter(changed).to_list()
