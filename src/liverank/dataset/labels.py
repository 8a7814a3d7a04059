"""Which items of past rankings drew a success.

An interaction that names its ranking belongs to that one; any other belongs to the last ranking
that showed the item to this person before it. Either way it counts only within the label's window.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Label


def label_items(items: pl.DataFrame, interactions: pl.DataFrame, label: Label) -> NDArray[np.uint8]:
    """Label the items of rankings: uint8[k].

    ``items`` has a row for each item of each ranking: list, id, user, time, item. ``interactions``
    are those of the label's type: user, item, time, ranking, value.
    """
    items = items.with_row_index("row")
    if label.min_value is not None:
        interactions = interactions.filter(pl.col("value") >= label.min_value)
    named = interactions.filter(pl.col("ranking").is_not_null())
    by_name = items.join(
        named.select("item", happened="time", id="ranking"), on=["id", "item"], how="inner"
    )
    unnamed = interactions.filter(pl.col("ranking").is_null()).select(
        "user", "item", happened="time"
    )
    by_time = unnamed.sort("happened").join_asof(
        items.select("row", "user", "item", "time", shown="time").sort("time", "row"),
        left_on="happened",
        right_on="time",
        by=["user", "item"],
        strategy="backward",
        check_sortedness=False,
    )
    rows = pl.concat(
        [
            found.filter(
                (pl.col("happened") - pl.col(shown)).is_between(0, label.within_ms)
                & pl.col("row").is_not_null()
            ).select("row")
            for found, shown in ((by_name, "time"), (by_time, "shown"))
        ]
    )
    labels = np.zeros(len(items), np.uint8)
    labels[rows["row"].to_numpy()] = 1
    return labels
