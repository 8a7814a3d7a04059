"""Scores of a sample of the lists that a bundle ranked, against what people then did.

Lists are resolved when their labels are known: predicted is the sum of the scores of the items
that were seen, observed the number of these that were successes.
Invariant: in busy hours one list in ``SPARSE`` is read, always the same ones.
"""

from collections import defaultdict

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HourTable
from liverank.bundle.manifest import is_version
from liverank.config import Config

SPARSE = 16
"""In a log with many lists, one in so many is read."""
MANY = 20_000
"""Lists of a frame and its hour from which on there are many."""
_STEP = 0.7
"""Width of the bins of scores, in log-odds."""
_MOST_STEPS = 12


class ScoredLists:
    """Lists that wait for their labels."""

    def __init__(self, config: Config) -> None:
        label = config.label
        self._impression = config.impressions.interaction
        self._label = label
        self.lag_h = -(-label.known_after_ms // HOUR_MS) + 1
        """Hours after its own until a list is resolved."""
        self._lists: defaultdict[int, list[pl.DataFrame]] = defaultdict(list)
        self._acts: defaultdict[int, list[pl.DataFrame]] = defaultdict(list)
        self._is_sparse = False

    def add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Add a frame of ``counts.streams.with_hours``."""
        lists = frame.filter((pl.col("event") == "ranking") & pl.col("scores").is_not_null())
        versions = [one for one in lists["model"].unique().to_list() if one and is_version(one)]
        lists = lists.filter(pl.col("model").is_in(versions))
        if not self._is_sparse and lists.height > MANY:
            self._is_sparse = True
        lists = self._sampled(lists, "id").select("hour", "model", "items", "scores", ranking="id")
        if lists.height:
            for part in lists.partition_by("hour"):
                self._lists[part["hour"][0]].append(part)
            _count_scores(lists, table)
        if not self._lists:
            return
        is_success = pl.col("type") == self._label.interaction
        if self._label.min_value is not None:
            is_success &= pl.col("value") >= self._label.min_value
        acts = frame.filter(
            pl.col("ranking").is_not_null() & ((pl.col("type") == self._impression) | is_success)
        )
        acts = self._sampled(acts, "ranking").select(
            "hour", "ranking", "item", is_success=pl.col("type") == self._label.interaction
        )
        for part in acts.partition_by("hour") if acts.height else []:
            self._acts[part["hour"][0]].append(part)

    def resolve(self, hour: int, table: HourTable) -> None:
        """Count the lists of ``lag_h`` hours ago as of the end of an hour, and forget them."""
        due = hour - self.lag_h
        for one in sorted(old for old in self._lists if old <= due):
            self._count(self._lists.pop(one), one, hour, table)
        self._acts = defaultdict(
            list, {one: parts for one, parts in self._acts.items() if one > due}
        )

    def _count(self, parts: list[pl.DataFrame], hour: int, until: int, table: HourTable) -> None:
        acts = [part for at in range(hour, until + 1) for part in self._acts.get(at, ())]
        if not acts:
            return
        seen = pl.concat(acts).group_by("ranking", "item").agg(pl.col("is_success").any())
        pairs = pl.concat(parts).explode("items", "scores")
        joined = pairs.join(seen, left_on=["ranking", "items"], right_on=["ranking", "item"])
        sums = joined.group_by("model").agg(pl.col("scores").sum(), pl.col("is_success").sum())
        for model, predicted, observed in sums.iter_rows():
            table.add(("predicted", model), hour, predicted)
            table.add(("observed", model), hour, observed)

    def _sampled(self, frame: pl.DataFrame, column: str) -> pl.DataFrame:
        if not self._is_sparse:
            return frame
        return frame.filter(pl.col(column).hash(seed=0) % SPARSE == 0)


def _count_scores(lists: pl.DataFrame, table: HourTable) -> None:
    scores = lists.select("hour", "model", score=pl.col("scores")).explode("score")
    value = pl.col("score").clip(1e-6, 1 - 1e-6)
    logit = (value / (1 - value)).log()
    step = (logit / _STEP).floor().clip(-_MOST_STEPS, _MOST_STEPS).cast(pl.Int64)
    known = scores.filter(pl.col("score").is_not_nan())
    for hour, model, name, count in (
        known.group_by("hour", "model", step.alias("step")).len().iter_rows()
    ):
        table.add(("score", model, str(name)), hour, count)
