"""Feature state as its plain, slow definition: lists of all that ever happened.

Nothing decays here when it is written, and nothing is hashed. A count at a time is the sum of
``2 ** -(age / half-life)`` over every event, one by one.
"""

from collections import defaultdict
from itertools import product

from liverank.events.event import Event, Interaction, Item, Ranking, User
from liverank.features.layout import Layout, Scope
from liverank.quantities import duration_ms

LONGEST_LIST = 8
REMEMBERED = 8
NEXT_ITEM = "next_item"


class PlainState:
    """What ``liverank.features.state.State`` stands for."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.values = {"user": defaultdict(dict), "item": defaultdict(dict)}
        self.first_seen = {"user": {}, "item": {}}
        self.started = {}
        self.happened = defaultdict(list)
        """Times of events by (scope, key, interaction type)."""
        self.recent = defaultdict(list)
        """[item, time] pairs that a person engaged with, by user: the latest of eight items."""

    def fold(self, event: Event) -> None:
        layout, at = self.layout, event.at_ms
        if isinstance(event, Item):
            self._see("item", event.item, at)
            self._set("item", event.item, event.fields)
            if event.state == "started":
                self.started[event.item] = max(at, self.started.get(event.item, at))
        elif isinstance(event, User):
            self._see("user", event.user, at)
            self._set("user", event.user, event.fields)
        elif isinstance(event, Ranking):
            if layout.impressions_from_rankings and layout.impression is not None:
                for item in event.items:
                    self._count(event.user, item, layout.impression, at)
        elif isinstance(event, Interaction):
            if event.type in self._types_sent():
                self._count(event.user, event.item, event.type, at)
            if (
                layout.label_min_value is not None
                and event.type == layout.label_interaction
                and event.value is not None
                and event.value >= layout.label_min_value
            ):
                self._count(event.user, event.item, layout.label, at)

    def count(self, scope: str, key: tuple, type_: str, half_life: str, at: float) -> float:
        times = self.happened.get((scope, key, type_), [])
        if not times:
            return 0.0
        now = max(at, *times)  # a clock that runs behind its own events stands still
        return sum(0.5 ** ((now - time) / duration_ms(half_life)) for time in times)

    def keys(self, scope: Scope, user: str, item: str) -> list[tuple]:
        """The rows of a scope that a user and an item have; none where a part is unknown."""
        parts = []
        for part in scope.parts:
            if part in ("user", "item"):
                parts.append([{"user": user, "item": item}[part]])
            else:
                entity, name = part.split(".", 1)
                known = self.value(entity, {"user": user, "item": item}[entity], name)
                parts.append(known if isinstance(known, list) else [] if known is None else [known])
        return list(product(*parts))

    def value(self, entity: str, id_: str, name: str):
        """What a field says, or None."""
        return read_value(self.layout.field(entity, name).type, self.values[entity][id_].get(name))

    def recent_items(self, user: str) -> list[str]:
        """The items a person engaged with, the latest first."""
        return [item for item, _ in sorted(self.recent[user], key=lambda pair: -pair[1])]

    def _types_sent(self) -> set[str]:
        layout = self.layout
        made = {layout.label} - {layout.label_interaction}
        if layout.impressions_from_rankings:
            made.add(layout.impression)
        return set(layout.types) - made

    def _see(self, entity: str, id_: str, at: float) -> None:
        seen = self.first_seen[entity]
        seen[id_] = min(at, seen.get(id_, at))

    def _set(self, entity: str, id_: str, fields: dict) -> None:
        self.values[entity][id_].update(fields)

    def _count(self, user: str, item: str, type_: str, at: float) -> None:
        self._see("user", user, at)
        self._see("item", item, at)
        for scope in self.layout.scopes:
            if scope.name != NEXT_ITEM:
                for key in self.keys(scope, user, item):
                    self.happened[scope.name, key, type_].append(at)
        if type_ in self.layout.positive:
            self._go_on(user, item, type_, at)

    def _go_on(self, user: str, item: str, type_: str, at: float) -> None:
        ring = self.recent[user]
        for other, when in ring:
            if other != item:
                pair = (other, item) if when <= at else (item, other)
                self.happened[NEXT_ITEM, pair, type_].append(max(at, when))
        same = [pair for pair in ring if pair[0] == item]
        if same:
            same[0][1] = max(at, same[0][1])
        elif len(ring) < REMEMBERED:
            ring.append([item, at])
        else:
            oldest = min(ring, key=lambda pair: pair[1])
            if oldest[1] < at:
                oldest[:] = [item, at]


def read_value(type_: str, value):
    """A field's value in its type: a text, a list of distinct texts, a number, or None."""
    if type_ == "keys":
        given = value if isinstance(value, list) else [] if value is None else [value]
        return list(dict.fromkeys(spelled(element) for element in given))[:LONGEST_LIST]
    if value is None or isinstance(value, list):
        return None
    return spelled(value) if type_ in ("category", "key") else float(value)


def spelled(value) -> str:
    """Ids that are texts, numbers or truths: 3 and 3.0 are one."""
    if value is True or value is False:
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
