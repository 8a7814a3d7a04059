"""Decides whether impressions are logged or the items of rankings count as impressions."""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from liverank.config import Impressions


def stands_for_impressions(
    impressions: Impressions, read: Callable[[Sequence[str]], Iterable[pl.DataFrame]]
) -> bool:
    """Whether items of rankings count as impressions, according to ``impressions.source``.

    ``read`` returns frames with the given columns; with ``auto`` the types of interactions are
    read up to the first impression.

    >>> frames = [pl.DataFrame({"seq": [1], "type": ["join"]})]
    >>> stands_for_impressions(Impressions(), lambda columns: frames)
    True
    """
    if impressions.source != "auto":
        return impressions.source == "ranking"
    frames = read(("seq", "type"))
    return not any((frame["type"] == impressions.interaction).any() for frame in frames)
