"""Labels of the items of past rankings: whether each item led to a success.

An interaction that names its ranking belongs to that one; any other belongs to the last earlier
ranking that showed the item to this user. Either way it counts only within the label's window.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Label
from liverank.dataset.labels.shown import last_lists
from liverank.errors import DatasetError


def successes_of(events: pl.DataFrame, label: Label) -> pl.DataFrame:
    """The events that count as a success, whatever list they belong to; needs type and value.

    The length of the stay is not checked here: it is unknown when the event happens.
    """
    is_success = pl.col("type") == label.interaction
    if label.min_value is not None:
        is_success &= pl.col("value") >= label.min_value
    return events.filter(is_success)


def long_stays(successes: pl.DataFrame, leaves: pl.DataFrame, label: Label) -> pl.DataFrame:
    """The successes after which the person did not leave the item within the label's duration.

    Both have user, item and time. Raises DatasetError where there are no leaves: then the length of
    stays is unknown.

    >>> joins = pl.DataFrame({"user": "u1", "item": ["room9", "room3"], "time": [1000, 5000]})
    >>> leaves = pl.DataFrame({"user": ["u1"], "item": ["room9"], "time": [4000]})
    >>> stay = Label(interaction="join", min_duration="30s")
    >>> long_stays(joins, leaves, stay)["item"].to_list()
    ['room3']
    """
    if label.min_duration is None:
        return successes
    if leaves.is_empty():
        raise DatasetError(
            f"a stay of {label.min_duration} cannot be measured without events of leaving; "
            "send `presence.leave` interactions, or leave `min_duration` out"
        )
    left = successes.sort("time").join_asof(
        leaves.select("user", "item", "time", left="time").sort("time"),
        on="time",
        by=["user", "item"],
        strategy="forward",
        check_sortedness=False,
    )
    stayed_ms = pl.col("left") - pl.col("time")
    return left.filter(stayed_ms.is_null() | (stayed_ms >= label.min_duration_ms)).drop("left")


def label_items(items: pl.DataFrame, successes: pl.DataFrame, label: Label) -> NDArray[np.uint8]:
    """Label the items of rankings: uint8[k].

    ``items`` has a row for each item of each ranking: list, id, user, time, item. ``successes``
    (``successes_of``): user, item, time, ranking.
    """
    items = items.with_row_index("row")
    named = successes.filter(pl.col("ranking").is_not_null())
    by_name = items.select("row", "id", "item", shown="time").join(
        named.select("item", happened="time", id="ranking"), on=["id", "item"], how="inner"
    )
    by_time = last_lists(items, successes)
    meant = pl.concat([by_name.select(by_time.columns), by_time])
    wait_ms = pl.col("happened") - pl.col("shown")
    rows = meant.filter(wait_ms.is_between(0, label.within_ms))["row"]
    labels = np.zeros(len(items), np.uint8)
    labels[rows.to_numpy()] = 1
    return labels
