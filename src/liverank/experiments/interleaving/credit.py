"""Credits users' choices in interleaved lists to the rankers, summed for each user.

Invariant: a success counts once for its item in its ranking, and only if the interaction names the
ranking; other interactions credit no ranker.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import EventError
from liverank.experiments.interleaving.teams import TEAMS_FIELD, shares_of


def credits_of_users(
    rankings: pl.DataFrame, successes: pl.DataFrame, rankers: int
) -> tuple[list[str], NDArray[np.float64]]:
    """The users, and the credit of each ranker for each user, float64[n_users, rankers].

    ``rankings``: columns ``ranking``, ``user``, ``items`` (list) and ``teams`` (``teams_text``).
    ``successes``: columns ``ranking`` and ``item``, one row for each click, join or other success.
    Users are in order of their first ranking; a user without a success has zeros.
    Raises EventError if ``teams`` is not a valid text, or does not have one team for each item.

    >>> rankings = pl.DataFrame(
    ...     {"ranking": ["q1"], "user": ["u1"], "items": [["r1", "r2", "r3"]], "teams": ["ABA"]}
    ... )
    >>> clicks = pl.DataFrame({"ranking": ["q1", "q1"], "item": ["r3", "r3"]})
    >>> credits_of_users(rankings, clicks, rankers=2)
    (['u1'], array([[1., 0.]]))
    """
    shares = {text: shares_of(text, rankers) for text in rankings["teams"].unique().to_list()}
    users = rankings["user"].unique(maintain_order=True)
    numbers = {user: number for number, user in enumerate(users.to_list())}
    credit = np.zeros((len(users), rankers))
    chosen = (
        successes.select("ranking", "item")
        .group_by("ranking")
        .agg(chosen=pl.col("item"))
        .join(rankings, on="ranking", how="inner")
    )
    for row in chosen.select("user", "items", "teams", "chosen").iter_rows():
        user, items, teams, picks = row
        if len(shares[teams]) != len(items):
            raise EventError(
                f"`fields.{TEAMS_FIELD}`: `{teams}` names the teams of {len(shares[teams])} items, "
                f"but the ranking of user `{user}` holds {len(items)}"
            )
        positions = [position for position, item in enumerate(items) if item in picks]
        credit[numbers[user]] += shares[teams][positions].sum(axis=0)
    return users.to_list(), credit
