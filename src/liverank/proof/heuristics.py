"""The heuristics that need no model, as policies in process: the rivals of every model.

Of equals the newest room comes first, as in the server's own list of the most popular.
"""

from collections.abc import Sequence
from dataclasses import replace

from liverank.events.event import Event
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.popular import HOUR_MS, MostPopular, SuccessRate
from liverank.simulator.world.world import World

MINUTE_MS = 60_000


class NewestFirst:
    """Another policy whose ties keep their order, given what is live from the newest on."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def rank(self, visits: Visits) -> Sequence[Sequence[str]]:
        """The policy's lists."""
        return self._policy.rank(replace(visits, live=visits.live[::-1]))

    def observe(self, events: Sequence[Event]) -> None:
        """Let the policy learn."""
        self._policy.observe(events)


def heuristics(world: World) -> dict[str, Policy]:
    """Popularity over three windows, and the success rate over two, by name."""
    found: dict[str, Policy] = {
        "popular 5m": MostPopular(world, half_life_ms=5 * MINUTE_MS),
        "popular 1h": MostPopular(world, half_life_ms=HOUR_MS),
        "popular 1d": MostPopular(world, half_life_ms=24 * HOUR_MS),
        "success rate 1h": SuccessRate(world, half_life_ms=HOUR_MS),
        "success rate 1d": SuccessRate(world, half_life_ms=24 * HOUR_MS),
    }
    return {name: NewestFirst(policy) for name, policy in found.items()}
