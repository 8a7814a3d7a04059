"""Folds the log for serving: feature state and live items, both up to the same event.

Invariant: ``FoldedLog.seq`` is the seq of the last event that either of them has folded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl

from liverank.config import Config
from liverank.events.event import Event, Fields, Interaction
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.events.schema.profile import Profile, profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.events.wire import decode_fields
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import Layout
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.features.stream.single_events import EventStreams
from liverank.quantities import duration_ms
from liverank.serving.state.live_items import LiveItems, item_fields

SLICE_ROWS = 256
"""Events in a batch while others read: it takes 1 ms, or 10 ms if all are long rankings."""
STEP_ROWS = 8_192
"""Events read in one step while others read."""
BULK_ROWS = 131_072
"""Events read and folded in one step when nobody reads."""
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
"""Columns that feature state and live items are folded from."""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """The next events of the log, in the forms that feature state and live items fold.

    State folds ``stream``, which is None if no event affects it. Live items fold ``frame``, or
    ``events`` if they come from the log's tail. ``decoded`` is what ``item_fields`` gives for
    ``frame``, where it is known. ``arrived_ms`` is when the last event came into the log, Unix ms;
    0 if unknown.
    """

    through_seq: int
    stream: Stream | None
    frame: pl.DataFrame | None = None
    events: tuple[Event, ...] = ()
    decoded: Mapping[str, Fields] | None = None
    arrived_ms: int = 0


class FoldedLog:
    """Feature state and live items, folded from the log up to ``seq``."""

    def __init__(self, layout: Layout, config: Config, *, state: State | None = None) -> None:
        """Start empty, or from a ``state`` of that layout; the caller then fills ``live`` too."""
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

        Changes nothing, so it may run in another thread. Raises LogError and its subclasses.
        """
        frame = next(log.read(self.seq + 1, batch_rows=max_rows, columns=_COLUMNS), None)
        if frame is None:
            return None
        decoded = item_fields(frame)
        stream = stream_of(
            frame,
            self.layout,
            max_future_ms=self._max_future_ms,
            decode=lambda text: decoded[text] if text in decoded else decode_fields(text),
        )
        through_seq, arrived_ms = int(frame["seq"][-1]), int(frame["arrived"][-1] or 0)
        return LogSlice(through_seq, stream, frame, decoded=decoded, arrived_ms=arrived_ms)

    def read_next(
        self, log: Log, *, max_rows: int, frame_rows: int | None = None
    ) -> LogSlice | None:
        """Read like ``read_slice``, but without a data frame if the events lie in the log's tail.

        From a segment, it reads at most ``frame_rows`` events, if given. Raises LogError and its
        subclasses.
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
        self,
        log_slice: LogSlice,
        *,
        batch: int | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Fold a slice from ``read_slice`` or ``read_next``, ``batch`` events at a time.

        Other processes can read between two batches; ``before`` is called before each batch.
        """
        if log_slice.stream is not None:
            self.state.fold(log_slice.stream, batch=batch, before=before)
            if log_slice.frame is not None:
                self.live.fold(log_slice.frame, log_slice.stream.at, log_slice.decoded)
            else:
                self.live.fold_events(log_slice.events, log_slice.stream.at.tolist())
        self.state.pass_over(log_slice.through_seq)


def fold_log(
    log: Log,
    layout: Layout,
    config: Config,
    *,
    start: FoldedLog | None = None,
    keep_going: Callable[[int], bool] = lambda _seq: True,
) -> FoldedLog:
    """Fold a log to its end, or until ``keep_going``, called with the seq reached, returns False.

    The fold continues ``start`` in place, or begins at the first event. Raises LogError and its
    subclasses.
    """
    folded = FoldedLog(layout, config) if start is None else start
    read = partial(folded.read_next, log, max_rows=STEP_ROWS, frame_rows=BULK_ROWS)
    while (log_slice := read()) is not None:
        folded.fold(log_slice)
        if not keep_going(folded.seq):
            break
    return folded


def compile_fold(layout: Layout, config: Config) -> None:
    """Fold one event into a discarded state, so that the kernels are compiled before real use."""
    folded = FoldedLog(layout, config)
    frame = frame_of([Interaction(time=0, type="-", user="-", item="-")], seqs=[1], arrived_ms=0)
    folded.fold(LogSlice(1, stream_of(frame, layout, max_future_ms=0.0), frame))


def initial_layout(log: Log, config: Config) -> Layout:
    """The layout to fold with while there is no bundle, from the config and a profile of the log.

    Raises ConfigError when the log contradicts the config, LogError and its subclasses.
    """
    profile = profile_events(log.read()) if log.last_seq() else Profile()
    return layout_of(resolve_schema(config, profile), config)
