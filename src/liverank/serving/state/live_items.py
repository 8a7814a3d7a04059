"""Folds the live items from the log.

An item is live from its first event (a scheduled one: from its start) until it ends, or until it
has shown no sign of life for too long. As in feature state, the times of events count and not their
order of arrival: an item has ended if neither its last start nor its last announcement is after its
last end, and each field has the value of the latest event that set it. Feature state folds the same
events in compiled kernels; tests/serving/test_item_ends_agree.py compares the two.
Invariant: the same events in any batches give the same live items at a time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import StateError
from liverank.events.event import Event, Fields, Interaction, Item
from liverank.events.wire import decode_fields
from liverank.features.hashing import hash_id


@dataclass(slots=True)
class LiveItem:
    """The folded events of an item; times in Unix ms, NaN for never."""

    hash: int
    first_seen: float
    last_sign: float
    """Time of its last sign of life."""
    scheduled: float = math.nan
    """Time of its last announcement."""
    started: float = math.nan
    ended: float = math.nan
    fields: Fields = field(default_factory=dict)
    set_at: dict[str, float] = field(default_factory=dict)
    """Time of the event that set each field."""
    has_new_fields: bool = True
    """Whether fields changed since they were published."""

    @property
    def has_ended(self) -> bool:
        """Whether it ended, and neither started nor was announced again since."""
        has_returned = self.started > self.ended or self.scheduled > self.ended
        return not math.isnan(self.ended) and not has_returned

    @property
    def is_scheduled(self) -> bool:
        """Whether it was announced, and neither runs nor has ended."""
        runs = not math.isnan(self.started) and not self.ended >= self.started
        return not math.isnan(self.scheduled) and not runs and not self.has_ended

    def set_fields(self, fields: Fields, at_ms: float) -> None:
        """Set fields to the values of an event, except those that a later event set."""
        for name, value in fields.items():
            if not self.set_at.get(name, -math.inf) > at_ms:
                self.fields[name], self.set_at[name] = value, at_ms
                self.has_new_fields = True

    @property
    def since(self) -> float:
        """Time of its start or, if that is unknown, of its first event."""
        return self.first_seen if math.isnan(self.started) else self.started


class _StoredItem(msgspec.Struct, frozen=True, array_like=True):
    """A LiveItem in a snapshot; its fields are JSON."""

    name: str
    first_seen: float
    last_sign: float
    scheduled: float
    started: float
    ended: float
    fields: str
    set_at: dict[str, float]


class _Snapshot(msgspec.Struct, frozen=True):
    impression: str
    known: list[_StoredItem]
    live: list[str]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items to rank: their ids and hashes, uint64[n]."""

    ids: list[str]
    hashes: NDArray[np.uint64]


def item_fields(frame: pl.DataFrame) -> dict[str, Fields]:
    """The decoded fields of the item events of a frame, by their JSON; each text is read once."""
    texts = frame.filter(pl.col("event") == "item")["fields"].drop_nulls().unique()
    return {text: decode_fields(text) for text in texts}


