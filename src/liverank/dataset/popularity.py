"""The heuristics that a model has to beat: popularity over windows of time, counted exactly.

Invariant: a count for a list holds what the log said before that list was read, and no more.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
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
    label, shown = config.label.interaction, config.impressions.interaction
    successes, impressions = [], []
    for frame in frames:
        happened = frame.filter(pl.col("type") == label)
        if config.label.min_value is not None:
            happened = happened.filter(pl.col("value") >= config.label.min_value)
        successes.append(happened.select("seq", "time", "item"))
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
    scores = {name: _counts(successes, lists, window) for name, window in WINDOWS_MS.items()}
    if layout.impression is not None:
        overall = _so_far(successes, lists) / np.maximum(_so_far(impressions, lists), 1)
        shown_so_far = _counts(impressions, lists, np.inf)
        scores["success_rate"] = (scores["popular_all"] + PRIOR_IMPRESSIONS * overall) / (
            shown_so_far + PRIOR_IMPRESSIONS
        )
    return scores


def _so_far(events: list[pl.DataFrame], lists: Lists) -> NDArray[np.int64]:
    """How many events of all items the log held when each item's list was read: int64[k]."""
    seqs = np.sort(pl.concat(events)["seq"].to_numpy())
    return np.repeat(np.searchsorted(seqs, lists.reads.before), lists.sizes)


def _counts(events: list[pl.DataFrame], lists: Lists, window_ms: float) -> NDArray[np.float64]:
    """How often each item of each list stands among the events of the window before it."""
    table = pl.concat(events)
    hashes = hash_column(table["item"])
    order = np.lexsort((table["seq"].to_numpy(), hashes))
    reads = lists.reads
    counts: NDArray[np.float64] = count_before(
        hashes[order],
        table["seq"].to_numpy()[order],
        rising_times(hashes[order], table["time"].cast(pl.Float64).to_numpy()[order]),
        reads.items,
        np.repeat(reads.before, lists.sizes),
        np.repeat(reads.at, lists.sizes) - window_ms,
    )
    return counts
