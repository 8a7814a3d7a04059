"""Feature state as its plain, slow definition: lists of all that ever happened.

Nothing decays here when it is written, nothing is packed, and what a page of the docs calls a sum
over events is a sum over events.
"""

import math
from collections import defaultdict
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from liverank.events.event import Edge, Event, Interaction, Item, Ranking, User
from liverank.features.hashing import hash_id
from liverank.features.kernels.memory.index import row_key
from liverank.features.layout.layout import Layout, Scope
from liverank.features.stream.tokens import words_of
from liverank.quantities import duration_ms

LONGEST_LIST = 8
LATEST_ITEMS = 8
DAY_MS = 86_400_000
MOST_EDGES = 2_000
SPANS = 7
"""Spans of time that an audience expires after; one more is remembered."""


class Happening(NamedTuple):
    """An interaction, as it counts in a row."""

    type: str
    at: float
    value: float | None


class Remembered(NamedTuple):
    """An interaction in a person's history; they compare by what is later."""

    at: float
    type_place: int
    value_bits: int
    item_hash: int
    type: str
    value: float | None
    item: str


class PlainState:
    """What ``liverank.features.state.state.State`` stands for."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.values = {"user": defaultdict(dict), "item": defaultdict(dict)}
        """What fields say, by (entity, id): by name (when it was so, value)."""
        self.known_since = {}
        """When items were first heard of."""
        self.states = defaultdict(lambda: defaultdict(list))
        """Times of an item's starts, ends, ... by (item, state)."""
        self.rows = defaultdict(list)
        """What happened, by (scope, key)."""
        self.seen = defaultdict(list)
        self.done = defaultdict(list)
        """A person's impressions, and other interactions, that are remembered."""
        self.edges = defaultdict(dict)
        """Of a user: (time, is over, relation, target) by (relation, target)."""
        self.whereabouts = {}
        """The (item, coming) of each person who is somewhere."""
        self.comings = defaultdict(set)
        """Spans in which anybody was found to have come to an item."""
        self.peaks = defaultdict(float)
        self.latest_of_host = {}
        """Of a host: (start, settles ties, what fields said) of the item that started last."""

    def fold(self, event: Event) -> None:
        layout, at = self.layout, event.at_ms
        if isinstance(event, Item):
            self._hear_of(event.item, at)
            self._learn("item", event.item, event)
            self.states[event.item][event.state].append(at)
            self._keep_latest(event.item)
        elif isinstance(event, User):
            self._learn("user", event.user, event)
        elif isinstance(event, Edge):
            self._tell_edge(event)
        elif isinstance(event, Ranking):
            if layout.impressions_from_rankings and layout.impression is not None:
                for item in event.items:
                    self._happen(event.user, item, Happening(layout.impression, at, None))
        elif isinstance(event, Interaction) and event.type in self._types_sent():
            self._happen(event.user, event.item, Happening(event.type, at, event.value))
            if self._is_long(event):
                self._happen(event.user, event.item, Happening(layout.label, at, event.value))

    def keys(self, scope: Scope, user: str, item: str) -> list[tuple]:
        """The rows of a scope that a user and an item have; none where a part is unknown."""
        return list(product(*(self._part(part, user, item) for part in scope.parts)))

    def count(self, scope_name: str, key: tuple, type_: str, half_life: str, at: float) -> float:
        """Decayed count of a type in a row, or of a pair in the person's history."""
        counted = [entry for entry in self.entries(scope_name, key) if entry.type == type_]
        return sum(self._weights(scope_name, key, counted, half_life, at))

    def total(self, scope_name: str, key: tuple, type_: str, half_life: str, at: float) -> float:
        """Decayed sum of what a type's interactions carry."""
        counted = [
            entry
            for entry in self.entries(scope_name, key)
            if entry.type == type_ and entry.value is not None
        ]
        weights = self._weights(scope_name, key, counted, half_life, at)
        return sum(weight * entry.value for weight, entry in zip(weights, counted, strict=True))

    def entries(self, scope_name: str, key: tuple) -> list:
        """All that happened in a row; of a pair, what the history holds, in order of time."""
        scope = self.layout.scope(scope_name)
        if not scope.is_pair:
            return self.rows[scope_name, key]
        user, part = key
        return [entry for entry in self.history(user) if part in self._parts_now(scope, entry.item)]

    def history(self, user: str) -> list[Remembered]:
        """What is remembered of a person, in order of time; an impression comes first."""
        return sorted(self.seen[user] + self.done[user])

    def latest_successes(self, user: str) -> list[Remembered]:
        """The latest success of each of the eight items that a person had them with last."""
        latest = {}
        for entry in sorted(self.done[user] + self.seen[user]):
            if entry.type == self.layout.label:
                latest[entry.item] = entry
        return sorted(latest.values(), reverse=True)[:LATEST_ITEMS]

    def value(self, entity: str, id_: str, name: str):
        """What a field says, or None."""
        _, said = self.values[entity][id_].get(name, (None, None))
        return read_value(self.layout.field(entity, name).type, said)

    def audience(self, item: str, at: float) -> int:
        """People in an item who came lately enough, by spans of a seventh of that time."""
        spans = [
            self._span(came)
            for where, came in self.whereabouts.values()
            if where == item and self._span(came) > self._span(at - self.layout.present_ms)
        ]
        return sum(
            not any(
                later > span and (later - span) % (SPANS + 1) == 0 for later in self.comings[item]
            )
            for span in spans
        )

    def followed(self, user: str) -> set[str]:
        """All that a person follows."""
        return {
            target
            for (relation, target), (_, is_over, *_) in self.edges[user].items()
            if relation == self.layout.follow and not is_over
        }

    def life_s(self, item: str) -> float | None:
        """How long an item lived from its latest start to its latest end."""
        states = self.states.get(item, {})
        if not states.get("started") or not states.get("ended"):
            return None
        life_ms = max(states["ended"]) - max(states["started"])
        return life_ms / 1000 if life_ms >= 0 else None

    def _part(self, part: str, user: str, item: str) -> list:
        if part == "all":
            return ["all"]
        if part in ("user", "item"):
            return [{"user": user, "item": item}[part]]
        entity, name = part.split(".", 1)
        known = self.value(entity, {"user": user, "item": item}[entity], name)
        return known if isinstance(known, list) else [] if known is None else [known]

    def _parts_now(self, scope: Scope, item: str) -> list:
        return self._part(scope.parts[1], "", item)

    def _weights(self, scope_name: str, key: tuple, counted, half_life: str, at: float) -> list:
        if self.layout.scope(scope_name).is_pair:
            ages = [max(at - entry.at, 0.0) for entry in counted]
        else:  # a clock that runs behind the row's events stands still
            now = max([at, *(entry.at for entry in self.rows[scope_name, key])])
            ages = [now - entry.at for entry in counted]
        return [0.5 ** (age / duration_ms(half_life)) for age in ages]

    def _types_sent(self) -> set[str]:
        layout = self.layout
        made = {layout.label} - {layout.label_interaction}
        if layout.impressions_from_rankings:
            made.add(layout.impression)
        return set(layout.types) - made

    def _is_long(self, event: Interaction) -> bool:
        least = self.layout.label_min_value
        is_label = event.type == self.layout.label_interaction
        return least is not None and is_label and event.value is not None and event.value >= least

    def _learn(self, entity: str, id_: str, event: Item | User) -> None:
        """Each field is what the latest event said; of equal times, the one that came last."""
        known = self.values[entity][id_]
        for name, value in event.fields.items():
            if name not in known or event.at_ms >= known[name][0]:
                known[name] = (event.at_ms, value)

    def _hear_of(self, item: str, at: float) -> None:
        self.known_since[item] = min(at, self.known_since.get(item, at))

    def _keep_latest(self, item: str) -> None:
        host = self.layout.host and self.value("item", item, self.layout.host.name)
        started = max(self.states[item]["started"], default=None)
        if host is None or started is None or not self.layout.latest_fields:
            return
        item_scope = self.layout.scope_index(self.layout.scope("item"))
        order = started, hash_of_item(item_scope, item)
        if order >= self.latest_of_host.get(host, order)[:2]:
            said = {
                field.name: self.value("item", item, field.name)
                for field, _ in self.layout.latest_fields
            }
            self.latest_of_host[host] = *order, said

    def _happen(self, user: str, item: str, happening: Happening) -> None:
        self._hear_of(item, happening.at)
        for scope in self.layout.scopes:
            if happening.type in scope.types and not scope.is_pair and scope.name != "next_item":
                for key in self.keys(scope, user, item):
                    self.rows[scope.name, key].append(happening)
        if happening.type == self.layout.label:
            self._go_on(user, item, happening.at)
        self._remember(user, item, happening)
        if happening.type in (self.layout.enter, self.layout.leave):
            self._move(user, happening.at)

    def _go_on(self, user: str, item: str, at: float) -> None:
        for other in self.latest_successes(user):
            if other.item != item and abs(other.at - at) <= DAY_MS:
                pair = (other.item, item) if other.at <= at else (item, other.item)
                later = Happening(self.layout.label, max(at, other.at), None)
                self.rows["next_item", pair].append(later)

    def _remember(self, user: str, item: str, happening: Happening) -> None:
        layout = self.layout
        value = None if happening.value is None else shortened(happening.value)
        entry = Remembered(
            happening.at,
            layout.types.index(happening.type),
            value_bits(value),
            hash_of_item(layout.scope_index(layout.scope("item")), item),
            happening.type,
            value,
            item,
        )
        sort = self.seen if happening.type == layout.impression else self.done
        sort[user] = sorted([*sort[user], entry])[-layout.history :]

    def _move(self, user: str, at: float) -> None:
        """Settle where a person is by what is remembered of them now."""
        entered = [entry for entry in self.done[user] if entry.type == self.layout.enter]
        left = [entry for entry in self.done[user] if entry.type == self.layout.leave]
        last = max(entered, key=lambda entry: (entry.at, entry.item_hash), default=None)
        if last is None or any(e.item == last.item and e.at >= last.at for e in left):
            self.whereabouts.pop(user, None)
        elif self.whereabouts.get(user) != (last.item, last.at):
            self.whereabouts[user] = (last.item, last.at)
            self.comings[last.item].add(self._span(last.at))
            self.peaks[last.item] = max(self.peaks[last.item], self.audience(last.item, at))

    def _span(self, at: float) -> float:
        return at / (self.layout.present_ms / SPANS) // 1

    def _tell_edge(self, event: Edge) -> None:
        told = self.edges[event.user]
        name = (event.relation, event.target)
        edge = (event.at_ms, not event.active, *name)
        told[name] = max(edge, told.get(name, edge))
        if len(told) > MOST_EDGES:
            del told[min(told, key=told.__getitem__)]


