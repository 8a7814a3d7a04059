"""What feature state holds: the fields of its entities and the scopes that it counts in.

A scope is a tuple of entities, e.g. (user, item.host); its table has a row for each combination
that was ever seen, and a row has, for each interaction type, the time of the last one and a
decayed count for each half-life. The layout is derived from the schema and fixes every offset.
Invariant: two equal layouts read the same words of the same state alike.
"""

from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from liverank.config import Config, FieldType, duration_ms
from liverank.events.schema import Schema

MAX_ELEMENTS = 8
"""Distinct elements of a list field that count; the rest of a longer list is left out."""
MAX_TYPES = 16
"""Interaction types that have counters."""
RECENT_ITEMS = MAX_ELEMENTS
"""Items that a person's row remembers having engaged with."""
NEXT_ITEM = "next_item"
"""The scope of (item engaged with before, item): what people go on to."""
MIN_PAIR_HALF_LIFE_MS = 86_400_000.0
"""Pairs of user and something get no shorter half-life: they are too sparse for it."""
MIN_NEXT_HALF_LIFE_MS = 3_600_000.0
"""The same for what people go on to."""

# Offsets in an entity's row; the fields come after them.
FIRST_SEEN, STARTED, ENDED, FIXED_WORDS = 0, 1, 2, 3

Entity: TypeAlias = Literal["user", "item", "request"]
USER, ITEM, REQUEST = 0, 1, 2
ENTITY_CODES: dict[str, int] = {"user": USER, "item": ITEM, "request": REQUEST}

# How a part of a scope's key is found.
NO_PART, PART_USER, PART_ITEM, PART_FIELD, PART_LIST = 0, 1, 2, 3, 4


class Field(msgspec.Struct, frozen=True):
    """A field of an entity that features can read.

    ``offset`` is its first word in the entity's row (of a request: in the request's words). A
    ``keys`` field takes 1 + MAX_ELEMENTS words: the count and the hashed elements.
    """

    entity: Entity
    name: str
    type: FieldType
    offset: int

    @property
    def words(self) -> int:
        """Words that it takes."""
        return 1 + MAX_ELEMENTS if self.type == "keys" else 1

    @property
    def is_hashed(self) -> bool:
        """Whether its words are hashes of ids rather than numbers."""
        return self.type in ("category", "key", "keys")


class Scope(msgspec.Struct, frozen=True):
    """A table of decayed counters, keyed by a tuple of entities.

    ``parts`` are ``user``, ``item`` or ``item.host``-like names of fields.
    """

    name: str
    parts: tuple[str, ...]
    half_lives: tuple[str, ...]
    is_list: bool = False
    """One part is a ``keys`` field, so that an item has a row for each of its elements."""

    @property
    def block_words(self) -> int:
        """Words for one interaction type: the time of the last one, then the counts."""
        return 1 + len(self.half_lives)


class Layout(msgspec.Struct, frozen=True, dict=True):
    """The layout of feature state."""

    types: tuple[str, ...]
    """Interaction types with counters; ``impression`` is one of them if people's are known."""
    impression: str | None
    """The type that stands for "was seen"; rates divide by it."""
    impressions_from_rankings: bool
    label: str
    """The type that makes an impression a success."""
    label_interaction: str
    label_min_value: float | None
    """Where given, ``label`` counts the ``label_interaction`` events of at least this value."""
    positive: tuple[str, ...]
    """Types that say a person liked an item."""
    fields: tuple[Field, ...]
    scopes: tuple[Scope, ...]
    entity_words: tuple[int, int, int]
    """Words of a row of a user, an item, a request."""

    def field(self, entity: Entity, name: str) -> Field | None:
        """The field of that entity and name, or None."""
        return self._fields.get((entity, name))

    def scope(self, name: str) -> Scope | None:
        """The scope of that name, or None."""
        return self._scopes.get(name)

    def scope_of(self, *parts: str) -> Scope:
        """The scope that is keyed by these parts; raises KeyError where none is."""
        for scope in self.scopes:
            if scope.parts == parts:
                return scope
        raise KeyError(parts)

    def type_index(self, name: str) -> int:
        """The place of an interaction type; raises ValueError for one without counters."""
        return self.types.index(name)

    def scope_index(self, scope: Scope) -> int:
        """The place of a scope."""
        return self.scopes.index(scope)

    @cached_property
    def _fields(self) -> dict[tuple[str, str], Field]:
        return {(field.entity, field.name): field for field in self.fields}

    @cached_property
    def _scopes(self) -> dict[str, Scope]:
        return {scope.name: scope for scope in self.scopes}


