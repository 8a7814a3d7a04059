"""Lists made from bare interactions, for a log that holds no rankings.

Each chosen interaction is taken as a choice among the items that drew one within the window before
it. To train, the chosen item stands beside an even sample of the others: the odds that a model
learns from it are those among all of them, times a constant. (A sample that favours popular items
would teach it that popularity counts for nothing.) To test, it stands beside all of them.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Candidates
from liverank.dataset.implied_kernel import choices_of
from liverank.dataset.lists import Lists, words_of_requests
from liverank.features.hashing import hash_column
from liverank.features.layout import Layout
from liverank.features.state import Reads


def imply_lists(
    frames: Iterable[pl.DataFrame],
    layout: Layout,
    candidates: Candidates,
    *,
    from_ms: float,
    to_ms: float,
    at_most: int,
    per_list: int | None,
    seed: int,
) -> Lists:
    """Lists of the interactions with ``from_ms <= time < to_ms``, thinned evenly to ``at_most``.

    ``per_list`` items each, the chosen one among them (interactions with an item that was not
    among the candidates are left out); or, if None, all candidates, whether or not the chosen one
    is among them. The window's length is over before the first list, where the log is long enough.
    """
    clicks = pl.concat(
        frame.filter(pl.col("type") == candidates.interaction).select(
            "seq", "time", "user", "item", "fields", "surface"
        )
        for frame in frames
    ).sort("seq")
    hashes = hash_column(clicks["item"])
    items, codes = np.unique(hashes, return_inverse=True)
    time = clicks["time"].to_numpy(writable=True)
    chosen = _thinned(time, candidates.within_ms, from_ms, to_ms, at_most)
    offsets, picked, labels = choices_of(
        time,
        codes.astype(np.int64),
        chosen,
        candidates.within_ms,
        -1 if per_list is None else per_list,
        np.uint64(seed),
    )
    sizes = np.diff(offsets)
    picks = clicks[chosen[sizes > 0]]
    at = picks["time"].cast(pl.Float64).to_numpy(writable=True)
    return Lists(
        Reads(
            before=picks["seq"].to_numpy(writable=True),
            user=hash_column(picks["user"]),
            at=at,
            request=words_of_requests(picks["fields"], picks["surface"], layout),
            offsets=np.concatenate(([0], np.cumsum(sizes[sizes > 0]))).astype(np.int64),
            items=items[picked],
            positions=np.full(len(picked), np.nan),
        ),
        labels=labels,
        seen=np.ones(len(picked), np.bool_),
        served=np.ones(len(picked), np.bool_),
        until_ms=at.copy(),
    )


def _thinned(
    time: NDArray[np.int64], within_ms: int, from_ms: float, to_ms: float, at_most: int
) -> NDArray[np.int64]:
    """Places of at most so many interactions of the period, evenly spread: int64[c]."""
    if len(time) == 0:
        return np.empty(0, np.int64)
    warm_ms = min(int(time[0]) + within_ms, (int(time[0]) + min(to_ms, int(time[-1]))) / 2)
    inside = np.flatnonzero((time >= max(from_ms, warm_ms)) & (time < to_ms))
    if len(inside) > at_most:
        inside = inside[np.linspace(0, len(inside) - 1, at_most).astype(np.int64)]
    return inside
