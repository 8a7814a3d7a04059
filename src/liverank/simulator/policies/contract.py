"""The contract of a ranking policy: it returns an order of items for each visit.

Invariant: a policy learns only by ``observe``, which sees each event before any later ranking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from liverank.events.event import Event
from liverank.simulator.world.arrays import Ints


@dataclass(frozen=True, eq=False)
class Visits:
    """The visits of one step of time."""

    at_ms: int  # time of their requests
    people: Ints  # int64[n] row of each person
    users: tuple[str, ...]  # their ids
    rankings: tuple[str, ...]  # the id for each list
    live: Ints  # int64[n_live] rows of the rooms that are live, oldest start first

    def __len__(self) -> int:
        return len(self.users)


class Policy(Protocol):
    """Ranks the lists of a simulated product, in this process or by a server."""

    def rank(self, visits: Visits) -> Sequence[Sequence[str]]:
        """The ids of items for each visit, best first; only the first ones are shown."""

    def observe(self, events: Sequence[Event]) -> None:
        """Learn from events, given in time order."""
