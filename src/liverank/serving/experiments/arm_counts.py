"""Popularity within each variant, counted from the log by the folding process.

Invariant: after a restart, an erasure or a change of an experiment, it is counted again from the
last HALF_LIVES half-lives of the log; earlier events have negligible weight.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.events.clock import right_times
from liverank.events.event import Event, ExperimentChange, Fields, Interaction
from liverank.events.log import Log
from liverank.events.wire import decode_fields
from liverank.experiments.assignment.held_out import holdout_share
from liverank.features.hashing import hash_id
from liverank.quantities import duration_ms, nearest
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.arms import Arms
from liverank.serving.ranking.fallback import HALF_LIFE
from liverank.serving.state.log_fold import LogSlice

HALF_LIVES = 12.0
"""Half-lives of the log that a new count covers."""
_COLUMNS = ("seq", "arrived", "event", "time", "user", "item", "type", "value", "fields")
_ROWS = 131_072


def half_life_ms(config: Config) -> float:
    """Half-life of "popular now" in ms: the config's half-life that is nearest to one hour."""
    return duration_ms(nearest(config.features.half_lives, HALF_LIFE)[0])


def count_arms(log: Log, config: Config, *, at_ms: float) -> "ArmCounts | None":
    """Count the log up to now; None if the config has neither experiments nor a holdout.

    It may take seconds. Raises LogError and its subclasses, StateError.
    """
    has_arms = bool(config.experiments) or holdout_share(config) > 0
    return ArmCounts(log, config, at_ms=at_ms) if has_arms else None


class ArmCounts:
    """Counts the successes of each arm in a table that workers read. Not thread-safe."""

    def __init__(self, log: Log, config: Config, *, at_ms: float) -> None:
        """Count the log up to now. Raises LogError and its subclasses, StateError."""
        self.seq = log.last_seq()
        """Seq of the last event that was counted."""
        changes = [one.event for one in log.experiment_changes()]
        self.changes = tuple(one for one in changes if isinstance(one, ExperimentChange))
        """Changes of experiments (starts, steps, ends) in the log."""
        self.table = ArmTable(half_life_ms=half_life_ms(config))
        self.is_stale = False
        """Whether an experiment has changed since the count."""
        self._label = config.label
        self._max_future_ms = duration_ms(config.features.max_future)
        self._arms = Arms(
            config.experiments, self.changes, at_ms=at_ms, holdout=holdout_share(config)
        )
        oldest_ms = at_ms - HALF_LIVES * half_life_ms(config)
        for frame in _newest_frames(log, self.seq, oldest_ms - self._max_future_ms):
            at, _ = right_times(frame, self._max_future_ms)
            self._count_frame(frame, at, since_ms=oldest_ms)

    def is_due(self, at_ms: float) -> bool:
        """Whether a new count is needed, because an experiment changed."""
        return self.is_stale or not self._arms.hold_at(at_ms)

    def count_slice(self, log_slice: LogSlice) -> None:
        """Count the next events of the log; skips those that were already counted."""
        if log_slice.stream is not None and log_slice.through_seq > self.seq:
            self._count(
                log_slice.frame, log_slice.events, log_slice.stream.at, log_slice.stream.seq
            )
        self.seq = max(self.seq, log_slice.through_seq)

    def catch_up(self, log: Log) -> None:
        """Count the later events of the log. Raises LogError and its subclasses."""
        for frame in log.read(self.seq + 1, columns=_COLUMNS):
            at, _ = right_times(frame, self._max_future_ms)
            self._count(frame, (), at, frame["seq"].to_numpy())
            self.seq = int(frame["seq"][-1])

    def _count(
        self,
        frame: pl.DataFrame | None,
        events: Sequence[Event],
        at: NDArray[np.float64],
        seqs: NDArray[np.int64],
    ) -> None:
        if frame is not None:
            is_new = frame["seq"] > self.seq
            self.is_stale |= bool((frame["event"] == "experiment").any())
            self._count_frame(frame.filter(is_new), at[is_new.to_numpy()], since_ms=-math.inf)
        else:
            self._count_events(events, at, seqs)

    def _count_events(
        self, events: Sequence[Event], at: NDArray[np.float64], seqs: NDArray[np.int64]
    ) -> None:
        arms: list[int] = []
        items: list[int] = []
        times: list[float] = []
        for event, at_ms, seq in zip(events, at.tolist(), seqs.tolist(), strict=True):
            if seq <= self.seq:
                continue
            if isinstance(event, Interaction):
                if event.type == self._label.interaction and self._is_success(event.value):
                    fed = self._arms.fed_by(event.user, event.fields)
                    arms += fed
                    items += [hash_id(event.item)] * len(fed)
                    times += [at_ms] * len(fed)
            elif isinstance(event, ExperimentChange):
                self.is_stale = True
        self._add(arms, items, times)

    def _count_frame(
        self, frame: pl.DataFrame, at: NDArray[np.float64], *, since_ms: float
    ) -> None:
        is_success = (pl.col("type") == self._label.interaction) & (pl.col("at") >= since_ms)
        if self._label.min_value is not None:
            is_success &= pl.col("value") >= self._label.min_value
        found = frame.with_columns(at=pl.Series(at)).filter(is_success.fill_null(value=False))
        if found.is_empty():
            return
        row_fields: list[Fields] = [{}] * found.height
        if self._arms.has_fields:
            row_fields = [{} if text is None else decode_fields(text) for text in found["fields"]]
        arms: list[int] = []
        items: list[int] = []
        times: list[float] = []
        rows = zip(found["user"], found["item"], found["at"], row_fields, strict=True)
        for user, item, at_ms, fields in rows:
            fed = self._arms.fed_by(user, fields)
            arms += fed
            items += [hash_id(item)] * len(fed)
            times += [at_ms] * len(fed)
        self._add(arms, items, times)

    def _is_success(self, value: float | None) -> bool:
        least = self._label.min_value
        return least is None or (value is not None and value >= least)

    def _add(self, arms: list[int], items: list[int], at_ms: list[float]) -> None:
        self.table.add(np.array(arms, np.uint64), np.array(items, np.uint64), np.array(at_ms))


def _newest_frames(log: Log, last_seq: int, since_ms: float) -> Iterator[pl.DataFrame]:
    """The events up to ``last_seq`` that arrived since a time, newest frames first."""
    end = last_seq
    while end > 0:
        begin = max(1, end - _ROWS + 1)
        arrived_ms = -math.inf
        for frame in log.read(begin, to_seq=end, columns=_COLUMNS):
            yield frame
            arrived_ms = max(arrived_ms, float(frame["arrived"].max() or 0))  # type: ignore[arg-type]
        if -math.inf < arrived_ms < since_ms:
            return
        end = begin - 1
