"""Maps the rows of a table to events, by the templates of a ``[[sources]]`` of the config.

Invariant: each row gives either all events of its templates, or none and a reason.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from liverank.config import FieldType
from liverank.config_sources import Source
from liverank.errors import ConfigError
from liverank.events.frame import SCHEMA
from liverank.events.schema.declared import ANYTHING, Declared
from liverank.events.sources.frame_rules import KEYS, first_broken_rule, with_defaults
from liverank.events.sources.mapping.expressions import Value, cast_to, level_text, value_of
from liverank.events.sources.mapping.field_columns import declared_field, json_column, json_of
from liverank.events.sources.mapping.templates import (
    Array,
    Hole,
    Template,
    parse_template,
    parse_value,
)
from liverank.events.sources.mapping.times import check_times, moment_of
from liverank.events.time_range import time_problems
from liverank.quantities import duration_ms
from liverank.values.words import level_of

OWN_KEYS = ("event", "for_each", "when", "before")
"""Keys of a template in addition to those of its event."""

_CAPTURE = re.compile(r"\{([A-Za-z_]\w*)\}|\*|\?|[^{*?]+|.")


class EventTemplate(NamedTuple):
    """One ``[[sources.events]]``: how a row, or each value of a list in it, becomes an event."""

    where: str
    kind: str
    time: Template
    values: dict[str, Template | Array]
    fields: dict[str, Template | Array]
    for_each: Template | None
    when: dict[str, frozenset[str]]
    before_ms: int


class Mapping(NamedTuple):
    """One ``[[sources]]``, checked."""

    source: Source
    pattern: re.Pattern[str]
    events: tuple[EventTemplate, ...]


class Mapped(NamedTuple):
    """The result of mapping the rows of one table."""

    frame: pl.DataFrame
    """Events, with the columns of ``frame.SCHEMA``."""
    rejected: pl.DataFrame
    """``#`` (row number, from 1) and ``reason`` of each rejected row."""


def parse_source(source: Source, *, where: str = "sources[0]") -> Mapping:
    """Check one ``[[sources]]`` and parse its templates.

    Raises ConfigError, which names the key, its value and what is allowed.

    >>> template = {"event": "user", "time": "{at}", "usr": "{id}"}
    >>> parse_source(Source(files="*.csv", events=(template,)))
    Traceback (most recent call last):
    liverank.errors.ConfigError: `sources[0].events[0].usr` is no key of the event user; ...
    """
    check_times(source, where=where)
    if not source.events:
        raise ConfigError(f"`{where}.events` is empty; name at least one event that a row makes")
    events = tuple(
        _parse_event(template, f"{where}.events[{index}]")
        for index, template in enumerate(source.events)
    )
    return Mapping(source, _path_pattern(source.files), events)


def captures_of(mapping: Mapping, path: Path) -> dict[str, str] | None:
    """The parts of the path named by braces in ``files``; None when the path does not match.

    >>> template = {"event": "user", "time": "2026-01-01T00:00:00Z", "user": "{id}"}
    >>> mapping = parse_source(Source(files="{arm}/*/{team}.csv*", events=(template,)))
    >>> captures_of(mapping, Path("/data/random/men/men.csv.gz"))
    {'arm': 'random', 'team': 'men'}
    """
    match = mapping.pattern.fullmatch(path.as_posix())
    return None if match is None else match.groupdict()


