"""Appending to the tail, with group commit: threads that append at once share one commit.

The thread that gets the write lock first commits all waiting batches; the other threads then have
nothing left to do. Where commits follow each other closely, the next one is delayed to gather more
batches: a commit costs as much as fifty events.
Invariant: a batch is on disk as a whole when ``append`` returns, or not at all; a call never waits
longer than its limit, however many batches wait before it.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liverank.errors import EventError, LogError
from liverank.events.event import Event, dedup_id
from liverank.events.log.storage.database import Database, busy, last_seq_of
from liverank.events.log.storage.ids import SegmentIds, ids_of
from liverank.events.log.storage.tail import in_tail
from liverank.events.log.suppression import screened
from liverank.events.wire import encode_event


class AppendResult(NamedTuple):
    """Result of a batch: ``seqs[i]`` is the seq of event ``i``, None where it was dropped."""

    seqs: list[int | None]
    duplicates: int
    suppressed: tuple[int, ...] = ()
    """Indices in the batch of the events that were refused because the user was erased."""


class _Batch:
    """One caller's events, encoded, on their way to disk."""

    def __init__(self, events: Sequence[Event], arrived_ms: int) -> None:
        self.arrived_ms = arrived_ms
        self.events = events
        try:
            self.bodies = [encode_event(event) for event in events]
            self.times = [event.at_ms for event in events]
            self.dedups = [dedup_id(event) for event in events]
        except (UnicodeEncodeError, OverflowError) as error:
            raise EventError(f"An event cannot be stored: {error}") from None
        self.appended: AppendResult | None = None
        self.error: LogError | None = None

    def screen(self, connection: sqlite3.Connection) -> list[int]:
        """Remove erased users from the bodies; returns the indices of their events."""
        kept = screened(connection, self.events)
        if kept is self.events:
            return []
        for index, (event, before) in enumerate(zip(kept, self.events, strict=True)):
            if event is not None and event is not before:
                self.bodies[index] = encode_event(event)
        return [index for index, event in enumerate(kept) if event is None]


class Appender:
    """The write side of a log's tail. Thread-safe; ``known`` is used under the write lock."""

    def __init__(self, database: Database, known: SegmentIds, *, gather_s: float) -> None:
        self._database = database
        self._gather_s = gather_s
        self._next_s = 0.0
        self._known = known
        self._committing = threading.Lock()
        self._queueing = threading.Lock()
        self._queue: list[_Batch] = []

    def append(
        self, events: Sequence[Event], *, arrived_ms: int, until_s: float | None = None
    ) -> AppendResult:
        """See ``Log.append``."""
        if not events:
            return AppendResult([], 0)
        now_s = time.monotonic()
        until_s = now_s + self._database.busy_s if until_s is None else until_s
        batch = _Batch(events, arrived_ms)
        with self._queueing:
            self._queue.append(batch)
        if not self._committing.acquire(timeout=max(until_s - now_s, 0.0)):
            if self._withdraw(batch):
                raise busy(self._database.path)
            self._committing.acquire()  # another thread is writing it and will finish
        try:
            if batch.appended is None and batch.error is None:
                time.sleep(max(self._next_s - time.monotonic(), 0.0))
                self._commit_queue(batch, until_s)
                self._next_s = time.monotonic() + self._gather_s
        finally:
            self._committing.release()
        if batch.error is not None:
            raise type(batch.error)(*batch.error.args) from batch.error
        assert batch.appended is not None
        return batch.appended

    def _withdraw(self, batch: _Batch) -> bool:
        """Take a batch out of the queue; False where it is no longer in it."""
        with self._queueing:
            is_there = batch in self._queue
            if is_there:
                self._queue.remove(batch)
            return is_there

    def _commit_queue(self, own: _Batch, until_s: float) -> None:
        """Commit waiting batches once the log can be written; until then only ``own`` can fail."""
        batches = [own]
        results: list[AppendResult] = []
        failure = LogError(
            f"{self._database.path}: the write was stopped half way; send the batch again (events "
            "with an id are never counted twice)"
        )
        try:
            with self._database.writing(until_s=until_s) as connection:
                with self._queueing:
                    batches, self._queue = self._queue, []
                inserted = self._insert(connection, batches)
            results = inserted
        except LogError as error:
            failure = error
        finally:
            self._withdraw(own)
            for index, batch in enumerate(batches):
                batch.appended = results[index] if results else None
                batch.error = None if results else failure

    def _insert(self, connection: sqlite3.Connection, batches: list[_Batch]) -> list[AppendResult]:
        known = self._known_dedups(connection, batches)
        seq = last_seq_of(connection)
        results: list[AppendResult] = []
        for batch in batches:
            seqs: list[int | None] = [None] * len(batch.events)
            suppressed = batch.screen(connection)
            refused = set(suppressed)
            rows = []
            for index, dedup in enumerate(batch.dedups):
                if index in refused or (dedup is not None and dedup in known):
                    continue
                if dedup is not None:
                    known.add(dedup)
                seq += 1
                seqs[index] = seq
                rows.append((seq, batch.arrived_ms, batch.times[index], dedup, batch.bodies[index]))
            connection.executemany("INSERT INTO tail VALUES (?, ?, ?, ?, ?)", rows)
            duplicates = seqs.count(None) - len(suppressed)
            results.append(AppendResult(seqs, duplicates, tuple(suppressed)))
        connection.execute("UPDATE state SET last_seq = ?", (seq,))
        return results

    def _known_dedups(self, connection: sqlite3.Connection, batches: list[_Batch]) -> set[str]:
        """Those dedup ids of the batches that the log already holds."""
        texts = [dedup for batch in batches for dedup in batch.dedups if dedup is not None]
        if not texts:
            return set()
        ids = ids_of(texts)
        self._known.refresh(connection)
        known = in_tail(connection, ids) | self._known.find(ids)
        return {texts[index] for index in np.flatnonzero(known)}
