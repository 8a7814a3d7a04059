"""The heuristics that a model has to beat: popularity over windows of time, counted exactly.

Invariant: a count for a list holds what the log said before that list was read, and no more.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels import successes_of
from liverank.dataset.lists import Lists
from liverank.dataset.popularity_kernel import count_before, rising_times
from liverank.features.hashing import hash_column
from liverank.features.layout import Layout

WINDOWS_MS = {
    "popular_1h": 3_600_000.0,
    "popular_6h": 21_600_000.0,
    "popular_24h": 86_400_000.0,
    "popular_all": np.inf,
}
"""Most popular over so many milliseconds before."""
PRIOR_IMPRESSIONS = 20.0
"""Impressions by which an item's success rate is pulled to that of all."""


def popularity_scores(
    frames: Iterable[pl.DataFrame], lists: Lists, layout: Layout, config: Config
) -> dict[str, NDArray[np.float64]]:
    """Scores of each heuristic for all items of the lists, float64[k] by name.

    ``popular_*`` count successes in a window; ``success_rate`` divides all successes so far by all
    impressions so far, where impressions are known.
    """
    shown = config.impressions.interaction
    successes, impressions = [], []
    for frame in frames:
        successes.append(successes_of(frame, config.label).select("seq", "time", "item"))
        if layout.impression is None:
            continue
        if layout.impressions_from_rankings:
            seen = (
                frame.filter(pl.col("event") == "ranking")
                .select("seq", "time", item="items")
                .explode("item", empty_as_null=False)
            )
        else:
            seen = frame.filter(pl.col("type") == shown).select("seq", "time", "item")
        impressions.append(seen)
    counts = _counts(successes, lists, tuple(WINDOWS_MS.values()))
    scores = dict(zip(WINDOWS_MS, counts, strict=True))
    if layout.impression is not None:
        overall = _so_far(successes, lists) / np.maximum(_so_far(impressions, lists), 1)
        (shown_so_far,) = _counts(impressions, lists, (np.inf,))
        scores["success_rate"] = (scores["popular_all"] + PRIOR_IMPRESSIONS * overall) / (
            shown_so_far + PRIOR_IMPRESSIONS
        )
    return scores


def _so_far(events: list[pl.DataFrame], lists: Lists) -> NDArray[np.int64]:
    """How many events of all items the log held when each item's list was read: int64[k]."""
    seqs = np.sort(pl.concat(events)["seq"].to_numpy())
    return np.repeat(np.searchsorted(seqs, lists.reads.before), lists.sizes)


def _counts(
    events: list[pl.DataFrame], lists: Lists, windows_ms: tuple[float, ...]
) -> list[NDArray[np.float64]]:
    """How often each item of each list stands among the events of each window before it."""
    table = pl.concat(events)
    hashes, seqs = hash_column(table["item"]), table["seq"].to_numpy()
    order = np.lexsort((seqs, hashes))
    hashes, seqs = hashes[order], seqs[order]
    times = rising_times(hashes, table["time"].cast(pl.Float64).to_numpy()[order])
    before = np.repeat(lists.reads.before, lists.sizes)
    at = np.repeat(lists.reads.at, lists.sizes)
    return [
        count_before(hashes, seqs, times, lists.reads.items, before, at - window_ms)
        for window_ms in windows_ms
    ]