def map_rows(mapping: Mapping, rows: pl.DataFrame, declared: Declared = ANYTHING) -> Mapped:
    """Make the events of a table's rows; ``rows`` has a column ``#`` with their numbers.

    A row whose events are not as ``declared`` is rejected.

    Raises SourceError when a template names a column that does not exist or does not fit.

    >>> source = Source(
    ...     files="*",
    ...     events=({"event": "user", "time": "{at}", "user": "{id}", "fields": {"lang": "{l}"}},),
    ... )
    >>> at = [1795428000000, 1795428000001]
    >>> rows = pl.DataFrame({"#": [1, 2], "at": at, "id": ["u1", None], "l": ["en", "de"]})
    >>> mapped = map_rows(parse_source(source), rows)
    >>> mapped.frame.select("event", "time", "user", "fields").rows()
    [('user', 1795428000000, 'u1', '{"lang":"en"}')]
    >>> mapped.rejected.rows()
    [(2, '`user` is missing')]
    """
    made = [_map_event(event, mapping.source, rows, declared) for event in mapping.events]
    rejected = pl.concat([part.rejected for part in made])
    rejected = rejected.unique("#", keep="first", maintain_order=True).sort("#")
    frames = [part.frame for part in made]
    if rejected.height:
        frames = [frame.join(rejected, on="#", how="anti") for frame in frames]
    return Mapped(pl.concat(frames).select(*SCHEMA), rejected)


def _map_event(
    event: EventTemplate, source: Source, rows: pl.DataFrame, declared: Declared
) -> Mapped:
    for column, wanted in event.when.items():
        value = value_of(Template((Hole(column, ()),)), rows.schema, where=f"{event.where}.when")
        rows = rows.filter(level_text(value).is_in(wanted))
    if event.for_each is not None:
        each = value_of(event.for_each, rows.schema, where=f"{event.where}.for_each")
        rows = rows.with_columns(each=each.expression).explode("each")
        rows = rows.filter(pl.col("each").is_not_null())
    columns = {name: Value(pl.lit(None, dtype), dtype) for name, dtype in SCHEMA.items()}
    columns["event"] = Value(pl.lit(event.kind), pl.String())
    for key, template in event.values.items():
        of_id = key if SCHEMA[key] in (pl.String, pl.List(pl.String)) else None
        value = value_of(template, rows.schema, where=f"{event.where}.{key}", of_id=of_id)
        columns[key] = cast_to(SCHEMA[key], value, where=key)
    columns["time"] = _time_of(event, source, rows.schema)
    if event.fields:
        types = declared.fields.get(event.kind, {})
        fields = {
            name: _field(name, template, rows.schema, event.where, types.get(name))
            for name, template in event.fields.items()
        }
        columns["fields"] = json_of(fields, where=f"{event.where}.fields")
    problems = [problem for value in columns.values() for problem in value.problems]
    frame = rows.select(
        "#",
        *(value.expression.alias(name) for name, value in columns.items()),
        problem=pl.coalesce([*problems, pl.lit(None, pl.String())]),
    )
    odd = time_problems(frame["time"], where="time")
    frame = with_defaults(frame).with_columns(
        reason=pl.coalesce("problem", odd, first_broken_rule({event.kind}))
    )
    frame = frame.with_columns(pl.coalesce("reason", declared.name_problems(frame)).alias("reason"))
    return Mapped(
        frame.filter(pl.col("reason").is_null()).select("#", *SCHEMA),
        frame.filter(pl.col("reason").is_not_null()).select("#", "reason"),
    )


def _field(
    name: str,
    template: Template | Array,
    schema: pl.Schema,
    where: str,
    field_type: FieldType | None,
) -> Value:
    """A field's value, as its declared type where it has one.

    Where a single column has several types, its lists stay lists, unless the declared type is one
    of single values.
    """
    if isinstance(template, Template) and field_type not in ("number", "text", "time"):
        hole = template.pieces[0] if len(template.pieces) == 1 else None
        if isinstance(hole, Hole) and not hole.steps and json_column(hole.column) in schema:
            return Value(pl.col(json_column(hole.column)), pl.String(), is_json=True)
    of_id = f"fields.{name}" if field_type in ("key", "keys") else None
    value = value_of(template, schema, where=f"{where}.fields.{name}", of_id=of_id)
    return value if field_type is None else declared_field(name, field_type, value)


