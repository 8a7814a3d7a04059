"""The table of live items, in memory shared by all processes of a server.

The folding process publishes the changes of ``LiveItems``; the others read the live and the ended
items. A sequence lock makes a reader repeat its read if the table changed meanwhile.
Invariant: a reader gets the state of ``LiveItems`` after some slice of the log.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from liverank.errors import StateError
from liverank.features.state.shared_memory import SharedArrays
from liverank.serving.state.live_items import LiveItem, LiveItems
from liverank.serving.state.live_kernel import (
    ENDED,
    FIELDS_AT,
    FIELDS_BYTES,
    HASH,
    LAST_SIGN,
    NAME_AT,
    NAME_BYTES,
    SINCE,
    WORDS,
    add_to_index,
    collect_live,
    find_rows,
    mark_ended,
)

_T = TypeVar("_T")

MAX_KNOWN = 1 << 23
"""Maximum number of items of a table."""
_TEXT_BYTES = 1 << 34
_MIN_FIELD_BYTES = 32
"""Minimum capacity in bytes for an item's fields; it is doubled when they need more."""
_VERSION, _KNOWN, _LIVE, _TEXT_USED = range(4)
_SHAPES: list[tuple[npt.DTypeLike, int]] = [
    (np.int64, 8),
    (np.int64, MAX_KNOWN * WORDS),
    (np.int32, MAX_KNOWN),
    (np.uint32, 2 * MAX_KNOWN),
    (np.uint8, _TEXT_BYTES),
]
_PAUSE_S = 5e-5
_CHUNK = 500  # items of a long list that are read at once
LONGEST_CHANGE_S = 1.0
"""Longest wait of readers for a change of the table to be completed."""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A live item in a list: ``since`` in Unix ms, and its fields as JSON."""

    item: str
    since: float
    fields: msgspec.Raw


class LiveTable:
    """The table for readers; ``fd`` is the file descriptor of the process that publishes.

    ``expire_after_ms`` is as in ``LiveItems``. ``is_abandoned`` returns whether that process has
    ended. If it ended in the middle of a change, or a change takes longer than LONGEST_CHANGE_S, an
    item may be missing or occur twice until the next table is published.
    """

    def __init__(
        self,
        *,
        expire_after_ms: float,
        fd: int | None = None,
        is_abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        """Raises StateError if the memory cannot be reserved."""
        self._shared = SharedArrays(_SHAPES, fd=fd)
        self._expire_after_ms = expire_after_ms
        self._is_abandoned = is_abandoned
        self._incomplete, self._incomplete_until = 0, 0.0
        self.header, words, self.live, self.index, self.text = self._shared.arrays
        self.words = words.reshape(-1, WORDS)
        self.times = self.words.view(np.float64)

    @property
    def fd(self) -> int:
        """File descriptor with which another process maps this table."""
        return self._shared.fd

    @property
    def count(self) -> int:
        """Number of items that are live or recently expired."""
        return int(self.header[_LIVE])

    def candidates(self, *, at_ms: float) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The row numbers, int64[n], and hashes, uint64[n], of the live items."""
        return self._consistent(lambda: self._collect(at_ms))

    def ended(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_] | None:
        """Which of the items, uint64[n], are known to have ended: bool[n]; None if none has."""
        marks = np.empty(len(hashes), np.bool_)
        count = self._consistent(lambda: mark_ended(self.words, self.index, hashes, marks))
        return marks if count else None

    def since(self, hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Start, or first event, of items, uint64[n]: float64[n] in Unix ms, NaN if unknown."""
        rows = np.empty(len(hashes), np.int64)
        self._consistent(lambda: find_rows(self.words, self.index, hashes, rows))
        return np.where(rows < 0, np.nan, self.times[rows, SINCE])

    def names(self, rows: Iterable[int]) -> list[str]:
        """The ids of rows. The id of a row never changes once a reader can see it."""
        text, words = self.text, self.words
        names = []
        for row in rows:
            begin = int(words[row, NAME_AT])
            name = text[begin : begin + int(words[row, NAME_BYTES])].tobytes()
            names.append(name.decode("utf-8", "surrogatepass"))
        return names

    def newest(self, *, at_ms: float, limit: int) -> tuple[int, list[LiveRow]]:
        """The number of live items, and ``limit`` of them, newest first.

        A long list is read in chunks: a read of the whole list might never succeed.
        """
        count, chosen = self._consistent(lambda: self._newest(at_ms, limit))
        chunks = (chosen[start : start + _CHUNK] for start in range(0, len(chosen), _CHUNK))
        return count, [
            row for one in chunks for row in self._consistent(partial(self._listed, one))
        ]

    def close(self) -> None:
        """Close the file descriptor; the memory is freed when no array of it is left."""
        self._shared.close()

    def _collect(self, at_ms: float) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        count = int(self.header[_LIVE])
        rows, hashes = np.empty(count, np.int64), np.empty(count, np.uint64)
        oldest_ms = at_ms - self._expire_after_ms
        found = collect_live(self.words, self.times, self.live, count, oldest_ms, rows, hashes)
        return rows[:found], hashes[:found]

    def _newest(self, at_ms: float, limit: int) -> tuple[int, list[int]]:
        """The number of live items, and the row numbers of the newest."""
        rows, _ = self._collect(at_ms)
        since = self.times[rows, SINCE]
        return len(rows), rows[np.argsort(-since, kind="stable")[:limit]].tolist()

    def _listed(self, chosen: list[int]) -> list[LiveRow]:
        listed = []
        for row, name in zip(chosen, self.names(chosen), strict=True):
            begin = int(self.words[row, FIELDS_AT])
            fields = self.text[begin : begin + int(self.words[row, FIELDS_BYTES])].tobytes()
            since = float(self.times[row, SINCE])
            listed.append(LiveRow(name, since, msgspec.Raw(fields or b"{}")))
        return listed

    def _consistent(self, read: Callable[[], _T]) -> _T:
        """The result of a read of the table during which it did not change."""
        header = self.header
        while True:
            version = int(header[_VERSION])
            if version % 2 == 0 or self._is_given_up(version):
                result = read()
                if int(header[_VERSION]) == version:
                    return result
            else:
                time.sleep(_PAUSE_S)

    def _is_given_up(self, version: int) -> bool:
        """Whether the change of this version will probably never be completed."""
        now = time.monotonic()
        if version != self._incomplete:
            self._incomplete, self._incomplete_until = version, now + LONGEST_CHANGE_S
        return now > self._incomplete_until or self._is_abandoned()


class LivePublisher:
    """Publishes ``items`` in a table. For the folding process.

    >>> from liverank.events.event import Item
    >>> live = LiveItems(expire_after_ms=1000, impression="impression")
    >>> publisher = LivePublisher(live)
    >>> live.fold_events([Item(time=0, item="room9", state="started")], [0.0])
    >>> publisher.publish()
    >>> rows, _ = publisher.table.candidates(at_ms=999)
    >>> publisher.table.names(rows)
    ['room9']
    """

    def __init__(self, items: LiveItems) -> None:
        """Publish all items. Raises StateError if the memory cannot be reserved."""
        self.table = LiveTable(expire_after_ms=items.expire_after_ms)
        self._items = items
        self._rows: dict[str, int] = {}
        self._live_at: dict[int, int] = {}
        """Index in ``live`` of each live row."""
        self._capacity: dict[int, int] = {}
        """Capacity for the fields of each row, bytes."""
        self._free: dict[int, list[int]] = {}
        """Offsets of freed text, by its capacity."""
        items.take_changed()
        for name in items.known:
            self._set(name)

    def publish(self) -> None:
        """Publish what changed since the last call. Raises StateError if the table is full."""
        changed = self._items.take_changed()
        if not changed:
            return
        header = self.table.header
        header[_VERSION] += 1
        try:
            for name in changed:
                self._set(name)
        finally:
            header[_VERSION] += 1

    def _set(self, name: str) -> None:
        table = self.table
        item = self._items.known[name]
        row = self._rows.get(name)
        if row is None:
            row = self._add(name, item)
        table.times[row, LAST_SIGN] = item.last_sign
        table.times[row, SINCE] = item.since
        table.words[row, ENDED] = item.has_ended
        if item.has_new_fields:
            self._set_fields(row, msgspec.json.encode(item.fields))
            item.has_new_fields = False
        self._set_live(row, self._items.is_live(name))

    def _add(self, name: str, item: LiveItem) -> int:
        table = self.table
        row = int(table.header[_KNOWN])
        if row >= MAX_KNOWN:
            raise StateError(
                f"the table of live items is full: it holds {MAX_KNOWN:,} items seen since "
                "this process began; restart the server"
            )
        self._rows[name] = row
        text = name.encode("utf-8", "surrogatepass")
        table.words[row, HASH] = np.uint64(item.hash).view(np.int64)
        table.words[row, NAME_AT] = self._write(text, len(text))
        table.words[row, NAME_BYTES] = len(text)
        item.has_new_fields = True
        add_to_index(table.words, table.index, row)
        table.header[_KNOWN] = row + 1
        return row

    def _set_fields(self, row: int, fields: bytes) -> None:
        words = self.table.words
        capacity = self._capacity.get(row, 0)
        if len(fields) > capacity:
            if capacity:
                self._free.setdefault(capacity, []).append(int(words[row, FIELDS_AT]))
            capacity = max(_MIN_FIELD_BYTES, 1 << (len(fields) - 1).bit_length())
            self._capacity[row] = capacity
            words[row, FIELDS_AT] = self._write(fields, capacity)
        else:
            begin = int(words[row, FIELDS_AT])
            self.table.text[begin : begin + len(fields)] = np.frombuffer(fields, np.uint8)
        words[row, FIELDS_BYTES] = len(fields)

    def _write(self, text: bytes, capacity: int) -> int:
        """Write text into a free area of this capacity; returns its offset."""
        header = self.table.header
        free = self._free.get(capacity)
        if free:
            begin = free.pop()
        else:
            begin = int(header[_TEXT_USED])
            if begin + capacity > _TEXT_BYTES:
                raise StateError("the text of live items is full; restart the server")
            header[_TEXT_USED] = begin + capacity
        self.table.text[begin : begin + len(text)] = np.frombuffer(text, np.uint8)
        return begin

    def _set_live(self, row: int, is_live: bool) -> None:
        live, header, at = self.table.live, self.table.header, self._live_at.get(row)
        if is_live == (at is not None):
            return
        if at is None:
            self._live_at[row] = int(header[_LIVE])
            live[header[_LIVE]] = row
            header[_LIVE] += 1
            return
        del self._live_at[row]
        header[_LIVE] -= 1
        last = int(live[header[_LIVE]])
        if last != row:
            live[at] = last
            self._live_at[last] = at
