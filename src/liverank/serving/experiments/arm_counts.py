"""Popularity within each variant, counted from the log: for the folding process.

Invariant: after a restart, an erasure or a change of an experiment it is what the log then says,
counted again from the last HALF_LIVES half-lives; what came earlier weighs next to nothing.
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
from liverank.features.hashing import hash_id
from liverank.quantities import duration_ms, nearest
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.arms import Arms
from liverank.serving.ranking.fallback import HALF_LIFE
from liverank.serving.state.log_fold import LogSlice

HALF_LIVES = 12.0
"""Half-lives of the log that are counted when it begins again."""
_COLUMNS = ("seq", "arrived", "event", "time", "user", "item", "type", "value", "fields")
_ROWS = 131_072


def half_life_ms(config: Config) -> float:
    """The memory of "popular now": the config's half-life that is nearest to an hour, in ms."""
    return duration_ms(nearest(config.features.half_lives, HALF_LIFE)[0])


def count_arms(log: Log, config: Config, *, at_ms: float) -> "ArmCounts | None":
    """What the log comes to by now; None where the config names no experiments.

    Takes its time. Raises LogError and its kinds, StateError.
    """
    return ArmCounts(log, config, at_ms=at_ms) if config.experiments else None


class ArmCounts:
    """Counts successes for arms, into a table that workers read. One thread at a time."""

    def __init__(self, log: Log, config: Config, *, at_ms: float) -> None:
        """Count what the log holds by now. Raises LogError and its kinds, StateError."""
        self.seq = log.last_seq()
        """The last event that was counted."""
        changes = [one.event for one in log.experiment_changes()]
        self.changes = tuple(one for one in changes if isinstance(one, ExperimentChange))
        """What the log says became of experiments."""
        self.table = ArmTable(half_life_ms=half_life_ms(config))
        self.is_stale = False
        """Whether an event of an experiment was seen since."""
        self._label = config.label
        self._max_future_ms = duration_ms(config.features.max_future)
        self._arms = Arms(config.experiments, self.changes, at_ms=at_ms)
        oldest_ms = at_ms - HALF_LIVES * half_life_ms(config)
        for frame in _newest_frames(log, self.seq, oldest_ms - self._max_future_ms):
            at, _ = right_times(frame, self._max_future_ms)
            self._take_frame(frame, at, since_ms=oldest_ms)

    def is_due(self, at_ms: float) -> bool:
        """Whether it must be counted again, as something became of an experiment."""
        return self.is_stale or not self._arms.hold_at(at_ms)

    def take(self, piece: LogSlice) -> None:
        """Count the next events of the log; those that were counted already are passed over."""
        if piece.stream is not None and piece.through_seq > self.seq:
            self._take(piece.frame, piece.events, piece.stream.at, piece.stream.seq)
        self.seq = max(self.seq, piece.through_seq)

    def catch_up(self, log: Log) -> None:
        """Count what came into the log since. Raises LogError and its kinds."""
        for frame in log.read(self.seq + 1, columns=_COLUMNS):
            at, _ = right_times(frame, self._max_future_ms)
            self._take(frame, (), at, frame["seq"].to_numpy())
            self.seq = int(frame["seq"][-1])

    def _take(
        self,
        frame: pl.DataFrame | None,
        events: Sequence[Event],
        at: NDArray[np.float64],
        seqs: NDArray[np.int64],
    ) -> None:
        if frame is not None:
            is_new = frame["seq"] > self.seq
            self.is_stale |= bool((frame["event"] == "experiment").any())
            self._take_frame(frame.filter(is_new), at[is_new.to_numpy()], since_ms=-math.inf)
        else:
            self._take_events(events, at, seqs)

    def _take_events(
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

    def _take_frame(self, frame: pl.DataFrame, at: NDArray[np.float64], *, since_ms: float) -> None:
        is_success = (pl.col("type") == self._label.interaction) & (pl.col("at") >= since_ms)
        if self._label.min_value is not None:
            is_success &= pl.col("value") >= self._label.min_value
        found = frame.with_columns(at=pl.Series(at)).filter(is_success.fill_null(value=False))
        if found.is_empty():
            return
        said: list[Fields] = [{}] * found.height
        if self._arms.has_fields:
            said = [{} if text is None else decode_fields(text) for text in found["fields"]]
        arms: list[int] = []
        items: list[int] = []
        times: list[float] = []
        rows = zip(found["user"], found["item"], found["at"], said, strict=True)
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
    """The events up to ``last_seq`` that arrived since a time, the newest frames first."""
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
