"""A policy of random order, whose log has no position bias from the ranking."""

from collections.abc import Sequence

import numpy as np

from liverank.events.event import Event
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import ordered
from liverank.simulator.world.world import World


class RandomOrder:
    """Orders items at random, each order equally likely."""

    def __init__(self, world: World, *, seed: int = 0) -> None:
        self._world = world
        self._rng = np.random.default_rng(seed)

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms, shuffled for each visit."""
        return ordered(self._world, visits, self._rng.random((len(visits), len(visits.live))))

    def observe(self, events: Sequence[Event]) -> None:
        """Nothing to learn."""
