"""Reads the interleaved lists of an experiment and their successes from a log's frames.

Invariant: a success belongs to the list that it names, or else to the last earlier list that showed
the item to this user; in both cases it counts only within the label's window.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import DatasetError
from liverank.events.wire import decode_fields
from liverank.experiments.interleaving.credit import credits_of_users
from liverank.experiments.interleaving.teams import TEAMS_FIELD


class Interleaved(NamedTuple):
    """The credit of each user, float64[users, rankers], and the number of lists and successes."""

    credit: NDArray[np.float64]
    lists: int
    successes: int


class Counts(NamedTuple):
    """The definition of a success: interactions of a type, within a time, of at least a value."""

    interaction: str
    within_ms: float
    min_value: float | None = None


def interleaved_credit(
    frames: Iterable[pl.DataFrame], variant: str, counts: Counts, rankers: int = 2
) -> Interleaved:
    """Credit the rankers of a variant, named as rankings are logged (``EXPERIMENT:VARIANT``).

    ``frames`` are the log's (``events.frame.SCHEMA``). Raises EventError for a list whose teams
    are not of the form that ``teams_text`` writes, DatasetError if there is no list.
    """
    rankings, acts = _collected(frames, variant, counts)
    if rankings.is_empty():
        raise DatasetError(
            f"the log has no interleaved list of `{variant}`; has the experiment been started?"
        )
    shown = rankings.select("ranking", "user", "shown", item="items").explode("item")
    named = acts.filter(pl.col("ranking").is_not_null()).join(
        shown.drop("user"), on=["ranking", "item"], how="inner"
    )
    others = acts.filter(pl.col("ranking").is_null()).drop("ranking")
    by_time = others.sort("time").join_asof(
        shown.sort("shown"),
        left_on="time",
        right_on="shown",
        by=["user", "item"],
        strategy="backward",
        check_sortedness=False,
    )
    wait_ms = pl.col("time") - pl.col("shown")
    chosen = pl.concat(
        [
            found.filter(wait_ms.is_between(0, counts.within_ms)).select("ranking", "item")
            for found in (named, by_time)
        ]
    ).unique()
    _, credit = credits_of_users(rankings.drop("shown"), chosen, rankers)
    return Interleaved(credit, rankings.height, chosen.height)


def _collected(
    frames: Iterable[pl.DataFrame], variant: str, counts: Counts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The variant's lists (ranking, user, shown, items, teams), and possible successes in them."""
    lists, acts = [], []
    for frame in frames:
        mine = frame.filter((pl.col("event") == "ranking") & (pl.col("variant") == variant))
        teams = pl.Series("teams", list(_teams(mine["fields"])), pl.String)
        lists.append(mine.select("user", "items", ranking="id", shown="time").with_columns(teams))
        wanted = pl.col("type") == counts.interaction
        if counts.min_value is not None:
            wanted &= pl.col("value") >= counts.min_value
        acts.append(frame.filter(wanted).select("user", "item", "ranking", "time"))
    return pl.concat(lists).filter(pl.col("teams").is_not_null()), pl.concat(acts)


def _teams(fields: pl.Series) -> Iterator[str | None]:
    """The teams in the fields (JSON) of requests; null where there are none."""
    for text in fields:
        teams = None if text is None else decode_fields(text).get(TEAMS_FIELD)
        yield None if teams is None else str(teams)
