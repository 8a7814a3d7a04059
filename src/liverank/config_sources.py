"""The tables ``[[sources]]`` of liverank.toml: how the files of another format become events."""

from typing import Any, Literal

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mapping from files of another format to events. See docs/events.md."""

    files: str
    """Pattern that a file's name must match, e.g. ``"behaviors*.tsv*"``."""
    events: tuple[dict[str, Any], ...]
    """Templates of the events that each row becomes."""
    format: Literal["csv", "tsv", "parquet", "jsonl"] | None = None
    """Format of the files; derived from the file's name when left out."""
    columns: tuple[str, ...] | None = None
    """Names of the columns of a file without a header."""
    time_format: str | None = None
    """strptime pattern of times; RFC 3339 and Unix times need none."""
    time_zone: str = "UTC"
    """Time zone of times without one."""
