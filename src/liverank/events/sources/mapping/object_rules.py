"""Checks JSON objects against the templates before they become columns.

A column has one type, so one odd value would change the type for every row: a list among texts
turns all lists into text, a float among whole numbers turns all into floats. Invariant: a row is
refused here only for a value that one of its own templates reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import polars as pl

from liverank.config import FieldType
from liverank.events.field_values import PLAIN, problem_of_field, shown
from liverank.events.frame import SCHEMA
from liverank.events.schema.declared import Declared
from liverank.events.sources.mapping.mapping import EventTemplate
from liverank.events.sources.mapping.templates import Array, Hole, Template
from liverank.values.words import level_of

Problem: TypeAlias = Callable[[dict[str, object]], str | None]
"""Gives the reason why an object is refused, in one line; None where it is not."""

_NONE = type(None)
_IDS: frozenset[type] = frozenset({_NONE, str, int})
_STEPS: dict[str, tuple[frozenset[type], str]] = {
    "split": (frozenset({_NONE, str}), "a text"),
    "ending": (frozenset({_NONE, list}), "a list"),
    "unique": (frozenset({_NONE, list}), "a list"),
    "drop_end": (frozenset({_NONE, str, list}), "a text or a list of texts"),
    "number": (frozenset({_NONE, str, int, float}), "a number or a text"),
}
"""Types that the first step of a hole accepts, and their description."""
_READ_LATER: dict[FieldType, frozenset[type]] = {
    "number": frozenset({str}), "time": frozenset({str}), "text": frozenset({int}),
}  # fmt: skip
"""Types of values that ``field_columns`` later reads as the declared type, or refuses."""


class _Rule(NamedTuple):
    """The rule of a key: accepted types, and a check of values of other types."""

    column: str
    plain: frozenset[type]
    look: Callable[[object], str | None]


class _Rules(NamedTuple):
    """The rules of one template, for objects that it turns into an event."""

    when: Mapping[str, frozenset[str]]
    rules: tuple[_Rule, ...]


def object_rules(
    events: Sequence[EventTemplate], captures: Mapping[str, str], declared: Declared
) -> Problem:
    """The rules of all templates; keys taken from the path (``captures``) are not checked.

    >>> from liverank.config_sources import Source
    >>> from liverank.events.sources.mapping.mapping import parse_source
    >>> source = Source(files="*", events=({"event": "user", "time": "{at}", "user": "u-{id}"},))
    >>> problem = object_rules(parse_source(source).events, {}, Declared())
    >>> problem({"at": 0, "id": 7}), problem({"at": 0, "id": 2.5})
    (None, '`user` is 2.5, not a text or a whole number; send a text, in quotes')
    """
    known = {*captures, "#"}
    all_rules = [
        _Rules(
            event.when,
            tuple(rule for rule in _rules_of(event, declared) if rule.column not in known),
        )
        for event in events
    ]

    def problem(given: dict[str, object]) -> str | None:
        for when, rules in all_rules:
            if any(level_of(given.get(column)) not in wanted for column, wanted in when.items()):
                continue
            for column, plain, look in rules:
                value = given.get(column)
                if type(value) not in plain:
                    why = look(value)
                    if why is not None:
                        return why
        return None

    return problem


def _rules_of(event: EventTemplate, declared: Declared) -> Iterator[_Rule]:
    each = None
    if event.for_each is not None:
        each = next(iter(_holes(event.for_each)), None)
    if each is not None:
        yield _step_rule(each, "for_each") or _list_rule(each, "for_each", of_ids=False)
    for key, template in event.values.items():
        dtype = SCHEMA[key]
        if dtype == pl.String() or isinstance(dtype, pl.List):
            is_list = isinstance(dtype, pl.List) and isinstance(template, Template)
            of_ids = dtype in (pl.String(), pl.List(pl.String()))
            yield from _of_template(template, key, each, is_list=is_list, of_ids=of_ids)
    types = declared.fields.get(event.kind, {})
    for name, template in event.fields.items():
        field_type = types.get(name)
        if field_type is not None:
            yield from _of_field(name, template, field_type, each)


def _of_template(
    template: Template | Array, key: str, each: Hole | None, *, is_list: bool, of_ids: bool
) -> Iterator[_Rule]:
    for hole in _holes(template):
        step = _step_rule(hole, key)
        if step is not None:
            yield step
        elif hole.column == "each" and each is not None:
            if of_ids and not each.steps:
                yield _list_rule(each, key, of_ids=True)
        elif is_list:
            yield _list_rule(hole, key, of_ids=of_ids)
        elif of_ids:
            yield _Rule(hole.column, _IDS, partial(_no_id, key))


def _of_field(
    name: str, template: Template | Array, field_type: FieldType, each: Hole | None
) -> Iterator[_Rule]:
    is_lone = isinstance(template, Template) and len(template.pieces) == 1
    for hole in _holes(template):
        if hole.steps or not is_lone or hole.column == "each":
            of_ids = field_type in ("key", "keys")
            yield from _of_template(
                Template((hole,)), f"fields.{name}", each, is_list=False, of_ids=of_ids
            )
        else:
            plain = PLAIN[field_type] | _READ_LATER.get(field_type, PLAIN[field_type])
            yield _Rule(hole.column, plain, partial(problem_of_field, name, field_type))


def _holes(template: Template | Array) -> list[Hole]:
    parts = template.parts if isinstance(template, Array) else (template,)
    return [piece for part in parts for piece in part.pieces if isinstance(piece, Hole)]


def _step_rule(hole: Hole, key: str) -> _Rule | None:
    if not hole.steps:
        return None
    step = hole.steps[0].name
    plain, wanted = _STEPS[step]

    def look(value: object) -> str:
        return f"`{key}`: {{{hole.column}}} is {shown(value)}, but `{step}` wants {wanted}"

    return _Rule(hole.column, plain, look)


def _list_rule(hole: Hole, key: str, *, of_ids: bool) -> _Rule:
    if not of_ids:
        return _Rule(hole.column, frozenset({_NONE, list}), partial(_no_list, key))
    return _Rule(hole.column, frozenset({_NONE}), partial(_no_ids, key))


def _no_id(key: str, value: object) -> str:
    return f"`{key}` is {shown(value)}, not a text or a whole number; send a text, in quotes"


def _no_list(key: str, value: object) -> str:
    return f"`{key}` is {shown(value)}, not a list"


def _no_ids(key: str, value: object) -> str | None:
    if not isinstance(value, list):
        return _no_list(key, value)
    odd = [one for one in value if type(one) not in _IDS]
    return _no_id(f"{key}[{value.index(odd[0])}]", odd[0]) if odd else None
