"""Words of a config that occur in no event: misspelt interaction types, or unused defaults.

Features and labels of such a word stay empty without an error. Invariant: a reported word is in
the config, and in none of the profiled events.
"""

from collections.abc import Iterable
from typing import NamedTuple

from liverank.config import Config, Impressions, Presence
from liverank.events.schema.declared import nearest
from liverank.events.schema.profile import Profile

_MOST_LISTED = 10


class UnusedWord(NamedTuple):
    """A word of the config that no event has."""

    key: str
    word: str
    is_default: bool
    """Whether it is a default, not written in the config."""
    message: str
    """The message, in one line."""


def unused_words(config: Config, profile: Profile) -> list[UnusedWord]:
    r"""The words of a config that occur in no event, each once, in the order of the config.

    A default is reported where it matters: ``presence.enter`` always, ``presence.leave`` where
    people come in, ``presence.follow`` where there are relations. Without any interaction
    nothing is reported.

    >>> from liverank.config import parse_config
    >>> from liverank.events.schema.profile import InteractionProfile
    >>> config = parse_config('[label]\ninteraction = "watch"\n[presence]\nenter = "wtach"')
    >>> profile = Profile(interactions={"watch": InteractionProfile(count=9)})
    >>> [one.message for one in unused_words(config, profile)]
    ['`presence.enter` is "wtach", but no event is of that interaction type; the nearest is ...
    """
    types = profile.interactions
    words = [(key, word, key in _defaults(config)) for key, word in _types_of(config, types)]
    found = [_unused(*word, "interaction type", types) for word in words if types]
    follow = config.presence.follow
    is_default = follow == Presence().follow
    if profile.relations or (types and not is_default):
        word = ("presence.follow", follow, is_default)
        found.append(_unused(*word, "relation", profile.relations))
    if profile.surfaces:
        found += [
            _unused(f"surfaces.{name}", name, False, "surface", profile.surfaces)
            for name in config.surfaces
        ]
    return [one for one in found if one is not None]


def _types_of(config: Config, seen: Iterable[str]) -> list[tuple[str, str]]:
    """Keys and interaction types of the config that some event should have."""
    named = {f"labels.{name}.interaction": label for name, label in config.labels.items()}
    if config.label not in config.labels.values():
        named = {"label.interaction": config.label, **named}
    words = [(key, label.interaction) for key, label in named.items()]
    shown = config.impressions.interaction
    if config.impressions.source == "interaction" or shown != Impressions().interaction:
        words.append(("impressions.interaction", shown))
    if config.candidates is not None:
        words.append(("candidates.interaction", config.candidates.interaction))
    presence = config.presence
    words.append(("presence.enter", presence.enter))
    if presence.leave != Presence().leave or presence.enter in seen:
        words.append(("presence.leave", presence.leave))
    return words + [(f"interactions.{name}", name) for name in config.interactions]


def _defaults(config: Config) -> set[str]:
    """Keys of words that have their default value."""
    words = {
        "impressions.interaction": (config.impressions.interaction, Impressions().interaction),
        "presence.enter": (config.presence.enter, Presence().enter),
        "presence.leave": (config.presence.leave, Presence().leave),
    }
    return {key for key, (word, default) in words.items() if word == default}


def _unused(
    key: str, word: str, is_default: bool, noun: str, seen: Iterable[str]
) -> UnusedWord | None:
    names = list(seen)
    if word in names:
        return None
    near = nearest(word, names)
    advice = f'the nearest is "{near}"'
    if near is None:
        advice = f"there are: {', '.join(sorted(names)[:_MOST_LISTED]) or 'none'}"
    how = " by default" if is_default else ""
    message = f'`{key}` is "{word}"{how}, but no event is of that {noun}; {advice}'
    return UnusedWord(key, word, is_default, message)
