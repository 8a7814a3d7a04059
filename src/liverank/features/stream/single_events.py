"""Turns single events into a stream for the fold kernels, for a server that follows the log.

Invariant: the stream equals that of the same events as a frame (``event_arrays.stream_of``), bit
for bit.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from liverank.events.event import (
    AutopilotStep,
    Edge,
    Event,
    ExperimentChange,
    Interaction,
    Item,
    Ranking,
    User,
)
from liverank.events.log import TailEvent
from liverank.features.hashing import hash_id
from liverank.features.layout.layout import Entity, Layout
from liverank.features.state.layout_arrays import relation_code
from liverank.features.stream.event_arrays import LARGEST, STATES, Stream, counted_types, field_bits
from liverank.features.stream.event_codes import (
    AUTOPILOT_EVENT,
    EDGE_EVENT,
    EXPERIMENT_EVENT,
    INTERACTION_EVENT,
    ITEM_EVENT,
    RANKING_EVENT,
    USER_EVENT,
)

_MOST_TEXTS = 1 << 16
"""Number of texts whose hashes are cached, some megabytes."""

_Row: TypeAlias = tuple[int, int, int, int, int, int, float, int]
"""An event's kind, state, user, item, type, also, value, relation."""


class EventStreams:
    """Makes streams of events from ``Log.read_tail``. One thread at a time.

    >>> from liverank.config import Config, Label
    >>> from liverank.events.schema.schema import Schema
    >>> from liverank.features.layout.derived_layout import layout_of
    >>> layout = layout_of(Schema(), Config(label=Label(interaction="join")))
    >>> streams = EventStreams(layout, max_future_ms=0.0)
    >>> streams.of([TailEvent(7, 1000, User(time=2000, user="u1"))]).at
    array([1000.])
    """

    def __init__(self, layout: Layout, *, max_future_ms: float) -> None:
        self._layout = layout
        self._max_future_ms = max_future_ms
        self._types = counted_types(layout)
        least = layout.label_min_value
        self._least = np.inf if least is None else least
        self._valued_type = -2 if least is None else layout.type_index(layout.label_interaction)
        self._success = -1 if least is None else layout.type_index(layout.label)
        self._hashes: dict[str, int] = {}

    def of(self, events: Sequence[TailEvent]) -> Stream:
        """The stream of some events, in their order."""
        if len(self._hashes) > _MOST_TEXTS:
            self._hashes.clear()
        at, clamped = self._times(events)
        rows: list[_Row] = []
        words: list[int] = []
        values: list[int] = []
        items: list[int] = []
        set_offsets, items_offsets = [0], [0]
        for _, _, event in events:
            rows.append(self._row(event))
            if not isinstance(event, Edge | ExperimentChange | AutopilotStep) and event.fields:
                field_bits(event.fields, _owner(event), self._layout, words, values)
            if isinstance(event, Ranking):
                items += map(self._hash, event.items)
            set_offsets.append(len(words))
            items_offsets.append(len(items))
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 8
        kind, state, user, item, type_, also, value, relation = columns
        return Stream(
            seq=np.array([one.seq for one in events], np.int64),
            kind=np.array(kind, np.int8),
            state=np.array(state, np.int8),
            at=np.array(at, np.float64),
            user=np.array(user, np.uint64),
            item=np.array(item, np.uint64),
            type=np.array(type_, np.int16),
            also=np.array(also, np.int16),
            value=np.array(value, np.float64),
            relation=np.array(relation, np.int64),
            set_offsets=np.array(set_offsets, np.int64),
            set_word=np.array(words, np.int32),
            set_value=np.array(values, np.uint64),
            items_offsets=np.array(items_offsets, np.int64),
            items=np.array(items, np.uint64),
            clamped=clamped,
        )

    def _times(self, events: Sequence[TailEvent]) -> tuple[list[float], int]:
        """The effective times of events, and how many clocks were clamped (``right_times``)."""
        at: list[float] = []
        clamped = 0
        for _, arrived_ms, event in events:
            time = float(event.at_ms)
            if time > float(arrived_ms) + self._max_future_ms:
                time = float(arrived_ms)
                clamped += 1
            at.append(time)
        return at, clamped

    def _row(self, event: Event) -> _Row:
        if isinstance(event, Interaction):
            return self._of_interaction(event)
        if isinstance(event, Ranking):
            return RANKING_EVENT, -1, self._hash(event.user), 0, -1, -1, np.nan, 0
        if isinstance(event, Item):
            state = STATES[event.state]
            return ITEM_EVENT, state, 0, self._hash(event.item), -1, -1, np.nan, 0
        if isinstance(event, User):
            return USER_EVENT, -1, self._hash(event.user), 0, -1, -1, np.nan, 0
        if isinstance(event, ExperimentChange):
            return EXPERIMENT_EVENT, -1, 0, 0, -1, -1, np.nan, 0
        if isinstance(event, AutopilotStep):
            return AUTOPILOT_EVENT, -1, 0, 0, -1, -1, np.nan, 0
        user, target = self._hash(event.user), self._hash(event.target)
        relation = relation_code(event.relation)
        return EDGE_EVENT, int(event.active), user, target, -1, -1, np.nan, relation

    def _of_interaction(self, event: Interaction) -> _Row:
        type_ = self._types.get(event.type, -1)
        also, value = -1, event.value
        if value is None:
            value = np.nan
        else:
            if type_ == self._valued_type and value >= self._least:
                also = self._success
            if abs(value) > LARGEST:
                value = np.nan
        user, item = self._hash(event.user), self._hash(event.item)
        return INTERACTION_EVENT, -1, user, item, type_, also, value, 0

    def _hash(self, text: str) -> int:
        found = self._hashes.get(text)
        if found is None:
            found = self._hashes[text] = hash_id(text)
        return found


def _owner(event: Item | User | Ranking | Interaction) -> Entity:
    """The entity that the fields of an event belong to."""
    if isinstance(event, Item):
        return "item"
    return "user" if isinstance(event, User) else "request"
