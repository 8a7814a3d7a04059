"""Determines which items of past rankings a user really saw.

Where there are impression events, they are used, with one exception: an app that logs the whole
screen also logs the items below a success, and where a success ends the visit, the user did not
examine these. Without such events, the whole list counts as seen, or the part down to the last item
engaged with (the user may not have scrolled further: Joachims et al. 2005). A list without any
engagement counts as a whole.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels.shown import last_lists

MIN_LISTS = 100
"""Minimum number of lists with engagement to estimate position bias."""
BIAS_Z = 4.0
"""Standard errors by which the mean position of engagement must be above the list's middle."""
BIAS_SHIFT = 0.05
"""Share of the list's length by which it must be above the middle."""
MIN_EXPECTED = 30.0
"""Minimum expected successes below first ones to detect whether users stop at a success."""
MOST_GO_ON = 0.1
"""Largest observed share of the expected successes if users stop at a success."""


def seen_items(
    items: pl.DataFrame,
    positions: NDArray[np.int64],
    labels: NDArray[np.uint8],
    engaged: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    impressions: pl.DataFrame | None,
    config: Config,
) -> NDArray[np.bool_]:
    """Whether each item of each list counts as seen: bool[k].

    ``items``: list, id, user, time, item; ``labels`` uint8[k] by the first label, ``engaged`` by
    any; ``impressions``: user, item, time, ranking, or None where no such events exist.
    """
    policy = config.impressions.seen
    if impressions is not None:
        seen = seen_by_events(items, impressions, config)
        seen[engaged == 1] = True
        below = below_success(positions, labels, offsets)
        if policy == "to_last_engaged" or (
            policy == "auto" and stops_at_success(labels[seen], below[seen])
        ):
            seen &= ~below | (engaged == 1)
        return seen
    labels = engaged
    if policy == "auto":
        policy = "to_last_engaged" if falls_with_position(positions, labels, offsets) else "all"
    if policy == "all":
        return np.ones(len(labels), np.bool_)
    return to_last_engaged(positions, labels, offsets)


def to_last_engaged(
    positions: NDArray[np.int64], labels: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Items down to the last success of each list; all of a list without one: bool[k].

    >>> to_last_engaged(np.array([0, 1, 2]), np.array([0, 1, 0], np.uint8), np.array([0, 3]))
    array([ True,  True, False])
    """
    last = np.maximum.reduceat(np.where(labels == 1, positions, -1), offsets[:-1])
    last = np.where(last < 0, np.iinfo(np.int64).max, last)
    seen: NDArray[np.bool_] = positions <= np.repeat(last, np.diff(offsets))
    return seen


def below_success(
    positions: NDArray[np.int64], labels: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Items below the first success of their list: bool[k].

    >>> below_success(np.array([0, 1, 2]), np.array([0, 1, 0], np.uint8), np.array([0, 3]))
    array([False, False,  True])
    """
    none = np.iinfo(np.int64).max
    first = np.minimum.reduceat(np.where(labels == 1, positions, none), offsets[:-1])
    below: NDArray[np.bool_] = positions > np.repeat(first, np.diff(offsets))
    return below


def stops_at_success(labels: NDArray[np.uint8], below: NDArray[np.bool_]) -> bool:
    """Whether users hardly ever have a second success below the first one of a list.

    ``labels`` uint8[n] of seen items, ``below`` bool[n] whether they are below a first success.
    The expected successes there assume the success rate of the other items.

    >>> below = np.arange(3000) % 3 == 2
    >>> stops_at_success((np.arange(3000) % 3 == 1).astype(np.uint8), below)
    True
    >>> stops_at_success((np.arange(3000) % 3 != 0).astype(np.uint8), below)
    False
    """
    if below.all() or not below.any():
        return False
    expected = float(labels[~below].mean()) * int(np.count_nonzero(below))
    found = int(np.count_nonzero(labels[below]))
    return expected >= MIN_EXPECTED and found <= MOST_GO_ON * expected


def falls_with_position(
    positions: NDArray[np.int64], labels: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> bool:
    """Whether successes are nearer to the top of their lists than by chance.

    Without bias the position of a success, as a share of the list's length, is uniform: mean 1/2,
    variance 1/12.
    """
    sizes = np.repeat(np.diff(offsets), np.diff(offsets))
    successes = (labels == 1) & (sizes > 1)
    count = int(np.count_nonzero(successes))
    if count < MIN_LISTS:
        return False
    shift = 0.5 - float(np.mean((positions[successes] + 0.5) / sizes[successes]))
    return shift > BIAS_SHIFT and shift * np.sqrt(12 * count) > BIAS_Z


def seen_by_events(
    items: pl.DataFrame, impressions: pl.DataFrame, config: Config
) -> NDArray[np.bool_]:
    """Whether each item has an impression of its ranking, or of its user soon after, bool[k].

    The arguments are those of ``seen_items``.
    """
    items = items.with_row_index("row")
    by_name = items.join(
        impressions.select("item", id="ranking"), on=["id", "item"], how="inner", nulls_equal=False
    )
    by_time = last_lists(items, impressions)
    is_soon = pl.col("happened") - pl.col("shown") <= config.label.within_ms
    seen = np.zeros(len(items), np.bool_)
    seen[by_name["row"].to_numpy()] = True
    seen[by_time.filter(is_soon)["row"].to_numpy()] = True
    return seen
