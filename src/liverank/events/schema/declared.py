"""The fields and names that a config declares, and the messages about events that differ.

A field with a value of another than its declared type is refused. An undeclared interaction type or
surface is refused where the config is strict; else it is accepted with a warning. Invariant: only
declared things are checked. Any type is accepted where ``[interactions]`` names none, any surface
where ``[surfaces]`` names none, and any value of a field without a type.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import NamedTuple

import polars as pl

from liverank.config import Config, FieldType
from liverank.events.event import KINDS, Edge, Event, Interaction, Ranking
from liverank.events.field_values import PLAIN, problem_of_field
from liverank.events.wire import Decoded, Rejected

_MOST_LISTED = 20
"""Maximum number of names that are listed one by one."""


class Unknown(NamedTuple):
    """A name that the config does not declare: an interaction type or a surface."""

    key: str
    """``type`` or ``surface``: the event's key that holds it."""
    name: str


class Declared(NamedTuple):
    """The declarations of a config; with an empty set, every name of that kind is accepted."""

    types: frozenset[str] = frozenset()
    surfaces: frozenset[str] = frozenset()
    is_strict: bool = False
    """Whether events with other names are refused."""
    fields: Mapping[str, Mapping[str, FieldType]] = MappingProxyType({})
    """Types of declared fields, by the kind of event; kinds without any are left out."""

    def problem(self, event: Event) -> str | None:
        """Why an event is refused, in one line; None where it is accepted.

        >>> from liverank.events.event import Item
        >>> room = Item(time=0, item="room9", fields={"host": ["u7"]})
        >>> Declared(fields={"item": {"host": "key"}}).problem(room)
        'Expected one id, a text or a whole number, got `["u7"]` - at `$.fields.host` (declared ...
        """
        if self.fields and not isinstance(event, Edge) and event.fields:
            declared = self.fields.get(_KIND_OF[type(event)])
            problem = declared and problem_of_fields(event.fields, declared)
            if problem:
                return problem
        unknown = self.unknown(event) if self.is_strict else None
        return None if unknown is None else self.refusal(unknown)

    def taken(self, decoded: Decoded) -> Decoded:
        """The same, with the events that are not as declared moved to the refused ones."""
        if not self.fields and not self.is_strict:
            return decoded
        problems = [self.problem(event) for event in decoded.events]
        if not any(problems):
            return decoded
        rows = range(len(problems))
        refused = [Rejected(decoded.positions[row], why) for row in rows if (why := problems[row])]
        kept = [row for row in rows if problems[row] is None]
        return Decoded(
            [decoded.events[row] for row in kept],
            [decoded.positions[row] for row in kept],
            sorted([*decoded.rejected, *refused]),
        )

    def name_problems(self, frame: pl.DataFrame) -> pl.Series:
        """Why rows of a frame of events are refused for their names: String[n], mostly null."""
        problems = pl.Series("problem", [None], pl.String).new_from_index(0, frame.height)
        odd = self.unknown_rows(frame) if self.is_strict else pl.DataFrame()
        if odd.is_empty():
            return problems
        names = odd.select("key", "name")
        reasons = {row: self.refusal(Unknown(*row)) for row in names.unique().iter_rows()}
        return problems.scatter(odd["row"], [reasons[row] for row in names.iter_rows()])

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
        known = ", ".join(sorted(self._known(unknown.key))[:_MOST_LISTED])
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
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        lines = [
            f"{count:,} {'event' if count == 1 else 'events'} of the {_NOUNS[unknown.key].lower()} "
            f"`{unknown.name}`, which {_TABLES[unknown.key]} in liverank.toml does not name"
            f"{self._nearest(unknown)}"
            for unknown, count in ranked[:_MOST_LISTED]
        ]
        if len(ranked) > _MOST_LISTED:
            lines.append(f"{len(ranked) - _MOST_LISTED:,} other names are not declared either")
        return lines

    def _known(self, key: str) -> frozenset[str]:
        return self.types if key == "type" else self.surfaces

    def _nearest(self, unknown: Unknown) -> str:
        near = nearest(unknown.name, self._known(unknown.key))
        return "" if near is None else f"; did you mean `{near}`?"


_KIND_OF = {struct: kind for kind, struct in KINDS.items()}

ANYTHING = Declared()
"""A config without declarations: nothing is refused."""


def problem_of_fields(
    fields: Mapping[str, object], declared: Mapping[str, FieldType]
) -> str | None:
    """Why the fields of an event or a request are refused, by their declared types.

    >>> problem_of_fields({"any": [], "size": "big"}, {"size": "number"})
    'Expected a number, got `"big"` - at `$.fields.size` (declared as "number"); send a ...
    """
    for name, value in fields.items():
        field_type = declared.get(name)
        if field_type is not None and type(value) not in PLAIN[field_type]:
            problem = problem_of_field(name, field_type, value)
            if problem is not None:
                return problem
    return None


_NOUNS = {"type": "Interaction type", "surface": "Surface"}
_TABLES = {"type": "[interactions]", "surface": "[surfaces]"}


def declared_by(config: Config) -> Declared:
    r"""The declarations of a config: the names in its tables, and those that its other keys use.

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
    fields = {
        "item": config.items.fields,
        "user": config.users.fields,
        "ranking": config.requests.fields,
        "interaction": config.requests.fields,
    }
    return Declared(
        frozenset(types),
        frozenset(surfaces),
        config.events.strict,
        {kind: declared for kind, declared in fields.items() if declared},
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means; None where none is similar.

    >>> nearest("wtach", ["watch", "leave"]), nearest("join", ["watch"])
    ('watch', None)
    """
    found = get_close_matches(name, sorted(known), n=1)
    return found[0] if found else None
