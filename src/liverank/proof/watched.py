"""A policy that ranks by another policy, and counts visits and events."""

from collections.abc import Sequence

from liverank.events.event import Event
from liverank.proof.truth.counted import Counted
from liverank.simulator.policies.contract import Policy, Visits


class Watched:
    """Ranks by ``policy``; ``others`` observe the same events, and ``counted`` counts."""

    def __init__(
        self, policy: Policy, *, counted: Counted | None = None, others: Sequence[Policy] = ()
    ) -> None:
        self._policy = policy
        self._counted = counted
        self._others = others
        self.visits = 0
        """Number of lists requested."""
        self.events = 0
        """Number of events so far."""

    def rank(self, visits: Visits) -> Sequence[Sequence[str]]:
        """The lists of ``policy``."""
        self.visits += len(visits.people)
        if self._counted is not None:
            self._counted.visit(visits.people, visits.at_ms)
        return self._policy.rank(visits)

    def observe(self, events: Sequence[Event]) -> None:
        """Pass events to the policy, the other policies and the counter."""
        self.events += len(events)
        self._policy.observe(events)
        for other in self._others:
            other.observe(events)
        if self._counted is not None:
            self._counted.observe(events)
