"""The events that a run reads: frames of a log, which can be read repeatedly.

Each pass decodes only the columns that it uses; most of a log's bytes are the ids of events, which
replays do not need.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from liverank.events.frame import SCHEMA
from liverank.events.log import Log

Frames = Callable[[], Iterable[pl.DataFrame]]
"""Returns the log's frames (``events.frame.SCHEMA``) in ``seq`` order; may be called again."""

HISTORY_COLUMNS = tuple(name for name in SCHEMA if name not in ("vectors", "scores", "model"))
"""Columns needed to gather lists, labels and the schema."""


@dataclass(frozen=True, slots=True)
class LogFrames:
    """The frames of a log with some of its columns, including ``seq``.

    ``is_kept`` is false for a log that is made of files for one run, and removed at its end.
    """

    log: Log
    columns: Sequence[str] = HISTORY_COLUMNS
    is_kept: bool = True

    def __call__(self) -> Iterable[pl.DataFrame]:
        """Read the log once more."""
        return self.log.read(columns=self.columns)


def only_columns(frames: Frames, columns: Sequence[str]) -> Frames:
    """The same frames; those of a log are read with these columns alone."""
    return replace(frames, columns=columns) if isinstance(frames, LogFrames) else frames
