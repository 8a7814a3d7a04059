"""Restricts training to the rankings of some variants of experiments.

Invariant: only rankings of other variants are left out; interactions stay.
"""

from collections.abc import Sequence

import polars as pl

from liverank.errors import DatasetError

_MOST_NAMED = 20


class VariantFilter:
    """Removes the rankings of other variants from a log's frames; keeps all if none is named.

    >>> from liverank.events.event import Ranking
    >>> from liverank.events.frame import frame_of
    >>> lists = [
    ...     Ranking(time=0, id=one, user="u", items=["r"], variant=one) for one in ("e:a", "e:b")
    ... ]
    >>> VariantFilter(["e:b"]).kept(frame_of(lists))["variant"].to_list()
    ['e:b']
    """

    def __init__(self, variants: Sequence[str]) -> None:
        self._wanted = frozenset(variants)
        self._seen: set[str] = set()

    def kept(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame without rankings of other variants."""
        if not self._wanted:
            return frame
        self._seen |= set(frame["variant"].drop_nulls().unique())
        is_wanted = pl.col("variant").is_in(list(self._wanted)).fill_null(value=False)
        return frame.filter((pl.col("event") != "ranking") | is_wanted)

    def check(self) -> None:
        """Raise DatasetError, with the variants that occur, if a wanted one did not."""
        missing = sorted(self._wanted - self._seen)
        if missing:
            known = ", ".join(sorted(self._seen)[:_MOST_NAMED]) or "none"
            raise DatasetError(
                f"`training.variants` names {', '.join(missing)}, but no ranking is of it; the "
                f"variants that occur are: {known}"
            )
