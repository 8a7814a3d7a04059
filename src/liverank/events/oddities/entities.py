"""What is odd about items, users, clocks and ids."""

import polars as pl

from liverank.config import Config
from liverank.events.oddities.finding import Finding, finding_of
from liverank.quantities import duration_ms

YEAR_2000_MS = 946_684_800_000


def users_never_introduced(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """People who act, but of whom no ``user`` event tells, where others have one."""
    known = frame.filter(pl.col("event") == "user").select("user").unique()
    if known.is_empty():
        return None
    acting = frame.filter(pl.col("event").is_in(["interaction", "ranking"])).select("user").unique()
    return finding_of(
        "users_never_introduced",
        "info",
        "users act without a `user` event; their user fields are unknown",
        acting.join(known, on="user", how="anti").sort("user"),
        pl.col("user"),
    )


def ends_before_starts(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Items whose last end is before their first start."""
    lives = _lives(frame).filter(pl.col("last_end") < pl.col("first_start"))
    return finding_of(
        "ends_before_starts", "warning", "items ended before they started", lives, pl.col("item")
    )


def items_never_started(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Items that end without a start; their age is unknown."""
    lives = _lives(frame).filter(pl.col("first_start").is_null() & pl.col("last_end").is_not_null())
    return finding_of(
        "items_never_started",
        "info",
        "items ended without a start; their age is unknown",
        lives,
        pl.col("item"),
    )


def items_never_ended(frame: pl.DataFrame, config: Config, _: int) -> Finding | None:
    """Items that start and do not end, where others do."""
    lives = _lives(frame)
    if lives["last_end"].null_count() == lives.height:
        return None
    return finding_of(
        "items_never_ended",
        "info",
        "items have not ended; each is served until `serving.expire_after` "
        f"({config.serving.expire_after}) after it was last heard of",
        lives.filter(pl.col("first_start").is_not_null() & pl.col("last_end").is_null()),
        pl.col("item"),
    )


def clocks_in_the_future(frame: pl.DataFrame, config: Config, now_ms: int) -> Finding | None:
    """Events that claim to be from after they arrived."""
    latest = pl.col("arrived").fill_null(now_ms) + int(duration_ms(config.features.max_future))
    return finding_of(
        "clocks_in_the_future",
        "warning",
        f"events are more than {config.features.max_future} ahead of their arrival; "
        "they are moved to that point",
        frame.filter(pl.col("time") > latest),
        _event_text(),
    )


def times_before_2000(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Times that look like Unix seconds where milliseconds are wanted."""
    return finding_of(
        "times_before_2000",
        "warning",
        'times are before the year 2000; were they Unix seconds? (`time_format = "unix_s"`)',
        frame.filter(pl.col("time") < YEAR_2000_MS),
        _event_text(),
    )


def duplicates(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Events with an id that came before; all but the first are dropped."""
    named = frame.filter(pl.col("id").is_not_null())
    repeats = named.filter(~pl.struct("event", "id").is_first_distinct())
    return finding_of(
        "duplicates",
        "info",
        "events repeat an id of their kind; only the first is kept",
        repeats,
        pl.format("{} {}", "event", "id"),
    )


def identical_events(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Events of files that carry no id and say the very same as another."""
    return finding_of(
        "identical_events",
        "info",
        "events of files without an id are equal to another one; all of them are kept",
        frame.filter(pl.col("id").str.contains(r"^~[0-9a-f]{20}-\d+$")),
        _event_text(),
    )


def _lives(frame: pl.DataFrame) -> pl.DataFrame:
    """The first start and the last end of each item, null where there is none."""
    return (
        frame.filter(pl.col("event") == "item")
        .group_by("item", maintain_order=True)
        .agg(
            first_start=pl.col("time").filter(pl.col("state") == "started").min(),
            last_end=pl.col("time").filter(pl.col("state") == "ended").max(),
        )
    )


def _event_text() -> pl.Expr:
    name = pl.coalesce("id", "user", "item")
    return pl.format("{} {} at {}", "event", name, "time")
