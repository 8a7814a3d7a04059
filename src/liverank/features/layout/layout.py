"""What feature state holds: the fields of its entities and the scopes that it counts in.

A scope is a tuple of entities, e.g. (item.host) or (user, item.host). A table scope has a row for
each combination that was ever seen: for each interaction type the time of the last one and a
decayed count for each half-life that features read. A pair scope, of a person and something, has no
rows in state: a read makes them from the person's history. The layout fixes every offset.
Invariant: two equal layouts fold the same events to the same words.
"""

from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from liverank.config import FieldType
from liverank.features.layout.constants import (
    ENTITY_ITEM,
    ENTITY_REQUEST,
    ENTITY_USER,
    ITEM_WORDS,
    LATEST_FIELDS,
    LIFE_WORDS,
    MAX_ELEMENTS,
    ROW_WORDS,
    USER_WORDS,
)

MAX_TYPES = 16
"""Interaction types that have counters."""
MAX_TABLES = 112
"""Scopes with tables: each has a free list in the store's header."""
MAX_PAIR_TYPES = 5
"""Interaction types that pairs of a person and something count."""
USER_RECENT = "user_lately"
"""Name of the scope of all recent interactions of a person, counted by short half-lives."""
NEXT_ITEM = "next_item"
"""Name of the scope of (earlier item, later item): which item people engage with next."""
IDLE_HALF_LIVES, MIN_IDLE_MS = 10.0, 140 * 86_400_000.0
"""A row is swept once nothing touched it for ten of the longest finite half-lives, and for at least
this long: rows of people and items also hold what does not decay."""
NEVER_MS = 1e18
"""Stands for never in a time to wait: it can be written as JSON, and infinity cannot."""

Entity: TypeAlias = Literal["user", "item", "request"]
ENTITY_CODES: dict[str, int] = {
    "user": ENTITY_USER,
    "item": ENTITY_ITEM,
    "request": ENTITY_REQUEST,
}
FIXED_WORDS: dict[str, int] = {"user": USER_WORDS, "item": ITEM_WORDS, "request": 0}


class Field(msgspec.Struct, frozen=True):
    """A field of an entity that features can read.

    ``offset`` is its first word in the entity's row (of a request: in the request's words). A
    ``keys`` or ``text`` field takes 1 + MAX_ELEMENTS words: the count and the hashed elements. Of
    users and items the word after them is its ``stamp``.
    """

    entity: Entity
    name: str
    type: FieldType
    offset: int

    @property
    def words(self) -> int:
        """Words of its value."""
        return 1 + MAX_ELEMENTS if self.is_list else 1

    @property
    def stamp(self) -> int:
        """The word that holds the time of the event that set it, Unix ms; NaN while none did."""
        return self.offset + self.words

    @property
    def width(self) -> int:
        """Words that it takes in a row: its value's, and the stamp, which requests do without."""
        return self.words if self.entity == "request" else self.words + 1

    @property
    def is_list(self) -> bool:
        """Whether it holds several hashes: elements, or the words of a text."""
        return self.type in ("keys", "text")

    @property
    def is_hashed(self) -> bool:
        """Whether its words are hashes of ids rather than numbers."""
        return self.type in ("category", "key", "keys", "text")


class Counter(msgspec.Struct, frozen=True):
    """An interaction type that a scope counts, by the half-lives that features read.

    ``totals`` are those of them over which the values are added up as well.
    """

    type: str
    half_lives: tuple[str, ...]
    totals: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """Words that it takes in a row: the time of the last one, its counts, its sums."""
        return 1 + len(self.half_lives) + len(self.totals)


class Scope(msgspec.Struct, frozen=True):
    """A table of decayed counters, or a pair of a person and something, by what it is keyed.

    ``parts`` are ``user``, ``item`` or ``item.host``-like names of fields; ``base`` is the first
    counter's word in a row.
    """

    name: str
    parts: tuple[str, ...]
    counters: tuple[Counter, ...]
    base: int = ROW_WORDS
    is_list: bool = False
    """One part is a list field, so that an item has a row for each of its elements."""

    @property
    def types(self) -> tuple[str, ...]:
        """The interaction types that it counts."""
        return tuple(counter.type for counter in self.counters)

    def half_lives(self, type_: str) -> tuple[str, ...]:
        """The half-lives it counts a type by, the shortest first; empty if it does not count it."""
        return self._counter(type_).half_lives

    def totals(self, type_: str) -> tuple[str, ...]:
        """The half-lives by which it adds up a type's values; empty where it does not."""
        return self._counter(type_).totals

    @property
    def is_pair(self) -> bool:
        """Whether it has no rows in state and is made from a person's history."""
        return len(self.parts) == 2 and self.parts[0] == "user"

    @property
    def width(self) -> int:
        """Words of a row."""
        return self.base + sum(counter.words for counter in self.counters)

    def block(self, type_: str) -> int:
        """The word of a row that holds the time of the type's last interaction; then its counts.

        Raises ValueError for a type that the scope does not count.
        """
        index = self.types.index(type_)
        return self.base + sum(counter.words for counter in self.counters[:index])

    def count(self, type_: str, half_life: str) -> int:
        """The word that holds the type's decayed count. Raises ValueError as ``block`` does."""
        return self.block(type_) + 1 + self.half_lives(type_).index(half_life)

    def total(self, type_: str, half_life: str) -> int:
        """The word that holds the decayed sum of a valued type's values. Raises ValueError."""
        counter = self._counter(type_)
        return self.block(type_) + 1 + len(counter.half_lives) + counter.totals.index(half_life)

    def _counter(self, type_: str) -> Counter:
        for counter in self.counters:
            if counter.type == type_:
                return counter
        return Counter(type_, ())


