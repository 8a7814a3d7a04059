"""Parquet files that already hold events, in the columns of ``frame.SCHEMA``.

Segments of a log are such files. For other files, the error explains how to map them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from liverank.config import FieldType
from liverank.errors import SourceError
from liverank.events.decode_errors import explain_fields
from liverank.events.event import KINDS
from liverank.events.frame import SCHEMA
from liverank.events.schema.declared import ANYTHING, Declared, problem_of_fields
from liverank.events.sources.frame_rules import first_broken_rule, with_defaults
from liverank.events.sources.mapping.expressions import Value, cast_to
from liverank.events.sources.mapping.mapping import Mapped
from liverank.events.sources.mapping.times import moment_of
from liverank.events.time_range import time_problems
from liverank.events.wire import decode_fields
from liverank.tables.pieces import TablePiece


def check_table(table: TablePiece, path: Path, declared: Declared = ANYTHING) -> Mapped:
    """The events of a table with the columns of ``frame.SCHEMA``; those absent are null.

    Events that are not as ``declared`` are rejected. ``seq`` and ``arrived`` are ignored.
    Raises SourceError when the table does not have these columns.
    """
    names = [name for name in table.rows.columns if name != "#"]
    if not {"event", "time"} <= set(names) or not set(names) <= set(SCHEMA):
        raise SourceError(explain_mapping(path, names))
    values: dict[str, Value] = {}
    for name, dtype in SCHEMA.items():
        if name not in names or name in ("seq", "arrived"):
            values[name] = Value(pl.lit(None, dtype), dtype)
            continue
        given = Value(pl.col(name), table.rows.schema[name])
        if name == "time":
            values[name] = moment_of(given, None, "UTC", where=name)
        else:
            values[name] = cast_to(dtype, given, where=name)
    problems = [problem for value in values.values() for problem in value.problems]
    frame = with_defaults(
        table.rows.select(
            "#",
            *(value.expression.alias(name) for name, value in values.items()),
            problem=pl.coalesce([*problems, pl.lit(None, pl.String())]),
        )
    )
    frame = frame.with_columns(
        reason=pl.coalesce(
            "problem",
            time_problems(frame["time"], where="time"),
            first_broken_rule(set(KINDS)),
            _fields_problem(frame, declared),
            declared.name_problems(frame),
        )
    )
    is_good = pl.col("reason").is_null()
    return Mapped(
        frame.filter(is_good).select(*SCHEMA), frame.filter(~is_good).select("#", "reason")
    )


def explain_mapping(path: Path, columns: Sequence[str]) -> str:
    """Why a table cannot be read as it is, with a template to start from."""
    user = next((name for name in columns if "user" in name.lower()), "USER_COLUMN")
    item = next((name for name in columns if "item" in name.lower()), "ITEM_COLUMN")
    time = next((name for name in columns if "time" in name.lower()), "TIME_COLUMN")
    return (
        f"{path}: does not hold events as liverank knows them; its columns are "
        f"{', '.join(columns) or '(none)'}. Write in liverank.toml which events they make, e.g.\n"
        f'\n    [[sources]]\n    files = "{path.name}"\n\n    [[sources.events]]\n'
        f'    event = "interaction"\n    type = "click"\n    time = "{{{time}}}"\n'
        f'    user = "{{{user}}}"\n    item = "{{{item}}}"\n\nand see docs/events.md'
    )


def _fields_problem(frame: pl.DataFrame, declared: Declared) -> pl.Series:
    """The problem of each event's fields, given as JSON text; null for none."""
    types = [declared.fields.get(kind, {}) for kind in frame["event"]]
    reasons = [
        None if text is None else explain_fields(text) or _misfit(text, of_kind)
        for text, of_kind in zip(frame["fields"], types, strict=True)
    ]
    return pl.Series("fields_problem", reasons, dtype=pl.String)


def _misfit(text: str, declared: Mapping[str, FieldType]) -> str | None:
    return problem_of_fields(decode_fields(text), declared) if declared else None
