"""The schema of one product's events: every field with its type, determined once for all code.

Features, dataset and serving read this and nothing else to know which fields, interaction types
and relations exist. Invariant: a Schema is complete; what the config leaves open is
guessed from the data, and the guess is recorded here.
"""

from typing import Literal

import msgspec

from liverank.config import Config, FieldType
from liverank.errors import ConfigError
from liverank.events.schema.field_types import FieldProfile, Shape
from liverank.events.schema.profile import InteractionProfile, Profile, is_positive

SURFACE = "ranking_surface"
"""The request field that holds the surface of a ranking, where there are several surfaces."""
OWN = "_"
"""Prefix of fields that the server itself adds to rankings; no feature uses them."""


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """The fields, interaction types and relations of a product."""

    items: dict[str, FieldType] = {}
    """Fields of items, by name."""
    users: dict[str, FieldType] = {}
    """Fields of users, by name."""
    requests: dict[str, FieldType] = {}
    """Fields of rankings and of interactions, by name: known at the time of the request."""
    interactions: tuple[str, ...] = ()
    """Interaction types: the label's first, the others by name."""
    relations: tuple[str, ...] = ()
    """Relations of edges, by name."""
    levels: dict[str, tuple[str, ...]] = {}
    """Values of each ``category`` field (``"items.language"``), the most frequent first."""
    impressions_from: Literal["interaction", "ranking"] = "ranking"
    """Whether impressions come from interactions or from the served lists."""
    impressions_known: bool = True
    """False where neither has them: a log of bare clicks does not contain what was shown."""
    positive: tuple[str, ...] = ()
    """Interaction types that mean a person liked an item (not impressions, leaves, hides)."""
    valued: tuple[str, ...] = ()
    """Interaction types that carry values worth adding up, such as the seconds stayed."""


def resolve_schema(config: Config, profile: Profile) -> Schema:
    r"""Determine the fields, interaction types and relations of a product.

    Declarations of the config take precedence and are checked against the data; the rest comes from
    ``profile``. Raises ConfigError when the data is not of the declared type.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "join"\n[items.fields]\nhost = "key"')
    >>> resolve_schema(config, Profile()).items
    {'host': 'key'}
    """
    fields, levels = _fields_and_levels(config, profile)
    shown = config.impressions.interaction
    source, is_known = _impressions(config, profile)
    names = set(config.interactions or profile.interactions)
    names |= {shown} if source == "interaction" and is_known else set()
    interactions = (config.label.interaction, *sorted(names - {config.label.interaction}))
    return Schema(
        items=fields["items"],
        users=fields["users"],
        requests=fields["requests"],
        interactions=interactions,
        relations=tuple(sorted(profile.relations)),
        levels=levels,
        impressions_from=source,
        impressions_known=is_known,
        positive=tuple(
            name
            for name in interactions
            if name == config.label.interaction or (name != shown and is_positive(name))
        ),
        valued=tuple(
            name
            for name in interactions
            if name in profile.interactions and _has_values(profile.interactions[name])
        ),
    )


def _fields_and_levels(
    config: Config, profile: Profile
) -> tuple[dict[str, dict[str, FieldType]], dict[str, tuple[str, ...]]]:
    """The fields of each entity, and the values of its ``category`` fields."""
    entities = {
        "items": (config.items.fields, profile.items),
        "users": (config.users.fields, profile.users),
        "requests": (config.requests.fields, profile.requests),
    }
    fields: dict[str, dict[str, FieldType]] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for entity, (declared, seen) in entities.items():
        for name, field_type in declared.items():
            if name in seen:
                _check_declared(f"{entity}.fields.{name}", field_type, seen[name])
        guessed = {
            name: seen[name].guess
            for name in sorted(seen)
            if name not in declared and not name.startswith(OWN)
        }
        fields[entity] = {**declared, **guessed}
        for name, field_type in fields[entity].items():
            if field_type == "category":
                levels[f"{entity}.{name}"] = seen[name].levels if name in seen else ()
    if len(profile.surfaces) > 1:
        by_size = sorted(profile.surfaces, key=lambda name: -profile.surfaces[name])
        fields["requests"][SURFACE], levels[f"requests.{SURFACE}"] = "category", tuple(by_size)
    return fields, levels


def _impressions(
    config: Config, profile: Profile
) -> tuple[Literal["interaction", "ranking"], bool]:
    """The source of impressions, and whether the data contains it."""
    shown, source = config.impressions.interaction, config.impressions.source
    if source == "auto":
        source = "interaction" if shown in profile.interactions else "ranking"
    if source == "interaction":
        return source, shown in profile.interactions
    return source, profile.events.get("ranking", 0) > 0


def _has_values(seen: InteractionProfile) -> bool:
    """Whether most interactions have a value, and values differ."""
    return 2 * seen.with_value > seen.count and seen.least != seen.most


_FITTING: dict[FieldType, tuple[Shape, ...]] = {
    "category": ("text", "number", "truth"),
    "key": ("text", "number"),
    "keys": ("list",),
    "number": ("number", "truth"),
    "text": ("text",),
    "time": ("text", "number"),
}
_ADVICE: dict[FieldType, str] = {
    "category": 'a list is "keys"',
    "key": 'a list is "keys"',
    "keys": 'a single id is "key"; send a list, or split the text in [[sources]]',
    "number": "send numbers without quotes, or add `| number` in [[sources]]",
    "text": 'a quantity is "number", a list is "keys"',
    "time": "send RFC 3339 or Unix milliseconds",
}


def _check_declared(key: str, declared: FieldType, seen: FieldProfile) -> None:
    fitting = sum(seen.shapes.get(shape, 0) for shape in _FITTING[declared])
    is_text_time = declared == "time" and seen.shape == "text" and seen.guess != "time"
    if 2 * fitting >= seen.present and not is_text_time:
        return
    example = f", e.g. {seen.levels[0]!r}" if seen.levels else ""
    raise ConfigError(
        f'`{key}` is "{declared}", but most of the {seen.present} values looked at are '
        f'{seen.shape}s{example}; {_ADVICE[declared]}, or declare it as "{seen.guess}"'
    )
