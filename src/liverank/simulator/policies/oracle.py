"""Oracle policies, which rank by the simulated truth: the upper bound for every model.

Invariant: an oracle reads the life that it ranks for, and does not change it.
"""

from collections.abc import Sequence

from liverank.events.event import Event
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import ordered


class Oracle:
    """Ranks by the true probability that a room, once examined, is clicked and joined.

    It reads the state of the life that it ranks for.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms by their true value."""
        chances = self._life.true_chances(visits.people, visits.live)
        return ordered(self._life.world, visits, chances)

    def observe(self, events: Sequence[Event]) -> None:
        """Nothing to learn: the life holds the truth."""


class OracleOfMinutes:
    """Ranks by the true mean of the seconds that the person listens, once a room is examined.

    Unlike ``Oracle`` it uses the times at which rooms end.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms by their true value."""
        seconds = self._life.true_seconds(visits.people, visits.live)
        return ordered(self._life.world, visits, seconds)

    def observe(self, events: Sequence[Event]) -> None:
        """Nothing to learn: the life holds the truth."""
