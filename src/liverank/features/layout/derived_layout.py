"""From the schema and the config to the layout: which fields, scopes and half-lives there are.

Invariant: equal schemas and configs give equal layouts.
"""

import msgspec

from liverank.config import Config, FieldType
from liverank.errors import ConfigError
from liverank.events.schema.schema import Schema
from liverank.features.layout.layout import (
    FIXED_WORDS,
    IDLE_HALF_LIVES,
    LIFE_WORDS,
    MAX_PAIR_TYPES,
    MAX_TABLES,
    MAX_TYPES,
    MIN_IDLE_MS,
    NEVER_MS,
    NEXT_ITEM,
    PAIR_WORDS,
    TABLE_WORDS,
    USER_LATELY,
    Counter,
    Entity,
    Field,
    Layout,
    Scope,
)
from liverank.quantities import duration_ms, nearest

HOUR_MS, DAY_MS = 3_600_000.0, 86_400_000.0
MIN_PAIR_HALF_LIFE_MS = DAY_MS
"""People, and pairs of them and something, get no shorter half-life: there are very many of them.
What a person did in the last minutes and hours is counted from their history (USER_LATELY)."""


def layout_of(schema: Schema, config: Config) -> Layout:
    r"""Derive the layout from the schema of the events and the config.

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
    types = _distinct([*shown, label, config.label.interaction, *moves, *schema.interactions])
    types = types[:MAX_TYPES]
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
        fields=_place_fields(schema),
        scopes=(),
        enter=presence.enter if presence.enter in types else None,
        leave=presence.leave if presence.leave in types else None,
        present_ms=presence.expire_after_ms,
        follow=presence.follow if presence.follow in schema.relations else None,
        history=config.features.history,
        memory_bytes=config.features.memory_bytes,
        idle_ms=_idle_ms(config.features.half_lives),
    )
    scopes = _with_distinct_names(_scopes(layout, asked=bool(config.features.on)))
    tables = sum(not scope.is_pair for scope in scopes)
    if tables > MAX_TABLES:
        raise ConfigError(
            f"items and users have fields for {tables} tables of counters; at most {MAX_TABLES} "
            'are kept: declare fields with few facts as "number", or send fewer'
        )
    return msgspec.structs.replace(layout, scopes=scopes)


def pair_name(user_entity: str, item_entity: str) -> str:
    """The name of the scope of a pair.

    >>> pair_name("user", "host"), pair_name("country", "item")
    ('user_host', 'country_item')
    """
    return f"{user_entity}_{item_entity}"


def _pair_types(layout: Layout) -> tuple[str, ...]:
    """The types that pairs of a person and something count."""
    first = [name for name in (layout.label, layout.impression) if name is not None]
    return _distinct([*first, *layout.positive])[:MAX_PAIR_TYPES]


def _idle_ms(half_lives: tuple[str, ...]) -> float:
    finite = [duration_ms(text) for text in half_lives if text != "forever"]
    return max(IDLE_HALF_LIVES * max(finite), MIN_IDLE_MS) if finite else NEVER_MS


def _distinct(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _place_fields(schema: Schema) -> tuple[Field, ...]:
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


def _scopes(layout: Layout, *, asked: bool) -> list[Scope]:
    """All scopes; where features were asked for, with all counters that some feature may read."""

    def counters(
        among: tuple[str, ...],
        usual: tuple[str, ...],
        *,
        others: tuple[str, ...] = (),
        types: tuple[str, ...] = layout.types,
        main: tuple[str | None, ...] = (layout.label, layout.impression),
    ) -> tuple[Counter, ...]:
        """Of some half-lives those by which default features read the main types, and others."""
        if asked:
            valued = [among if type_ in layout.valued else () for type_ in types]
            return tuple(map(Counter, types, [among] * len(types), valued))
        by = {type_: usual if type_ in main else others for type_ in types}
        return tuple(Counter(type_, lives) for type_, lives in by.items() if lives)

    lives = layout.half_lives
    lasting, hours = _at_least(lives, MIN_PAIR_HALF_LIFE_MS), _at_least(lives, HOUR_MS)
    within_a_day, short = _within_a_day(lives), _short(lives)
    item_fields = [field for field in layout.fields if field.entity == "item" and field.is_hashed]
    shown = tuple(name for name in (layout.label, layout.impression) if name is not None)
    a_day, of_person = nearest(lasting, "1d"), nearest(lasting, "1d", "14d", "forever")
    comings = (layout.label, layout.impression, layout.enter, layout.leave)
    return [
        Scope("all", (), counters(hours, nearest(hours, "14d")), base=LIFE_WORDS),
        Scope(
            "user",
            ("user",),
            counters(lasting, of_person, others=a_day),
            base=layout.entity_words("user"),
        ),
        Scope(
            "item",
            ("item",),
            counters(lives, lives, others=nearest(lives, "1d"), main=comings),
            base=layout.entity_words("item"),
        ),
        *(
            Scope(
                field.name,
                (f"item.{field.name}",),
                counters(hours, nearest(hours, "1d", "14d")),
                base=_base_of(field, layout),
                is_list=field.is_list,
            )
            for field in item_fields
            if field.type != "text"
        ),
        *(
            Scope(
                pair_name(field.name, "item"),
                (f"user.{field.name}", "item"),
                counters(within_a_day, nearest(within_a_day, "1d"), types=shown),
            )
            for field in layout.fields
            if field.entity == "user" and field.type == "category"
        ),
        Scope(NEXT_ITEM, ("item", "item"), (Counter(layout.label, within_a_day),)),
        Scope(USER_LATELY, ("user", "all"), counters(short, short, types=shown), base=PAIR_WORDS),
        Scope(
            "user_item",
            ("user", "item"),
            counters(lasting, of_person, others=a_day, types=_pair_types(layout)),
            base=PAIR_WORDS,
        ),
        *(
            Scope(
                pair_name("user", field.name),
                ("user", f"item.{field.name}"),
                counters(
                    lasting,
                    nearest(lasting, "14d"),
                    types=(layout.label,) if field.type == "text" else _pair_types(layout),
                ),
                base=PAIR_WORDS,
                is_list=field.is_list,
            )
            for field in item_fields
        ),
    ]


def _base_of(field: Field, layout: Layout) -> int:
    """Words of the row of a field's value before its counters."""
    if field == layout.host:
        return layout.host_base
    return LIFE_WORDS if field.type == "key" else TABLE_WORDS


def _at_least(half_lives: tuple[str, ...], least_ms: float) -> tuple[str, ...]:
    """The half-lives of so many milliseconds or more; the longest, if all are shorter."""
    lasting = tuple(text for text in half_lives if duration_ms(text) >= least_ms)
    return lasting or half_lives[-1:]


def _short(half_lives: tuple[str, ...]) -> tuple[str, ...]:
    """The half-lives that people's rows do not have; the shortest, if they have all."""
    lasting = _at_least(half_lives, MIN_PAIR_HALF_LIFE_MS)
    return tuple(text for text in half_lives if text not in lasting) or half_lives[:1]


def _within_a_day(half_lives: tuple[str, ...]) -> tuple[str, ...]:
    """The half-lives from an hour to a day; the longest that is no longer, if none is."""
    fitting = tuple(text for text in half_lives if HOUR_MS <= duration_ms(text) <= DAY_MS)
    shorter = tuple(text for text in half_lives if duration_ms(text) < HOUR_MS)
    return fitting or shorter[-1:] or half_lives[:1]


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
