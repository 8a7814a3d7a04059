"""Finds the list that an interaction belongs to, where the interaction does not name it."""

import polars as pl


def last_lists(items: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    """For each interaction without a ranking, the last list that showed its item to its user.

    ``items`` has a row for each item of each list: row, user, item, time; ``interactions``: user,
    item, time, ranking. Returns the ``row`` of the item in that list, when it was ``shown`` and
    when the interaction ``happened``, both in Unix ms. One without an earlier list is left out.

    >>> items = pl.DataFrame({"row": [0, 1], "user": "u1", "item": "room9", "time": [10, 20]})
    >>> joins = pl.DataFrame({"user": "u1", "item": "room9", "time": [15], "ranking": [None]})
    >>> last_lists(items, joins).row(0, named=True)
    {'row': 0, 'shown': 10, 'happened': 15}
    """
    unnamed = interactions.filter(pl.col("ranking").is_null()).select(
        "user", "item", happened="time"
    )
    found = unnamed.sort("happened").join_asof(
        items.select("row", "user", "item", "time", shown="time").sort("time", "row"),
        left_on="happened",
        right_on="time",
        by=["user", "item"],
        strategy="backward",
        check_sortedness=False,
    )
    return found.filter(pl.col("row").is_not_null()).select("row", "shown", "happened")
