"""By the hidden truth of this moment: what every model is compared with.

Invariant: it reads the life that it ranks for, and changes nothing in it.
"""

from collections.abc import Sequence

from liverank.events.event import Event
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import ordered


class Oracle:
    """By the true chance that a room, once examined, is clicked and joined.

    It reads the life that it ranks for: who is where, and what each person is tired of.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live by the truth."""
        chances = self._life.true_chances(visits.people, visits.live)
        return ordered(self._life.world, visits, chances)

    def observe(self, events: Sequence[Event]) -> None:
        """The life knows."""


class OracleOfMinutes:
    """By the seconds that the person truly listens on average, once a room is examined.

    It knows when rooms end, as ``Oracle`` does not need to.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live by the truth."""
        seconds = self._life.true_seconds(visits.people, visits.live)
        return ordered(self._life.world, visits, seconds)

    def observe(self, events: Sequence[Event]) -> None:
        """The life knows."""
