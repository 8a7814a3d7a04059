"""Breaks the events of a world as real products break them, for tests of what watches a product.

A fault changes events on their way from the app to the log; people and rooms go on as before.
Invariant: the same faults, seed and batches of events give the same broken events, and events
outside of a fault's time are never changed.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

import msgspec

from liverank.errors import SimulatorError
from liverank.events.event import Event, Interaction, Item
from liverank.experiments.assignment.buckets import bucket_of

FaultKind: TypeAlias = Literal[
    "no_impressions", "field_type", "bot", "clock", "language_gone", "label_falls"
]
BOT = "bot"
"""The user by whom a bot joins."""
BOT_EVERY_MS = 600_000
"""Time after which a bot joins the same room again."""
_BUCKETS = 10_000
_HOUR_MS = 3_600_000


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that goes wrong from ``from_ms`` until before ``to_ms`` (Unix ms, event times).

    ``no_impressions``  an app release sends no impressions, on the devices of a share of the people
    ``field_type``      the field of items becomes one text, whatever it was
    ``bot``             a user joins every live room, again and again
    ``clock``           a share of the people send interactions whose time is off by ``offset_ms``
    ``language_gone``   events of rooms in ``language`` do not arrive any more
    ``label_falls``     a share of the interactions of type ``interaction``, and the leaves
                        that follow them, do not arrive
    """

    kind: FaultKind
    from_ms: int
    to_ms: int
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Share of the people, or of the interactions, that it concerns."""
    field: str = "topics"
    language: str = "es"
    interaction: str = "join"
    offset_ms: int = -_HOUR_MS

    def is_on(self, at_ms: int) -> bool:
        """Whether the fault is there at a time (Unix ms)."""
        return self.from_ms <= at_ms < self.to_ms


class Faults:
    """Faults, and what they remember from one batch of events to the next.

    >>> fault = Fault(kind="no_impressions", from_ms=0, to_ms=10)
    >>> seen = Interaction(time=5, type="impression", user="u1", item="r1")
    >>> Faults([fault], seed=1).broken([seen]), len(Faults([fault], seed=1).broken([]))
    ([], 0)
    """

    def __init__(self, faults: Sequence[Fault], *, seed: int = 0) -> None:
        """Raises SimulatorError for a fault that ends before it begins."""
        for fault in faults:
            if fault.to_ms <= fault.from_ms:
                raise SimulatorError(
                    f"a fault lasts from {fault.from_ms} to {fault.to_ms}; give it a later end"
                )
        self._faults = tuple(faults)
        self._seed = seed
        self._live: set[str] = set()
        self._joined_ms: dict[str, int] = {}
        self._hidden: set[str] = set()
        self._lost: set[tuple[str, str]] = set()
        self._bots = 0

    def broken(self, events: Iterable[Event]) -> list[Event]:
        """The events of one step of time, in time order, as they arrive at the log.

        Batches are given in order of time. A clock that is off changes times and not the order.
        """
        known = list(events)
        for fault in self._faults:
            if fault.kind == "bot":
                continue
            known = [one for event in known for one in self._one(event, fault)]
        for event in known:
            self._follow(event)
        if known:
            now_ms = max(event.at_ms for event in known)
            for fault in self._faults:
                if fault.kind == "bot" and fault.is_on(now_ms):
                    known += self._bot(now_ms)
        return known

    def _one(self, event: Event, fault: Fault) -> tuple[Event, ...]:
        """What arrives of one event."""
        if isinstance(event, Item):
            return self._item(event, fault)
        if not isinstance(event, Interaction):
            return (event,)
        is_on = fault.is_on(event.at_ms)
        if fault.kind == "no_impressions":
            is_lost = is_on and event.type == "impression" and self._concerns(fault, event.user)
            return () if is_lost else (event,)
        if fault.kind == "clock" and is_on and self._concerns(fault, event.user):
            return (msgspec.structs.replace(event, time=event.at_ms + fault.offset_ms),)
        if fault.kind == "label_falls":
            return self._label(event, fault, is_on=is_on)
        return (event,)

    def _item(self, event: Item, fault: Fault) -> tuple[Event, ...]:
        is_on = fault.is_on(event.at_ms)
        if fault.kind == "field_type" and is_on and fault.field in event.fields:
            value = event.fields[fault.field]
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            return (msgspec.structs.replace(event, fields={**event.fields, fault.field: text}),)
        if fault.kind == "language_gone":
            if is_on and event.fields.get("language") == fault.language:
                self._hidden.add(event.item)
            if event.item in self._hidden:
                if event.state == "ended" or not is_on:
                    self._hidden.discard(event.item)
                return () if is_on else (event,)
        return (event,)

    def _label(self, event: Interaction, fault: Fault, *, is_on: bool) -> tuple[Event, ...]:
        way = event.user, event.item
        if event.type == fault.interaction:
            if is_on and self._concerns(fault, event.id or f"{way}{event.at_ms}"):
                self._lost.add(way)
                return ()
            self._lost.discard(way)
        elif event.type == "leave" and way in self._lost:
            self._lost.discard(way)
            return ()
        return (event,)

    def _concerns(self, fault: Fault, who: str) -> bool:
        return fault.share >= 1 or _bucket(self._seed, who) < fault.share * _BUCKETS

    def _follow(self, event: Event) -> None:
        if isinstance(event, Item):
            if event.state == "started":
                self._live.add(event.item)
            elif event.state == "ended":
                self._live.discard(event.item)

    def _bot(self, now_ms: int) -> list[Event]:
        joins: list[Event] = []
        for item in sorted(self._live):
            if now_ms - self._joined_ms.get(item, -BOT_EVERY_MS) < BOT_EVERY_MS:
                continue
            self._joined_ms[item] = now_ms
            self._bots += 1
            joins.append(
                Interaction(time=now_ms, type="join", user=BOT, item=item, id=f"{BOT}.{self._bots}")
            )
        return joins


def broken(events: Iterable[Event], fault: Fault, *, seed: int = 0) -> list[Event]:
    """All events of a world, in time order, with one fault; see ``Faults`` for batches.

    >>> shift = Fault(kind="clock", from_ms=0, to_ms=9, offset_ms=1000)
    >>> [one.time for one in broken([Interaction(time=5, type="t", user="u", item="r")], shift)]
    [1005]
    """
    faults = Faults([fault], seed=seed)
    return [one for event in events for one in faults.broken([event])]


@lru_cache(maxsize=100_000)
def _bucket(seed: int, who: str) -> int:
    return bucket_of(f"fault:{seed}", who)
