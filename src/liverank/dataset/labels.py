"""Which items of past rankings drew a success.

An interaction that names its ranking belongs to that one; any other belongs to the last ranking
that showed the item to this person before it. Either way it counts only within the label's window.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Label
from liverank.dataset.shown import last_lists


def successes_of(events: pl.DataFrame, label: Label) -> pl.DataFrame:
    """The events that count as a success, whatever list they came from; needs type and value."""
    is_success = pl.col("type") == label.interaction
    if label.min_value is not None:
        is_success &= pl.col("value") >= label.min_value
    return events.filter(is_success)


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
