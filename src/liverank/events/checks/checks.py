"""All checks of events: they find events that are valid but may harm training.

To add a check, write it in a file of this folder (``finding.Check`` is its contract) and name it in
CHECKS; docs/events.md explains each finding to users.
Invariant: checks only count and change nothing; they keep counts, hashes and a few examples, never
the events; and the findings do not depend on how the events are cut into pieces. (Two ids in ten
billion may share a hash, and a count be off by one.)
"""

from collections.abc import Callable, Iterable

import polars as pl

from liverank.config import Config
from liverank.events.checks import entities, rankings, rows
from liverank.events.checks.finding import Check, CheckSetup, Finding

CHECKS: tuple[tuple[Callable[[CheckSetup], Check | None], tuple[str, ...]], ...] = (
    (rows.LabelNeverSeen, ("label_never_seen",)),
    (rows.NoRankings, ("no_rankings",)),
    (rows.unknown_interactions, ("unknown_interactions",)),
    (
        rankings.NamedRankings,
        ("unknown_rankings", "interactions_before_ranking", "items_not_in_ranking"),
    ),
    (rows.InteractionsWithoutRanking, ("interactions_without_ranking",)),
    (rankings.backfilled_rankings, ("backfilled_rankings",)),
    (rows.clocks_in_the_future, ("clocks_in_the_future",)),
    (rows.times_before_2000, ("times_before_2000",)),
    (entities.Lives, ("ends_before_starts", "items_never_started", "items_never_ended")),
    (entities.UsersNeverIntroduced, ("users_never_introduced",)),
    (rows.duplicates, ("duplicates",)),
    (rows.identical_events, ("identical_events",)),
)
"""The constructor of each check (it returns None where the check does not apply) and the names of
the check's findings, in the order of the report."""

FINDINGS = tuple(name for _, names in CHECKS for name in names)
"""The name of every finding, in the order of the report."""


class Oddities:
    """Every check, over events that come in pieces: frames of ``frame.SCHEMA`` in their order.

    ``now_ms`` and ``of_log`` are those of ``CheckSetup``.
    """

    def __init__(self, config: Config, *, now_ms: int, of_log: bool = False) -> None:
        setup = CheckSetup(config, now_ms, of_log)
        made = [make(setup) for make, _ in CHECKS]
        self._checks = [check for check in made if check is not None]
        self.shown = next(
            check.shown for check in self._checks if isinstance(check, rankings.NamedRankings)
        )
        """The rankings seen so far."""
        self._is_empty = True

    def feed(self, frame: pl.DataFrame) -> None:
        """Check the next piece."""
        if frame.height:
            self._is_empty = False
            for check in self._checks:
                check.feed(frame)

    def findings(self) -> list[Finding]:
        """The findings, in the order of FINDINGS; none where there were no events. Call it once."""
        if self._is_empty:
            return []
        return [finding for check in self._checks for finding in check.findings()]


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
