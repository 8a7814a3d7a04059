"""Which interaction types and surfaces a config declares, and what is said of others.

Invariant: where ``[interactions]`` names no types every type is taken without a word, and so is
every surface where ``[surfaces]`` names none.
"""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

import polars as pl

from liverank.config import Config
from liverank.events.event import Event, Interaction, Ranking

_MOST_TOLD = 20
"""Names told one by one."""


class Unknown(NamedTuple):
    """A name that the config does not declare: an interaction type or a surface."""

    key: str
    """``type`` or ``surface``: the event's key that holds it."""
    name: str


class Declared(NamedTuple):
    """What a config declares; an empty set means that nothing of the kind is unknown."""

    types: frozenset[str] = frozenset()
    surfaces: frozenset[str] = frozenset()
    is_strict: bool = False
    """Whether events with other names are refused."""

    def unknown(self, event: Event) -> Unknown | None:
        """The name of an event that is not declared, if there is one.

        >>> joined = Interaction(time=0, type="jion", user="u1", item="room9")
        >>> Declared(types=frozenset({"join"})).unknown(joined)
        Unknown(key='type', name='jion')
        """
        if isinstance(event, Interaction):
            is_known = not self.types or event.type in self.types
            return None if is_known else Unknown("type", event.type)
        if isinstance(event, Ranking):
            is_known = not self.surfaces or event.surface in self.surfaces
            return None if is_known else Unknown("surface", event.surface)
        return None

    def unknown_rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame of events with such a name: ``row``, ``key``, ``name``."""
        rows = frame.lazy().select("event", "type", "surface").with_row_index("row")
        odd = [
            rows.filter((pl.col("event") == kind) & ~pl.col(key).is_in(list(known))).select(
                "row", pl.lit(key).alias("key"), pl.col(key).alias("name")
            )
            for kind, key, known in (
                ("interaction", "type", self.types),
                ("ranking", "surface", self.surfaces),
            )
            if known
        ]
        schema = {"row": pl.get_index_type(), "key": pl.String(), "name": pl.String()}
        return pl.concat([pl.LazyFrame(schema=schema), *odd]).sort("row").collect()

    def refusal(self, unknown: Unknown) -> str:
        """Why an event with this name is refused, in one line."""
        known = ", ".join(sorted(self._known(unknown.key))[:_MOST_TOLD])
        return (
            f"{_NOUNS[unknown.key]} `{unknown.name}` is not declared - at `$.{unknown.key}`"
            f"; expected one of {known}, or declare it under {_TABLES[unknown.key]} in "
            f"liverank.toml{self._nearest(unknown)}"
        )

    def warnings(self, counts: Counter[Unknown]) -> list[str]:
        """A line for each name that is not declared, the most frequent first.

        >>> declared = Declared(types=frozenset({"join"}))
        >>> declared.warnings(Counter({Unknown("type", "jion"): 3}))
        ['3 events of the interaction type `jion`, which [interactions] in liverank.toml does ...
        """
        told = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        lines = [
            f"{count:,} {'event' if count == 1 else 'events'} of the {_NOUNS[unknown.key].lower()} "
            f"`{unknown.name}`, which {_TABLES[unknown.key]} in liverank.toml does not name"
            f"{self._nearest(unknown)}"
            for unknown, count in told[:_MOST_TOLD]
        ]
        if len(told) > _MOST_TOLD:
            lines.append(f"{len(told) - _MOST_TOLD:,} other names are not declared either")
        return lines

    def _known(self, key: str) -> frozenset[str]:
        return self.types if key == "type" else self.surfaces

    def _nearest(self, unknown: Unknown) -> str:
        near = nearest(unknown.name, self._known(unknown.key))
        return "" if near is None else f"; did you mean `{near}`?"


_NOUNS = {"type": "Interaction type", "surface": "Surface"}
_TABLES = {"type": "[interactions]", "surface": "[surfaces]"}


def declared_by(config: Config) -> Declared:
    r"""What a config declares: the names of its tables, and those that its other keys use.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "buy"\n[interactions]\nbuy = "it was bought"')
    >>> sorted(declared_by(config).types)
    ['buy', 'impression', 'join', 'leave']
    """
    types: set[str] = set()
    if config.interactions:
        types |= {*config.interactions, *(label.interaction for label in config.heads.values())}
        types |= {config.impressions.interaction, config.presence.enter, config.presence.leave}
        types |= set() if config.candidates is None else {config.candidates.interaction}
    surfaces = {"default", *config.surfaces} if config.surfaces else set()
    return Declared(frozenset(types), frozenset(surfaces), config.events.strict)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely stands for; None where none is like it.

    >>> nearest("wtach", ["watch", "leave"]), nearest("join", ["watch"])
    ('watch', None)
    """
    found = get_close_matches(name, sorted(known), n=1)
    return found[0] if found else None
