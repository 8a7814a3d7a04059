"""Converts the times of a file's rows, in several formats, to Unix milliseconds.

Invariant: a time that cannot be read becomes null and a reason, never a wrong time.
"""

import zoneinfo

import polars as pl

from liverank.config_sources import Source
from liverank.errors import ConfigError, SourceError
from liverank.events.sources.mapping.expressions import Value, unread

UNIX_FORMATS = {"unix_s": 1000.0, "unix_ms": 1.0, "unix_us": 0.001}
"""Values of ``time_format`` for numbers, each with the milliseconds of one unit."""


def check_times(source: Source, *, where: str) -> None:
    """Check ``time_format`` and ``time_zone``. Raises ConfigError.

    >>> check_times(Source(files="*", events=(), time_zone="Mars"), where="sources[0]")
    Traceback (most recent call last):
    liverank.errors.ConfigError: `sources[0].time_zone` is "Mars"; expected a name such as "UTC" ...
    """
    try:
        zoneinfo.ZoneInfo(source.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f'`{where}.time_zone` is "{source.time_zone}"; '
            'expected a name such as "UTC" or "Europe/Berlin"'
        ) from None
    pattern = source.time_format
    if pattern is None or pattern in UNIX_FORMATS:
        return
    try:
        pl.Series(["x"]).str.to_datetime(pattern, strict=False)
        known = "%" in pattern
    except pl.exceptions.PolarsError:
        known = False
    if not known:
        raise ConfigError(
            f'`{where}.time_format` is "{pattern}"; expected a strptime pattern such as '
            f'"%m/%d/%Y %I:%M:%S %p", or one of {", ".join(UNIX_FORMATS)}'
        )


def moment_of(value: Value, time_format: str | None, time_zone: str, *, where: str) -> Value:
    """Unix milliseconds of a value, which may be text, a number, a date or a moment.

    Unlike ``liverank.values.times.moment_of`` it is an expression on whole columns with a time zone
    of the source, and gives the reason where a row has to be rejected.

    Without a ``time_format``, text is RFC 3339 (a time that names no zone is in ``time_zone``) and
    numbers, also as text, are Unix milliseconds. A local time in an hour that a zone repeats means
    the first one; a time in a skipped hour is a problem. Raises SourceError when the column's type
    cannot hold times.

    >>> frame = pl.DataFrame({"at": ["2026-11-23T10:00:00Z", "2026-11-23 11:00:00", "soon"]})
    >>> value = moment_of(Value(pl.col("at"), pl.String()), None, "Europe/Berlin", where="time")
    >>> frame.select(value.expression).to_series().to_list()
    [1795428000000, 1795428000000, None]
    >>> frame.select(value.problems[-1]).to_series()[2]
    '`time` is not a moment: soon'
    """
    given, dtype = value.expression, value.dtype
    local: pl.Expr | None = None
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        moment = given.dt.epoch("ms")
    elif isinstance(dtype, pl.Datetime | pl.Date):
        local = given.cast(pl.Datetime("ms"))
        moment = _in_zone(local, time_zone)
    elif dtype.is_numeric() and time_format in (None, *UNIX_FORMATS):
        moment = _of_number(given, time_format)
    elif dtype == pl.String or dtype.is_numeric():
        text = given.cast(pl.String).str.strip_chars()
        moment, local = _of_text(text, time_format, time_zone)
    else:
        raise SourceError(f"`{where}` holds {dtype}, which is no time")
    problem = unread(given, moment, f"`{where}` is not a moment")
    skipped = [] if local is None else [_skipped(local, time_zone, where)]
    return Value(moment, pl.Int64(), (*value.problems, *skipped, problem))


def _of_text(
    text: pl.Expr, time_format: str | None, time_zone: str
) -> tuple[pl.Expr, pl.Expr | None]:
    """The moment of a text, and the local time of a text that names no zone."""
    if time_format in UNIX_FORMATS:
        return _of_number(text.cast(pl.Float64, strict=False), time_format), None
    if time_format is not None:
        parsed = text.str.to_datetime(time_format, strict=False, time_unit="ms")
        if any(part in time_format for part in ("%z", "%:z", "%#z", "%+")):
            return parsed.dt.epoch("ms"), None
        return _in_zone(parsed, time_zone), parsed
    aware = text.str.to_datetime("%+", strict=False, time_unit="ms").dt.epoch("ms")
    naive = text.str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "$1 ").str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="ms"
    )
    moment = pl.coalesce(aware, _in_zone(naive, time_zone), text.cast(pl.Int64, strict=False))
    return moment, naive


def _of_number(number: pl.Expr, time_format: str | None) -> pl.Expr:
    scale = UNIX_FORMATS[time_format or "unix_ms"]
    scaled = number if scale == 1 else (number * scale).round(0)
    return scaled.cast(pl.Int64, strict=False)


def _in_zone(local: pl.Expr, time_zone: str) -> pl.Expr:
    """Unix ms; in a repeated hour the first one, null in a skipped hour."""
    zoned = local.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return zoned.dt.epoch("ms")


def _skipped(local: pl.Expr, time_zone: str, where: str) -> pl.Expr:
    """The problem of local times that the zone skips."""
    reason = pl.concat_str(
        pl.lit(f"`{where}` does not exist in {time_zone}: "),
        local.dt.to_string("%Y-%m-%d %H:%M:%S"),
        pl.lit(" (the clock skips that hour); send it with its offset from UTC"),
    )
    return pl.when(local.is_not_null() & _in_zone(local, time_zone).is_null()).then(reason)