class LiveItems:
    """The live items of a log, up to the last folded event.

    An item without an end expires ``expire_after_ms`` after its last sign of life: an item event,
    or an interaction other than ``impression`` (being shown proves nothing).

    >>> from liverank.events.event import Item
    >>> from liverank.events.frame import frame_of
    >>> live = LiveItems(expire_after_ms=1000, impression="impression")
    >>> frame = frame_of([Item(time=0, item="room9", state="started"), Item(time=5, item="room3")])
    >>> live.fold(frame, np.array([0.0, 5.0]))
    >>> live.candidates(at_ms=999).ids, live.candidates(at_ms=1002).ids
    (['room9', 'room3'], ['room3'])
    """

    def __init__(self, *, expire_after_ms: float, impression: str) -> None:
        self.expire_after_ms = expire_after_ms
        self.known: dict[str, LiveItem] = {}
        """All items with item events, by id."""
        self._impression = impression
        self._changed: dict[str, None] = {}
        self._live: dict[str, LiveItem] = {}
        self._candidates = Candidates([], np.empty(0, np.uint64))
        self._until_ms = -math.inf
        """Earliest time at which a candidate expires, Unix ms."""

    def fold(
        self,
        frame: pl.DataFrame,
        at: NDArray[np.float64],
        decoded: Mapping[str, Fields] | None = None,
    ) -> None:
        """Fold the next events of the log; ``at`` float64[n] are their times as state has them.

        ``decoded`` is what ``item_fields`` gives for the frame, where the caller has it.
        """
        decoded = item_fields(frame) if decoded is None else decoded
        frame = (
            frame.select("event", "type", "item", "state", "fields")
            .with_columns(at=pl.Series(at, dtype=pl.Float64))
            .with_row_index("row")
        )
        items = frame.filter(pl.col("event") == "item").select(
            "row", "item", "state", "at", "fields"
        )
        new: dict[str, int] = {}
        for row, name, state, at_ms, fields in items.iter_rows():
            if name not in self.known:
                new[name] = row
            new_fields = {} if fields is None else decoded[fields]
            self._fold_item(name, state, at_ms, new_fields)
        known_from = pl.col("item").replace_strict(new, default=0, return_dtype=pl.UInt32)
        signs = frame.filter(
            (pl.col("event") == "interaction")
            & (pl.col("type") != self._impression)
            & (pl.col("row") >= known_from)
        )
        for name, at_ms in signs.group_by("item").agg(pl.col("at").max()).iter_rows():
            self._record_sign(name, at_ms)

    def fold_events(self, events: Sequence[Event], at: Sequence[float]) -> None:
        """Fold the next events like ``fold``, but without a frame: cheaper for a few events.

        ``at`` are their times as state has them.
        """
        for event, at_ms in zip(events, at, strict=True):
            if isinstance(event, Interaction):
                if event.type != self._impression:
                    self._record_sign(event.item, at_ms)
            elif isinstance(event, Item):
                self._fold_item(event.item, event.state, at_ms, event.fields)

    def take_changed(self) -> list[str]:
        """The ids of items that changed since the last call, in order of change."""
        changed, self._changed = list(self._changed), {}
        return changed

    def is_live(self, name: str) -> bool:
        """Whether a known item is live, unless it has expired."""
        return name in self._live

    def candidates(self, *, at_ms: float) -> Candidates:
        """The live items, in the order in which they became live. ``at_ms`` must not decrease."""
        if at_ms >= self._until_ms:
            oldest = at_ms - self.expire_after_ms
            expired = [name for name, item in self._live.items() if item.last_sign <= oldest]
            for name in expired:
                del self._live[name]
            self._changed.update(dict.fromkeys(expired))
            oldest_sign = min((item.last_sign for item in self._live.values()), default=math.inf)
            self._until_ms = oldest_sign + self.expire_after_ms
            self._candidates = Candidates(
                list(self._live),
                np.fromiter(
                    (item.hash for item in self._live.values()), np.uint64, len(self._live)
                ),
            )
        return self._candidates

    def has_ended(self, name: str) -> bool:
        """Whether the item is known to have ended."""
        item = self.known.get(name)
        return item is not None and item.has_ended

    def newest(self, *, at_ms: float) -> list[tuple[str, LiveItem]]:
        """The live items, newest first."""
        names = self.candidates(at_ms=at_ms).ids
        return sorted(((name, self._live[name]) for name in names), key=lambda pair: -pair[1].since)

    def pack(self) -> bytes:
        """All items as bytes for a snapshot; ``unpack`` restores them."""
        known = [
            _StoredItem(
                name,
                item.first_seen,
                item.last_sign,
                item.scheduled,
                item.started,
                item.ended,
                msgspec.json.encode(item.fields).decode(),
                item.set_at,
            )
            for name, item in self.known.items()
        ]
        return msgspec.msgpack.encode(_Snapshot(self._impression, known, list(self._live)))

    def unpack(self, packed: bytes) -> None:
        """Replace all items by those that ``pack`` stored.

        Raises StateError for other bytes, or if they were folded with another ``impression``.
        """
        try:
            snapshot = msgspec.msgpack.decode(packed, type=_Snapshot)
            self.known = {
                stored.name: LiveItem(
                    hash_id(stored.name),
                    stored.first_seen,
                    stored.last_sign,
                    stored.scheduled,
                    stored.started,
                    stored.ended,
                    decode_fields(stored.fields),
                    stored.set_at,
                )
                for stored in snapshot.known
            }
            self._live = {name: self.known[name] for name in snapshot.live}
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
            raise StateError(
                f"the live items of a snapshot cannot be read: {error}; fold the log instead"
            ) from None
        if snapshot.impression != self._impression:
            raise StateError(
                f"the live items of a snapshot were folded with `impressions.interaction` = "
                f"{snapshot.impression!r}, not {self._impression!r}; fold the log instead"
            )
        self._until_ms = -math.inf

    def _fold_item(self, name: str, state: str, at_ms: float, fields: Fields) -> None:
        item = self.known.get(name)
        if item is None:
            item = self.known[name] = LiveItem(hash_id(name), first_seen=at_ms, last_sign=at_ms)
        item.first_seen = min(item.first_seen, at_ms)
        item.last_sign = max(item.last_sign, at_ms)
        if state == "started":
            item.started = max(at_ms, item.started)  # in this order max() drops NaN
        elif state == "ended":
            item.ended = max(at_ms, item.ended)
        elif state == "scheduled":
            item.scheduled = max(at_ms, item.scheduled)
        item.set_fields(fields, at_ms)
        self._update_live(name, item)

    def _record_sign(self, name: str, at_ms: float) -> None:
        item = self.known.get(name)
        if item is not None and at_ms > item.last_sign:
            item.last_sign = at_ms
            self._update_live(name, item)

    def _update_live(self, name: str, item: LiveItem) -> None:
        """Add the item to the live ones, or remove it, by its present state."""
        self._changed[name] = None
        is_live = not item.is_scheduled and not item.has_ended
        if is_live == (name in self._live):
            return
        if is_live:
            self._live[name] = item
        else:
            del self._live[name]
        self._until_ms = -math.inf