def layout_of(schema: Schema, config: Config) -> Layout:
    """Derive the layout from the schema of the events and the config."""
    impression: str | None
    if schema.impressions_from == "interaction":
        impression = config.impressions.interaction
    else:
        impression = "impression"
    label = config.label.interaction
    if config.label.min_value is not None:
        label = f"long_{label}"
    types = _distinct([impression, label, config.label.interaction, *schema.interactions])
    fields, entity_words = _place_fields(schema)
    return Layout(
        types=types[:MAX_TYPES],
        impression=impression if schema.impressions_known else None,
        impressions_from_rankings=schema.impressions_from == "ranking",
        label=label,
        label_interaction=config.label.interaction,
        label_min_value=config.label.min_value,
        positive=tuple(
            name
            for name in types[:MAX_TYPES]
            if name in schema.positive or name in (label, config.label.interaction)
        ),
        fields=fields,
        scopes=_scopes(fields, config.features.half_lives),
        entity_words=entity_words,
    )


def pair_name(user_entity: str, item_entity: str) -> str:
    """The name of the scope of a pair: ``user_item``, ``user_host``, ``country_item``."""
    return f"{user_entity}_{item_entity}"


def _distinct(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _place_fields(schema: Schema) -> tuple[tuple[Field, ...], tuple[int, int, int]]:
    fields: list[Field] = []
    words = []
    for entity, declared in (
        ("user", schema.users),
        ("item", schema.items),
        ("request", schema.requests),
    ):
        offset = 0 if entity == "request" else FIXED_WORDS
        for name, kind in declared.items():
            if kind == "text":
                continue
            field = Field(entity, name, kind, offset)  # type: ignore[arg-type]
            fields.append(field)
            offset += field.words
        if entity == "user":
            offset += 2 * RECENT_ITEMS
        words.append(max(offset, 1))
    return tuple(fields), (words[0], words[1], words[2])


def _scopes(fields: tuple[Field, ...], half_lives: tuple[str, ...]) -> tuple[Scope, ...]:
    lasting = _at_least(half_lives, MIN_PAIR_HALF_LIFE_MS)
    item_fields = [field for field in fields if field.entity == "item" and field.is_hashed]
    scopes = [
        Scope("all", (), half_lives),
        Scope("user", ("user",), half_lives),
        Scope("item", ("item",), half_lives),
        *(
            Scope(field.name, (f"item.{field.name}",), half_lives, field.type == "keys")
            for field in item_fields
        ),
        Scope("user_item", ("user", "item"), lasting),
        *(
            Scope(
                pair_name("user", field.name),
                ("user", f"item.{field.name}"),
                lasting,
                field.type == "keys",
            )
            for field in item_fields
        ),
        *(
            Scope(pair_name(field.name, "item"), (f"user.{field.name}", "item"), half_lives)
            for field in fields
            if field.entity == "user" and field.type == "category"
        ),
        Scope(
            NEXT_ITEM,
            ("item", "item"),
            _at_least(half_lives, MIN_NEXT_HALF_LIFE_MS),
            is_list=True,
        ),
    ]
    return _with_distinct_names(scopes)


def _at_least(half_lives: tuple[str, ...], least_ms: float) -> tuple[str, ...]:
    """The half-lives of so many milliseconds or more; the longest, if all are shorter."""
    lasting = tuple(text for text in half_lives if duration_ms(text) >= least_ms)
    return lasting or (max(half_lives, key=duration_ms),)


def _with_distinct_names(scopes: list[Scope]) -> tuple[Scope, ...]:
    """A field called ``user`` or ``next_item`` must not hide a scope of ours."""
    ours = {scope.name for scope in scopes if not _has_field(scope)}
    taken: dict[str, Scope] = {}
    for scope in scopes:
        name = scope.name
        while name in taken or (name in ours and _has_field(scope)):
            name += "_field"
        taken[name] = msgspec.structs.replace(scope, name=name)
    return tuple(taken.values())


def _has_field(scope: Scope) -> bool:
    return any("." in part for part in scope.parts)
