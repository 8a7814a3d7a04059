"""What is odd about events, by its plain definition: each check looks at all events at once.

The checks of ``liverank.events.checks`` are fed piece by piece, and must find the same.
"""

from collections.abc import Callable

import polars as pl

from liverank.config import Config
from liverank.events.checks.finding import Finding
from liverank.quantities import duration_ms

YEAR_2000_MS = 946_684_800_000


def finding_of(
    name: str, severity: str, message: str, odd: pl.DataFrame, example: pl.Expr
) -> Finding | None:
    """The finding of odd rows; None when there are none. ``example`` is the text of a row."""
    if odd.is_empty():
        return None
    whole = odd.rechunk()  # pl.format fails on columns in several chunks
    examples = whole.lazy().select(example.alias("example").unique(maintain_order=True))
    return Finding(
        name=name,
        severity=severity,
        message=message,
        count=odd.height,
        examples=tuple(examples.head(3).collect()["example"].drop_nulls()),
    )


def label_never_seen(frame: pl.DataFrame, config: Config, _: int) -> Finding | None:
    """No interaction is of the label's type, or none has the value it asks for."""
    label = config.label
    types = frame.filter(pl.col("event") == "interaction")["type"]
    wanted = pl.col("type") == label.interaction
    if label.min_value is not None:
        wanted &= pl.col("value") >= label.min_value
    if frame.filter(wanted).height:
        return None
    counts = types.value_counts().sort(["count", "type"], descending=[True, False])
    seen = counts["type"].head(10).to_list()
    needed = "" if label.min_value is None else f" with a value of {label.min_value:g} or more"
    return Finding(
        name="label_never_seen",
        severity="error",
        message=f'no interaction is a success: `label.interaction` is "{label.interaction}"'
        f"{needed}; types seen: {', '.join(seen) or 'none'}",
        count=0,
    )


def no_rankings(frame: pl.DataFrame, config: Config, _: int) -> Finding | None:
    """Nothing says what was shown, and no ``[candidates]`` stands in for it."""
    if config.candidates is not None or frame.filter(pl.col("event") == "ranking").height:
        return None
    return Finding(
        name="no_rankings",
        severity="warning",
        message="no event holds the lists that people were shown; send `ranking` events, or let "
        "[candidates] make lists from interactions",
        count=0,
    )


def unknown_interactions(frame: pl.DataFrame, config: Config, _: int) -> Finding | None:
    """Interaction types that the config does not name."""
    if not config.interactions:
        return None
    odd = frame.filter(
        (pl.col("event") == "interaction") & ~pl.col("type").is_in(list(config.interactions))
    )
    return finding_of(
        "unknown_interactions",
        "warning",
        "interactions are of a type that [interactions] does not name; they make no features",
        odd,
        pl.col("type"),
    )


def interactions_without_ranking(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Interactions that do not say which list they came from, where there are lists."""
    if not frame.filter(pl.col("event") == "ranking").height:
        return None
    odd = frame.filter((pl.col("event") == "interaction") & pl.col("ranking").is_null())
    return finding_of(
        "interactions_without_ranking",
        "info",
        "interactions name no ranking; each counts for the last one that held its item",
        odd,
        pl.format("{} of {} on {}", "type", "user", "item"),
    )


def unknown_rankings(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Interactions that name a ranking nobody served."""
    known = _rankings(frame).select("id")
    named = frame.filter((pl.col("event") == "interaction") & pl.col("ranking").is_not_null())
    return finding_of(
        "unknown_rankings",
        "warning",
        "interactions name a ranking that is not in the log; they make no labels",
        named.join(known, left_on="ranking", right_on="id", how="anti"),
        pl.col("ranking"),
    )


def interactions_before_ranking(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Effects before their cause: clocks that disagree."""
    return finding_of(
        "interactions_before_ranking",
        "warning",
        "interactions came before the ranking they name; clocks that disagree lose labels",
        _served(frame).filter(pl.col("time") < pl.col("shown_at")),
        pl.format("{} on {} of ranking {}", "type", "item", "ranking"),
    )


def items_not_in_ranking(frame: pl.DataFrame, _: Config, __: int) -> Finding | None:
    """Interactions with an item that the ranking they name did not hold."""
    served = _served(frame).filter(~pl.col("item").is_in(pl.col("shown")))
    return finding_of(
        "items_not_in_ranking",
        "warning",
        "interactions are with an item that the ranking they name did not hold",
        served,
        pl.format("{} not in ranking {}", "item", "ranking"),
    )


def _rankings(frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.filter(pl.col("event") == "ranking")
        .select("id", pl.col("time").alias("shown_at"), pl.col("items").alias("shown"))
        .unique("id", keep="first", maintain_order=True)
    )


def _served(frame: pl.DataFrame) -> pl.DataFrame:
    """Interactions beside the ranking they name."""
    acts = frame.filter(pl.col("event") == "interaction")
    acts = acts.select("type", "item", "time", "value", "ranking")
    return acts.join(
        _rankings(frame), left_on="ranking", right_on="id", how="inner", maintain_order="left"
    )


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
        "they count as their arrival",
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


CHECKS: tuple[Callable[[pl.DataFrame, Config, int], Finding | None], ...] = (
    label_never_seen,
    no_rankings,
    unknown_interactions,
    unknown_rankings,
    interactions_before_ranking,
    items_not_in_ranking,
    interactions_without_ranking,
    clocks_in_the_future,
    times_before_2000,
    ends_before_starts,
    items_never_started,
    items_never_ended,
    users_never_introduced,
    duplicates,
    identical_events,
)


def plain_oddities(frame: pl.DataFrame, config: Config, *, now_ms: int) -> list[Finding]:
    """Every finding of one frame of events, in the order of the report."""
    found = [check(frame, config, now_ms) for check in CHECKS]
    return [finding for finding in found if finding is not None]
