"""Restricts training to the rankings of some variants of experiments.

Invariant: only rankings of other variants are left out; interactions stay.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.errors import DatasetError

_MOST_NAMED = 20


class VariantFilter:
    """Finds the rankings of other variants in a log's frames; there are none if none is named.

    >>> from liverank.events.event import Ranking
    >>> from liverank.events.frame import frame_of
    >>> lists = [
    ...     Ranking(time=0, id=one, user="u", items=["r"], variant=one) for one in ("e:a", "e:b")
    ... ]
    >>> VariantFilter(["e:b"]).wanted(frame_of(lists)).tolist()
    [False, True]
    """

    def __init__(self, variants: Sequence[str]) -> None:
        self._wanted = frozenset(variants)
        self._seen: set[str] = set()

    def wanted(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Whether the rankings among these events are of the variants, bool[n]; true for others."""
        if not self._wanted:
            return np.ones(frame.height, np.bool_)
        self._seen |= set(frame["variant"].drop_nulls().unique())
        of_these = frame["variant"].is_in(list(self._wanted)).fill_null(value=False)
        return ((frame["event"] != "ranking") | of_these).to_numpy()

    def check(self) -> None:
        """Raise DatasetError, with the variants that occur, if a wanted one did not."""
        missing = sorted(self._wanted - self._seen)
        if missing:
            known = ", ".join(sorted(self._seen)[:_MOST_NAMED]) or "none"
            raise DatasetError(
                f"`training.variants` names {', '.join(missing)}, but no ranking is of it; the "
                f"variants that occur are: {known}"
            )