def read_value(type_: str, value):
    """A field's value in its type: a text, a list of distinct texts, a number, or None."""
    if value is None:
        return None
    if type_ == "keys":
        given = value if isinstance(value, list) else [value]
        return list(dict.fromkeys(spelled(element) for element in given))[:LONGEST_LIST]
    if isinstance(value, list):
        return None
    if type_ == "text":
        return words_of(value, LONGEST_LIST)
    return spelled(value) if type_ in ("category", "key") else float(value)


def spelled(value) -> str:
    """Ids that are texts, numbers or truths: 3 and 3.0 are one."""
    if value is True or value is False:
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def shortened(value: float) -> float:
    """A value to eight significant bits, ties to even.

    >>> shortened(257.0), shortened(259.0), shortened(0.0)
    (256.0, 260.0, 0.0)
    """
    part, exponent = math.frexp(np.float32(value))
    return math.ldexp(round(part * 256), exponent - 8)


def value_bits(value: float | None) -> int:
    """What settles the order of two interactions of one type and millisecond."""
    return int(np.float32(math.nan if value is None else value).view(np.uint32)) >> 16


@lru_cache
def hash_of_item(item_scope: int, item: str) -> int:
    """What settles the order of two items: any order would do, as long as all agree on it."""
    return int(row_key(item_scope, np.uint64(hash_id(item)), np.uint64(1)))
