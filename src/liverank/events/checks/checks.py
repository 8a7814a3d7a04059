"""What is odd about events: not wrong in itself, but worth a look before learning from it.

Checks are fed events piece by piece and keep counts, hashes and a few examples, never the events.
Invariant: checks only count, they change nothing; and how events are cut into pieces changes no
finding. (Two ids in ten billion may share a hash, and a count be off by one.)
"""

from collections.abc import Iterable

import polars as pl

from liverank.config import Config
from liverank.events.checks import rows
from liverank.events.checks.entities import Lives, UsersNeverIntroduced
from liverank.events.checks.finding import Check, Finding
from liverank.events.checks.rankings import BackfilledRankings, NamedRankings

FINDINGS = (
    "label_never_seen",
    "no_rankings",
    "unknown_interactions",
    "unknown_rankings",
    "interactions_before_ranking",
    "items_not_in_ranking",
    "interactions_without_ranking",
    "backfilled_rankings",
    "clocks_in_the_future",
    "times_before_2000",
    "ends_before_starts",
    "items_never_started",
    "items_never_ended",
    "users_never_introduced",
    "duplicates",
    "identical_events",
)
"""The name of every finding, in the order in which they are told."""


class Oddities:
    """Every check, over events that come in pieces: frames of ``frame.SCHEMA`` in their order.

    ``now_ms`` stands for the arrival of events that did not arrive yet (those of a file). Events
    ``of_log`` have ids that never repeat, and an order of arrival.
    """

    def __init__(self, config: Config, *, now_ms: int, of_log: bool = False) -> None:
        named = NamedRankings()
        self.shown = named.shown
        """The rankings that came."""
        self._checks: list[Check] = [
            named,
            rows.LabelNeverSeen(config),
            rows.NoRankings(config),
            rows.unknown_interactions(config),
            rows.InteractionsWithoutRanking(),
            rows.clocks_in_the_future(config, now_ms),
            rows.times_before_2000(),
            rows.identical_events(),
            Lives(config),
            UsersNeverIntroduced(),
            BackfilledRankings(config) if of_log else rows.Duplicates(),
        ]
        self._is_empty = True

    def feed(self, frame: pl.DataFrame) -> None:
        """Look at the next piece."""
        if frame.height:
            self._is_empty = False
            for check in self._checks:
                check.feed(frame)

    def findings(self) -> list[Finding]:
        """What is odd, in the order of FINDINGS; nothing of no events at all. Ask once."""
        if self._is_empty:
            return []
        found = [finding for check in self._checks for finding in check.findings()]
        return sorted(found, key=lambda finding: FINDINGS.index(finding.name))


def find_oddities(
    frames: Iterable[pl.DataFrame], config: Config, *, now_ms: int, of_log: bool = False
) -> list[Finding]:
    """Run every check over events, given as frames of ``frame.SCHEMA``; see ``Oddities``.

    >>> from liverank.config import parse_config
    >>> from liverank.events.event import Item
    >>> from liverank.events.frame import frame_of
    >>> config = parse_config('''[label]
    ... interaction = "join"''')
    >>> early = frame_of([Item(time=1, item="room9", state="ended")])
    >>> [finding.name for finding in find_oddities([early], config, now_ms=2)]
    ['label_never_seen', 'no_rankings', 'times_before_2000', 'items_never_started']
    """
    oddities = Oddities(config, now_ms=now_ms, of_log=of_log)
    for frame in frames:
        oddities.feed(frame)
    return oddities.findings()