def _time_of(event: EventTemplate, source: Source, schema: pl.Schema) -> Value:
    """The event's time; one written in the config itself is RFC 3339, whatever the rows use."""
    value = value_of(event.time, schema, where=f"{event.where}.time")
    reads_rows = any(isinstance(piece, Hole) for piece in event.time.pieces)
    time_format = source.time_format if reads_rows else None
    moment = moment_of(value, time_format, source.time_zone, where="time")
    return moment._replace(expression=moment.expression - event.before_ms)


def _parse_event(given: dict[str, Any], where: str) -> EventTemplate:
    kind = given.get("event")
    if kind not in KEYS:
        raise ConfigError(f"`{where}.event` is {kind!r}; expected one of {', '.join(KEYS)}")
    allowed = [*OWN_KEYS, *KEYS[kind]]
    for key in given:
        if key not in allowed:
            raise ConfigError(
                f"`{where}.{key}` is no key of the event {kind}; allowed are {', '.join(allowed)}"
            )
    for key, is_required in KEYS[kind].items():
        if is_required and key not in given:
            raise ConfigError(f"`{where}.{key}` is missing; every event {kind} has one")
    values = {
        key: parse_value(value, where=f"{where}.{key}")
        for key, value in given.items()
        if key not in OWN_KEYS and key != "fields"
    }
    time = values.pop("time")
    if isinstance(time, Array):
        raise ConfigError(f"`{where}.time` is a list; expected one time")
    _check_literal_time(time, f"{where}.time")
    fields = _table(given.get("fields", {}), f"{where}.fields")
    for_each = given.get("for_each")
    if for_each is not None and not isinstance(for_each, str):
        raise ConfigError(f"`{where}.for_each` is {for_each!r}; expected a text with a list in it")
    return EventTemplate(
        where=where,
        kind=kind,
        time=time,
        values=values,
        fields={
            name: parse_value(value, where=f"{where}.fields.{name}")
            for name, value in fields.items()
        },
        for_each=None if for_each is None else parse_template(for_each, where=f"{where}.for_each"),
        when={
            column: _wanted(value, f"{where}.when.{column}")
            for column, value in _table(given.get("when", {}), f"{where}.when").items()
        },
        before_ms=_before_ms(given.get("before"), f"{where}.before"),
    )


def _check_literal_time(time: Template, where: str) -> None:
    if any(isinstance(piece, Hole) for piece in time.pieces):
        return
    moment = moment_of(value_of(time, pl.Schema(), where=where), None, "UTC", where=where)
    if pl.select(moment.expression).item() is None:
        raise ConfigError(
            f"`{where}` is {time.pieces[0]!r}; expected a {{column}} or a time such as "
            '"2026-11-23T10:00:00Z"'
        )


def _table(given: object, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError(f"`{where}` is {given!r}; expected a table, e.g. {{ click = 1 }}")
    return given


def _wanted(given: object, where: str) -> frozenset[str]:
    """The allowed texts of a column; whole numbers are written without a point."""
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(value, str | int | float) for value in values):
        raise ConfigError(f"`{where}` is {given!r}; expected a value or a list of values")
    return frozenset(level_of(value) for value in values) | frozenset(
        str(value) for value in values if not isinstance(value, bool)
    )


def _before_ms(given: object, where: str) -> int:
    if given is None:
        return 0
    try:
        return int(duration_ms(given if isinstance(given, str) else repr(given)))
    except (ConfigError, OverflowError):
        raise ConfigError(f'`{where}` is {given!r}; expected a duration such as "1s"') from None


def _path_pattern(files: str) -> re.Pattern[str]:
    """A pattern for a glob that captures ``{name}`` parts; equal names must match equal texts."""
    named: set[str] = set()
    parts: list[str] = []
    for match in _CAPTURE.finditer(files):
        name = match[1]
        if name is not None:
            parts.append(f"(?P={name})" if name in named else f"(?P<{name}>[^/]+?)")
            named.add(name)
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(match[0]) or re.escape(match[0]))
    return re.compile(r"(?:.*/)?" + "".join(parts))