class Layout(msgspec.Struct, frozen=True, dict=True):
    """The layout of feature state."""

    types: tuple[str, ...]
    """Interaction types with counters; ``impression`` is one of them if people's are known."""
    impression: str | None
    """The type that means that a person saw an item; rates divide by it."""
    impressions_from_rankings: bool
    label: str
    """The type that makes an impression a success."""
    label_interaction: str
    label_min_value: float | None
    """Where given, ``label`` counts the ``label_interaction`` events of at least this value."""
    positive: tuple[str, ...]
    """Types that mean that a person liked an item."""
    valued: tuple[str, ...]
    """Types whose values are added up."""
    half_lives: tuple[str, ...]
    """The half-lives of counters, the shortest first; each scope counts by some of them."""
    fields: tuple[Field, ...]
    scopes: tuple[Scope, ...]
    """Tables first, of which ``next_item`` is the last; then the pairs."""
    enter: str | None
    """The type with which a person enters an item, or None where nobody is ever present."""
    leave: str | None
    present_ms: float
    """How long a person who entered an item counts as present without leaving it."""
    follow: str | None
    """The relation of edges that means following, or None where there is none."""
    history: int
    """Impressions that a person's history holds at most, and as many other interactions."""
    memory_bytes: int
    """Memory that a state of this layout may take."""
    idle_ms: float
    """How long a row may lie untouched before it is swept; NEVER_MS if nothing decays."""

    def field(self, entity: Entity, name: str) -> Field | None:
        """The field of that entity and name, or None."""
        return self._fields.get((entity, name))

    def scope(self, name: str) -> Scope:
        """The scope of that name; raises KeyError where there is none."""
        return self._scopes[name]

    def scope_of(self, *parts: str) -> Scope:
        """The scope that is keyed by these parts; raises KeyError where none is."""
        for scope in self.scopes:
            if scope.parts == parts:
                return scope
        raise KeyError(parts)

    def type_index(self, name: str) -> int:
        """The index of an interaction type; raises ValueError for one without counters."""
        return self.types.index(name)

    def scope_index(self, scope: Scope) -> int:
        """The index of a scope."""
        return self.scopes.index(scope)

    def entity_words(self, entity: Entity) -> int:
        """Words of an entity's row before its counters; of a request, all of them."""
        fields = [field for field in self.fields if field.entity == entity]
        return max(FIXED_WORDS[entity] + sum(field.width for field in fields), 1)

    @cached_property
    def host(self) -> Field | None:
        """The field whose items' lives are kept: the first ``key`` of an item, e.g. its host."""
        for field in self.fields:
            if field.entity == "item" and field.type == "key":
                return field
        return None

    @cached_property
    def latest_fields(self) -> tuple[tuple[Field, int], ...]:
        """Fields of a host's latest item that the host's row keeps, and the word of each there.

        None where nobody follows anybody, where items have no host, and in the layout of a bundle
        from before such fields were kept: its rows of hosts have no words for them.
        """
        if self.follow is None or self.host is None:
            return ()
        if self.scopes and self.scope_of(f"item.{self.host.name}").base == LIFE_WORDS:
            return ()
        kept, word = [], LATEST_FIELDS
        for field in self.fields:
            if field.entity == "item" and field.type in ("category", "keys"):
                kept.append((field, word))
                word += field.words
        return tuple(kept)

    @property
    def host_base(self) -> int:
        """Words of a host's row before its counters."""
        if not self.latest_fields:
            return LIFE_WORDS
        field, word = self.latest_fields[-1]
        return word + field.words

    @cached_property
    def _fields(self) -> dict[tuple[str, str], Field]:
        return {(field.entity, field.name): field for field in self.fields}

    @cached_property
    def _scopes(self) -> dict[str, Scope]:
        return {scope.name: scope for scope in self.scopes}
