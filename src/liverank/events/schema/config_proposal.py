"""Proposes a first ``liverank.toml`` from a profile of the events.

Invariant: the text parses, and describes the events it was made from.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from liverank.config import FieldType, Impressions, parse_config
from liverank.errors import SourceError
from liverank.events.schema.field_types import FieldProfile
from liverank.events.schema.profile import Profile, is_positive

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = re.compile(r"impression|exposure|shown|seen", re.IGNORECASE)
_MEANINGS: dict[FieldType, str] = {
    "category": "one of a few names",
    "key": "the id of something with a history",
    "keys": "a list of ids or topics",
    "number": "a quantity",
    "text": "words for people",
    "time": "a moment",
}


def propose_config(profile: Profile) -> str:
    """The text of a liverank.toml for these events, with a comment for each line.

    Raises SourceError when no interaction can be a label.

    >>> from liverank.events.event import Interaction
    >>> from liverank.events.frame import frame_of
    >>> from liverank.events.schema.profile import profile_events
    >>> joins = frame_of([Interaction(time=0, type="join", user="u1", item="room9")])
    >>> parse_config(propose_config(profile_events([joins]))).label.interaction
    'join'
    """
    label = profile.label
    if label is None:
        raise SourceError(
            "no interaction in these events can be a success; types seen: "
            f"{', '.join(profile.interactions) or 'none'}. Add events such as clicks or joins, or "
            'write a liverank.toml with [label] interaction = "..." yourself'
        )
    shown = _shown_interaction(profile)
    parts = [
        _opening(profile),
        _label(label, profile),
        _interactions(profile, label, shown),
        _impressions(shown),
        _candidates(profile, label),
        *(
            _fields(entity, fields)
            for entity, fields in (
                ("items", profile.items),
                ("users", profile.users),
                ("requests", profile.requests),
            )
        ),
        _surfaces(profile),
    ]
    text = "\n".join(part for part in parts if part)
    parse_config(text, where="the proposed liverank.toml")
    return text


def _opening(profile: Profile) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in profile.events.items())
    return (
        f"# Proposed by `liverank init` from {sum(profile.events.values()):,} events "
        f"({kinds}),\n# {_day(profile.first_ms)} to {_day(profile.last_ms)}. "
        "Every key is explained in docs/config.md.\n"
    )


def _label(label: str, profile: Profile) -> str:
    seen = profile.interactions[label]
    lines = [
        "# What counts as success for an item that was shown. Check this first.",
        "[label]",
        f"interaction = {_quoted(label)}",
        "# How long after the list was shown it may come.",
        'within = "1h"',
    ]
    if seen.with_value and seen.least is not None and seen.most is not None:
        lines += [
            f"# {seen.with_value:,} of {seen.count:,} carry a value, {seen.least:g} to "
            f"{seen.most:g}; the least that is a success:",
            f"# min_value = {seen.least:g}",
        ]
    return "\n".join(lines) + "\n"


def _interactions(profile: Profile, label: str, shown: str | None) -> str:
    lines = ["# Interaction types, each with what it means. Others in the log make no features.",
             "[interactions]"]  # fmt: skip
    for name, seen in profile.interactions.items():
        if name == label:
            meaning = "the success to rank for"
        elif name == shown:
            meaning = "the item was on the screen"
        else:
            meaning = "a sign of interest" if is_positive(name) else "no sign of interest"
        lines.append(f"{_key(name)} = {_quoted(meaning)}  # {seen.count:,} events")
    return "\n".join(lines) + "\n"


def _impressions(shown: str | None) -> str:
    if shown is None or shown == Impressions().interaction:
        return ""
    return (
        "# The interaction that means an item was really on the screen.\n"
        f"[impressions]\ninteraction = {_quoted(shown)}\n"
    )


def _candidates(profile: Profile, label: str) -> str:
    if profile.events.get("ranking"):
        return ""
    return (
        "# No event holds the lists shown, so each success is taken as a choice among the\n"
        "# items that drew one within this window before it.\n"
        f'[candidates]\ninteraction = {_quoted(label)}\nwithin = "24h"\n'
    )


def _fields(entity: str, fields: Mapping[str, FieldProfile]) -> str:
    if not fields:
        return ""
    what = {"items": "an item", "users": "a user", "requests": "a request for a list"}[entity]
    lines = [f"# What is known of {what}. Types: {', '.join(_MEANINGS)}.", f"[{entity}.fields]"]
    for name, seen in fields.items():
        lines.append(f'{_key(name)} = "{seen.guess}"  # {_described(seen)}')
    return "\n".join(lines) + "\n"


def _described(seen: FieldProfile) -> str:
    some = ", ".join(re.sub(r"\s+", " ", level)[:24] for level in seen.levels[:3])
    return f"{_MEANINGS[seen.guess]}; {seen.distinct:,} distinct, e.g. {_printable(some)}"


def _surfaces(profile: Profile) -> str:
    named = {name: count for name, count in profile.surfaces.items() if name != "default"}
    lines: list[str] = []
    for name, count in named.items():
        lines += [
            f"# A surface that shows a ranked list: {count:,} rankings. Items in a response:",
            f"[surfaces.{_key(name)}]",
            "limit = 50",
        ]
    return "\n".join(lines) + "\n" if lines else ""


def _shown_interaction(profile: Profile) -> str | None:
    """The interaction type that means "this item was on the screen", if any does."""
    names = [name for name in profile.interactions if _SHOWN.search(name)]
    default = Impressions().interaction
    if default in names:
        return default
    return max(names, key=lambda name: profile.interactions[name].count, default=None)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are all TOML's, once DEL is written out."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    """Without control characters, which a comment may not hold."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _day(time_ms: int | None) -> str:
    if time_ms is None:
        return "?"
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
