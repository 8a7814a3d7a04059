"""What is odd about events: not wrong in itself, but worth a look before learning from it.

Each check is one function over the whole log as a frame; it gives a Finding or nothing.
Invariant: checks only count, they change nothing.
"""

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

from liverank.config import Config
from liverank.events.oddities import entities, lists
from liverank.events.oddities.finding import Finding

Check: TypeAlias = Callable[[pl.DataFrame, Config, int], Finding | None]

CHECKS: tuple[Check, ...] = (
    lists.label_never_seen,
    lists.no_rankings,
    lists.unknown_interactions,
    lists.unknown_rankings,
    lists.interactions_before_ranking,
    lists.items_not_in_ranking,
    lists.interactions_without_ranking,
    entities.clocks_in_the_future,
    entities.times_before_2000,
    entities.ends_before_starts,
    entities.items_never_started,
    entities.items_never_ended,
    entities.users_never_introduced,
    entities.duplicates,
    entities.identical_events,
)
"""Every check, in the order its finding is told."""


def find_oddities(frame: pl.DataFrame, config: Config, *, now_ms: int) -> list[Finding]:
    """Run every check over events, given as one frame of ``frame.SCHEMA``.

    ``now_ms`` stands for the arrival of events that did not arrive yet (those of a file).

    >>> from liverank.config import parse_config
    >>> from liverank.events.event import Item
    >>> from liverank.events.frame import frame_of
    >>> config = parse_config('''[label]
    ... interaction = "join"''')
    >>> early = frame_of([Item(time=1, item="room9", state="ended")])
    >>> [finding.name for finding in find_oddities(early, config, now_ms=2)]
    ['label_never_seen', 'no_rankings', 'times_before_2000', 'items_never_started']
    """
    found = [check(frame, config, now_ms) for check in CHECKS]
    return [finding for finding in found if finding is not None]
