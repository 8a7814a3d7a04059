"""What is odd about rankings and interactions: labels that would be lost or never come."""

import polars as pl

from liverank.config import Config
from liverank.events.oddities.finding import Finding, finding_of


def label_never_seen(frame: pl.DataFrame, config: Config, _: int) -> Finding | None:
    """No interaction is of the label's type, or none has the value it asks for."""
    label = config.label
    types = frame.filter(pl.col("event") == "interaction")["type"]
    wanted = pl.col("type") == label.interaction
    if label.min_value is not None:
        wanted &= pl.col("value") >= label.min_value
    if frame.filter(wanted).height:
        return None
    seen = types.value_counts(sort=True)["type"].head(10).to_list()
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
        message="no event says which list a person was shown; send `ranking` events, or let "
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
