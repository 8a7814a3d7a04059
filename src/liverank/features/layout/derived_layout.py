"""``layout_of`` derives the layout of feature state from the schema and the config.

Invariant: equal schemas and configs give equal layouts.
"""

import msgspec

from liverank.config import Config, FieldType
from liverank.errors import ConfigError
from liverank.events.schema.schema import Schema
from liverank.features.layout.layout import (
    FIXED_WORDS,
    IDLE_HALF_LIVES,
    MAX_TABLES,
    MAX_TYPES,
    MIN_IDLE_MS,
    NEVER_MS,
    Entity,
    Field,
    Layout,
)
from liverank.features.layout.scope_rules import scopes_of
from liverank.quantities import duration_ms


def layout_of(schema: Schema, config: Config) -> Layout:
    r"""Derive the layout from the schema of the events and the config.

    Raises ConfigError where the fields need more than MAX_TABLES tables.

    >>> from liverank.config import parse_config
    >>> schema = Schema(items={"host": "key"}, interactions=("join",), positive=("join",))
    >>> layout = layout_of(schema, parse_config('[label]\ninteraction = "join"'))
    >>> [scope.name for scope in layout.scopes if not scope.is_pair]
    ['all', 'user', 'item', 'host', 'next_item']
    >>> [scope.name for scope in layout.scopes if scope.is_pair]
    ['user_lately', 'user_item', 'user_host']
    """
    impression: str | None = None
    if schema.impressions_known:
        by_events = schema.impressions_from == "interaction"
        impression = config.impressions.interaction if by_events else "impression"
    label = config.label.interaction
    if config.label.min_value is not None:
        label = f"long_{label}"
    presence = config.presence
    moves = [name for name in (presence.enter, presence.leave) if name in schema.interactions]
    shown = [] if impression is None else [impression]
    named = [*shown, label, config.label.interaction, *moves, *schema.interactions]
    types = tuple(dict.fromkeys(named))[:MAX_TYPES]
    layout = Layout(
        types=types,
        impression=impression,
        impressions_from_rankings=schema.impressions_from == "ranking",
        label=label,
        label_interaction=config.label.interaction,
        label_min_value=config.label.min_value,
        positive=tuple(
            name
            for name in types
            if name in schema.positive or name in (label, config.label.interaction)
        ),
        valued=tuple(name for name in types if name in schema.valued),
        half_lives=tuple(sorted(config.features.half_lives, key=duration_ms)),
        fields=_fields_of(schema),
        scopes=(),
        enter=presence.enter if presence.enter in types else None,
        leave=presence.leave if presence.leave in types else None,
        present_ms=presence.expire_after_ms,
        follow=presence.follow if presence.follow in schema.relations else None,
        history=config.features.history,
        memory_bytes=config.features.memory_bytes,
        idle_ms=_idle_ms(config.features.half_lives),
    )
    scopes = scopes_of(layout, asked=bool(config.features.on))
    tables = sum(not scope.is_pair for scope in scopes)
    if tables > MAX_TABLES:
        raise ConfigError(
            f"items and users have fields for {tables} tables of counters; at most {MAX_TABLES} "
            'are kept: declare fields with few facts as "number", or send fewer'
        )
    return msgspec.structs.replace(layout, scopes=scopes)


def _idle_ms(half_lives: tuple[str, ...]) -> float:
    finite = [duration_ms(text) for text in half_lives if text != "forever"]
    return max(IDLE_HALF_LIVES * max(finite), MIN_IDLE_MS) if finite else NEVER_MS


def _fields_of(schema: Schema) -> tuple[Field, ...]:
    fields: list[Field] = []
    declared: tuple[tuple[Entity, dict[str, FieldType]], ...] = (
        ("user", schema.users),
        ("item", schema.items),
        ("request", schema.requests),
    )
    for entity, types in declared:
        offset = FIXED_WORDS[entity]
        for name, kind in types.items():
            if kind == "text" and entity != "item":
                continue
            field = Field(entity, name, kind, offset)
            fields.append(field)
            offset += field.width
    return tuple(fields)
