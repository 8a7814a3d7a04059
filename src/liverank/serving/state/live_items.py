"""Which items are live, folded from the log.

An item is live from when it is heard of (a scheduled one: from its start) until it ends, or until
nothing was heard of it for too long. As in feature state, the times of events count and not the
order in which they came: an item has ended when its last end is before neither its last start nor
its last announcement, and each field is what the latest event that told of it said.
Invariant: the same events in any batches give the same live items at a time.
"""

import math
from collections.abc import Sequence
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
    """What is known of an item; times in Unix ms, NaN for never."""

    hash: int
    first_seen: float
    heard: float
    """When it last gave a sign of life."""
    scheduled: float = math.nan
    """When it was last announced."""
    started: float = math.nan
    ended: float = math.nan
    fields: Fields = field(default_factory=dict)
    set_at: dict[str, float] = field(default_factory=dict)
    """The time of the event that set each of its fields."""
    has_new_fields: bool = True
    """Whether its fields changed since they were published."""

    @property
    def has_ended(self) -> bool:
        """Whether it ended, and neither started nor was announced again since."""
        is_again = self.started > self.ended or self.scheduled > self.ended
        return not math.isnan(self.ended) and not is_again

    @property
    def is_scheduled(self) -> bool:
        """Whether it was announced, and neither runs nor has ended."""
        runs = not math.isnan(self.started) and not self.ended >= self.started
        return not math.isnan(self.scheduled) and not runs and not self.has_ended

    def learn(self, fields: Fields, at_ms: float) -> None:
        """Set fields to what an event said, but those that a later event set."""
        for name, value in fields.items():
            if not self.set_at.get(name, -math.inf) > at_ms:
                self.fields[name], self.set_at[name] = value, at_ms
                self.has_new_fields = True

    @property
    def since(self) -> float:
        """When it started or, where that is unknown, was first heard of."""
        return self.first_seen if math.isnan(self.started) else self.started


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A LiveItem in a snapshot; its fields are JSON."""

    name: str
    first_seen: float
    heard: float
    scheduled: float
    started: float
    ended: float
    fields: str
    set_at: dict[str, float]


class _Snapshot(msgspec.Struct, frozen=True):
    impression: str
    known: list[_Kept]
    live: list[str]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items to rank: their ids and hashes, uint64[n]."""

    ids: list[str]
    hashes: NDArray[np.uint64]


class LiveItems:
    """The live items of a log, as far as it has been folded.

    ``expire_after_ms`` is how long an item without an end lives after its last sign of life: an
    item event, or an interaction other than ``impression`` (being shown proves nothing).

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
        """Every item that an item event told of, by its id."""
        self._impression = impression
        self._changed: dict[str, None] = {}
        self._live: dict[str, LiveItem] = {}
        self._candidates = Candidates([], np.empty(0, np.uint64))
        self._until_ms = -math.inf
        """When the first of the candidates expires, at the earliest."""

    def fold(self, frame: pl.DataFrame, at: NDArray[np.float64]) -> None:
        """Fold the next events of the log. ``at`` float64[n] are their times, as state has them."""
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
            told = {} if fields is None else decode_fields(fields)
            self._fold_item(name, state, at_ms, told)
        known_from = pl.col("item").replace_strict(new, default=0, return_dtype=pl.UInt32)
        signs = frame.filter(
            (pl.col("event") == "interaction")
            & (pl.col("type") != self._impression)
            & (pl.col("row") >= known_from)
        )
        for name, at_ms in signs.group_by("item").agg(pl.col("at").max()).iter_rows():
            self._hear(name, at_ms)

    def fold_events(self, events: Sequence[Event], at: Sequence[float]) -> None:
        """Fold the next events, as ``fold`` does a frame of them; cheaper for a few.

        ``at`` are their times, as state has them.
        """
        for event, at_ms in zip(events, at, strict=True):
            if isinstance(event, Interaction):
                if event.type != self._impression:
                    self._hear(event.item, at_ms)
            elif isinstance(event, Item):
                self._fold_item(event.item, event.state, at_ms, event.fields)

    def take_changed(self) -> list[str]:
        """The ids of the items that changed since this was last asked, in the order they did."""
        changed, self._changed = list(self._changed), {}
        return changed

    def is_live(self, name: str) -> bool:
        """Whether a known item is live, as long as it does not expire."""
        return name in self._live

    def candidates(self, *, at_ms: float) -> Candidates:
        """What is live, in the order in which it came to be. Time does not run backwards."""
        if at_ms >= self._until_ms:
            oldest = at_ms - self.expire_after_ms
            expired = [name for name, item in self._live.items() if item.heard <= oldest]
            for name in expired:
                del self._live[name]
            self._changed.update(dict.fromkeys(expired))
            heard = min((item.heard for item in self._live.values()), default=math.inf)
            self._until_ms = heard + self.expire_after_ms
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
        """The live items, the newest first."""
        names = self.candidates(at_ms=at_ms).ids
        return sorted(((name, self._live[name]) for name in names), key=lambda pair: -pair[1].since)

    def pack(self) -> bytes:
        """All that is known, for a snapshot; ``unpack`` gives back the same."""
        known = [
            _Kept(
                name,
                item.first_seen,
                item.heard,
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
        """Know what ``pack`` gave, in the place of what was known.

        Raises StateError for what is no such thing, or was folded with another ``impression``.
        """
        try:
            snapshot = msgspec.msgpack.decode(packed, type=_Snapshot)
            self.known = {
                kept.name: LiveItem(
                    hash_id(kept.name),
                    kept.first_seen,
                    kept.heard,
                    kept.scheduled,
                    kept.started,
                    kept.ended,
                    decode_fields(kept.fields),
                    kept.set_at,
                )
                for kept in snapshot.known
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
            item = self.known[name] = LiveItem(hash_id(name), first_seen=at_ms, heard=at_ms)
        item.first_seen = min(item.first_seen, at_ms)
        item.heard = max(item.heard, at_ms)
        if state == "started":
            item.started = max(at_ms, item.started)  # in this order NaN gives way
        elif state == "ended":
            item.ended = max(at_ms, item.ended)
        elif state == "scheduled":
            item.scheduled = max(at_ms, item.scheduled)
        item.learn(fields, at_ms)
        self._settle(name, item)

    def _hear(self, name: str, at_ms: float) -> None:
        item = self.known.get(name)
        if item is not None and at_ms > item.heard:
            item.heard = at_ms
            self._settle(name, item)

    def _settle(self, name: str, item: LiveItem) -> None:
        """Let the item be among the live ones or not, as it should."""
        self._changed[name] = None
        is_live = not item.is_scheduled and not item.has_ended
        if is_live == (name in self._live):
            return
        if is_live:
            self._live[name] = item
        else:
            del self._live[name]
        self._until_ms = -math.inf
