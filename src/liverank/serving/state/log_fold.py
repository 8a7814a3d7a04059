"""Folding the log for serving: feature state and live items, at one place in the log.

Invariant: ``FoldedLog.seq`` is the seq of the last event that any of its parts has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from liverank.config import Config
from liverank.events.event import Event, Interaction
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.events.schema.profile import Profile, profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import Layout
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.features.stream.single_events import EventStreams
from liverank.quantities import duration_ms
from liverank.serving.state.live_items import LiveItems

SLICE_ROWS = 256
"""Events folded in one batch while others read: a millisecond, ten if all are long rankings."""
STEP_ROWS = 8_192
"""Events read in one step while others read."""
BULK_ROWS = 131_072
"""Events folded in one step when nobody waits."""
_COLUMNS = (
    "seq",
    "arrived",
    "event",
    "time",
    "user",
    "item",
    "state",
    "relation",
    "target",
    "active",
    "type",
    "value",
    "surface",
    "items",
    "fields",
)
"""What state and live items go by."""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """The next events of the log, as live items and as state fold them.

    They are a frame, or ``events`` where they are few; ``stream`` is None where no event counts.
    ``arrived_ms`` is when the last of them came into the log, Unix ms; 0 where that is unknown.
    """

    through_seq: int
    stream: Stream | None
    frame: pl.DataFrame | None = None
    events: tuple[Event, ...] = ()
    arrived_ms: int = 0


class FoldedLog:
    """What the log comes to, up to ``seq``."""

    def __init__(self, layout: Layout, config: Config, *, state: State | None = None) -> None:
        """Empty, or what a ``state`` of that layout holds; ``live`` is then for the caller."""
        self.state = State(layout) if state is None else state
        self.live = LiveItems(
            expire_after_ms=duration_ms(config.serving.expire_after),
            impression=config.impressions.interaction,
        )
        self._max_future_ms = duration_ms(config.features.max_future)
        self._streams = EventStreams(layout, max_future_ms=self._max_future_ms)

    @property
    def layout(self) -> Layout:
        """The layout of the state."""
        return self.state.layout

    @property
    def seq(self) -> int:
        """The seq of the last event folded; 0 before the first."""
        return self.state.seq

    def read_slice(self, log: Log, *, max_rows: int) -> LogSlice | None:
        """Read the events after ``seq``, at most ``max_rows``; None when there are none.

        Changes nothing, so another thread may do it. Raises LogError and its kinds.
        """
        frame = next(log.read(self.seq + 1, batch_rows=max_rows, columns=_COLUMNS), None)
        if frame is None:
            return None
        stream = stream_of(frame, self.layout, max_future_ms=self._max_future_ms)
        arrived_ms = int(frame["arrived"][-1] or 0)
        return LogSlice(int(frame["seq"][-1]), stream, frame, arrived_ms=arrived_ms)

    def read_few(
        self, log: Log, *, max_rows: int, frame_rows: int | None = None
    ) -> LogSlice | None:
        """What ``read_slice`` reads; without a data frame where the events lie in the log's tail.

        Of a segment at most ``frame_rows``, if given. Raises LogError and its kinds.
        """
        tail = log.read_tail(
            self.seq + 1, rows=max_rows, rankings=self.layout.impressions_from_rankings
        )
        if tail is None:
            return self.read_slice(log, max_rows=frame_rows or max_rows)
        if tail.through_seq <= self.seq:
            return None
        stream = self._streams.of(tail.events) if tail.events else None
        return LogSlice(
            tail.through_seq,
            stream,
            events=tuple(entry.event for entry in tail.events),
            arrived_ms=tail.events[-1].arrived_ms if tail.events else 0,
        )

    def fold(
        self, piece: LogSlice, *, batch: int | None = None, before: Callable[[], None] | None = None
    ) -> None:
        """Fold a slice that ``read_slice`` or ``read_few`` gave, ``batch`` events at a time.

        Other processes can read between two batches; ``before`` is called before each.
        """
        if piece.stream is not None:
            self.state.fold(piece.stream, batch=batch, before=before)
            if piece.frame is not None:
                self.live.fold(piece.frame, piece.stream.at)
            else:
                self.live.fold_events(piece.events, piece.stream.at.tolist())
        self.state.pass_over(piece.through_seq)


def fold_log(
    log: Log,
    layout: Layout,
    config: Config,
    *,
    begun: FoldedLog | None = None,
    goes_on: Callable[[int], bool] = lambda _seq: True,
) -> FoldedLog:
    """Fold a log to its end, or for as long as ``goes_on`` says so when told the seq reached.

    From its start, or on from where ``begun`` stands. Raises LogError and its kinds.
    """
    folded = FoldedLog(layout, config) if begun is None else begun
    read = partial(folded.read_few, log, max_rows=STEP_ROWS, frame_rows=BULK_ROWS)
    while (piece := read()) is not None:
        folded.fold(piece)
        if not goes_on(folded.seq):
            break
    return folded


def compile_fold(layout: Layout, config: Config) -> None:
    """Fold one event into a state that is thrown away, so that no real one waits for a compiler."""
    folded = FoldedLog(layout, config)
    frame = frame_of([Interaction(time=0, type="-", user="-", item="-")], seqs=[1], arrived_ms=0)
    folded.fold(LogSlice(1, stream_of(frame, layout, max_future_ms=0.0), frame))


def settle_layout(log: Log, config: Config) -> Layout:
    """The layout to fold in while there is no bundle: from the config, and a look at the log.

    Raises ConfigError when the log denies the config, LogError and its kinds.
    """
    profile = profile_events(log.read()) if log.last_seq() else Profile()
    return layout_of(resolve_schema(config, profile), config)
