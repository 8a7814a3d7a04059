"""Scores of a sample of the lists that a bundle ranked, against what people then did.

Lists are resolved when their labels are known: predicted is the sum of the scores of the items
that were seen, observed the number of these that were successes. Memory holds at most ``MANY``
lists of an hour, and the acts on them; of the hour that goes on, all acts that name a list.
Invariant: which lists are read depends on their ids and their number in an hour, not on the frames.
"""

from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HOURS, HourTable
from liverank.bundle.manifest import is_version
from liverank.config import Config

MANY = 2_000
"""Lists of an hour that are read at most: of more, every second one is, or every fourth, ..."""
_MOST_HALVINGS = 40
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
        self._lists: dict[int, pl.DataFrame] = {}
        self._halvings: dict[int, int] = {}
        """How often the lists of an hour were halved: each stands for 2 to this power of them."""
        self._acts: defaultdict[int, list[pl.DataFrame]] = defaultdict(list)
        self._arrived_h: int | None = None
        """The hour in which the last event arrived."""

    def add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Add a frame of ``counts.streams.with_hours``; hours that have ended are resolved."""
        arrived = (pl.col("arrived") // HOUR_MS).alias("arrived_h")
        for part in frame.with_columns(arrived).partition_by("arrived_h", maintain_order=True):
            now = int(part["arrived_h"][0])
            begin = now if self._arrived_h is None else max(self._arrived_h, now - HOURS)
            for hour in range(begin, now):
                self._resolve(hour, table)
            self._arrived_h = max(begin, now)
            self._add(part.filter(pl.col("hour") > now - HOURS), table)

    def _add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Add events that arrived in one hour."""
        lists = frame.filter((pl.col("event") == "ranking") & pl.col("scores").is_not_null())
        versions = [one for one in lists["model"].unique().to_list() if one and is_version(one)]
        lists = lists.filter(pl.col("model").is_in(versions))
        lists = lists.select("hour", "model", "items", "scores", ranking="id")
        for part in lists.partition_by("hour") if lists.height else []:
            self._keep(part["hour"][0], part, table)
        is_success = pl.col("type") == self._label.interaction
        if self._label.min_value is not None:
            is_success &= pl.col("value") >= self._label.min_value
        acts = frame.filter(
            pl.col("ranking").is_not_null() & ((pl.col("type") == self._impression) | is_success)
        ).select("hour", "ranking", "item", is_success=pl.col("type") == self._label.interaction)
        for part in acts.partition_by("hour") if acts.height else []:
            self._acts[part["hour"][0]].append(part)

    def resolve(self, hour: int, table: HourTable) -> None:
        """Count the lists of ``lag_h`` hours ago as of the end of an hour, and forget them.

        Hours before the last event's are resolved already.
        """
        if self._arrived_h is None or hour >= self._arrived_h:
            self._resolve(hour, table)

    def _resolve(self, hour: int, table: HourTable) -> None:
        due = hour - self.lag_h
        for one in sorted(old for old in self._lists if old <= due):
            self._count(self._lists.pop(one), one, hour, table)
            del self._halvings[one]
        kept = {one: parts for one, parts in self._acts.items() if one > due}
        self._acts = defaultdict(list, kept)
        for one, parts in kept.items():
            if one == hour or len(parts) > 1:
                self._acts[one] = self._on_lists(parts)

    def _keep(self, hour: int, lists: pl.DataFrame, table: HourTable) -> None:
        """Keep a sample of lists of an hour, and count its scores."""
        halvings = self._halvings.setdefault(hour, 0)
        lists = _sampled(lists, halvings)
        _count_scores(lists, table, 2**halvings)
        if hour in self._lists:
            lists = pl.concat([self._lists[hour], lists])
        if lists.height > MANY:
            _count_scores(lists, table, -(2**halvings))
            while lists.height > MANY and halvings < _MOST_HALVINGS:
                halvings += 1
                lists = _sampled(lists, halvings)
            _count_scores(lists, table, 2**halvings)
        self._lists[hour], self._halvings[hour] = lists, halvings

    def _on_lists(self, acts: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
        """The acts on lists that are kept; acts that came in an hour before their list are not."""
        if not self._lists:
            return []
        kept = pl.concat([lists.select("ranking") for lists in self._lists.values()])
        return [pl.concat(acts).join(kept.unique(), on="ranking", how="semi")]

    def _count(self, lists: pl.DataFrame, hour: int, until: int, table: HourTable) -> None:
        acts = [part for at in range(hour, until + 1) for part in self._acts.get(at, ())]
        if not acts:
            return
        weight = 2 ** self._halvings[hour]
        seen = pl.concat(acts).group_by("ranking", "item").agg(pl.col("is_success").any())
        pairs = lists.explode("items", "scores")
        joined = pairs.join(seen, left_on=["ranking", "items"], right_on=["ranking", "item"])
        sums = joined.group_by("model").agg(pl.col("scores").sum(), pl.col("is_success").sum())
        for model, predicted, observed in sums.iter_rows():
            table.add(("predicted", model), hour, weight * predicted)
            table.add(("observed", model), hour, weight * observed)


def _sampled(lists: pl.DataFrame, halvings: int) -> pl.DataFrame:
    """The lists that are left after so many halvings; those after more are among them."""
    if halvings == 0:
        return lists
    return lists.filter(pl.col("ranking").hash(seed=0) % 2**halvings == 0)


def _count_scores(lists: pl.DataFrame, table: HourTable, weight: int) -> None:
    scores = lists.select("hour", "model", score=pl.col("scores")).explode("score")
    value = pl.col("score").clip(1e-6, 1 - 1e-6)
    logit = (value / (1 - value)).log()
    step = (logit / _STEP).floor().clip(-_MOST_STEPS, _MOST_STEPS).cast(pl.Int64)
    known = scores.filter(pl.col("score").is_not_nan())
    for hour, model, name, count in (
        known.group_by("hour", "model", step.alias("step")).len().iter_rows()
    ):
        table.add(("score", model, str(name)), hour, weight * count)
