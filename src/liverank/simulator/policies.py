"""Ways to order what is live, for a simulated tab: popular, at random, or knowing the truth.

Invariant: a policy learns only by ``observe``, which sees each event before any later ranking.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from liverank.events.event import Event, Interaction
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.taste import true_join_probability
from liverank.simulator.world import World

HOUR_MS = 3_600_000


class Policy(Protocol):
    """What stands behind the tab: an order of ours, or a server."""

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> Sequence[str]:
        """The candidates for this person at this time, best first."""

    def observe(self, event: Event) -> None:
        """Take note of an event that happened."""


class MostPopular:
    """By recent joins, halved every ``half_life_ms``; the usual heuristic.

    With ``spread`` above zero the order is drawn at random around that (Gumbel noise on the log of
    the count), so that a log holds every item at every place: the support a model learns from.

    >>> policy = MostPopular()
    >>> policy.observe(Interaction(time=0, type="join", user="u1", item="b"))
    >>> policy.rank("u2", ["a", "b"], 10)
    ['b', 'a']
    """

    def __init__(self, *, half_life_ms: int = HOUR_MS, spread: float = 0.0, seed: int = 0) -> None:
        self._half_life_ms = half_life_ms
        self._spread = spread
        self._rng = np.random.default_rng(seed)
        self._joins: dict[str, tuple[float, int]] = {}  # the decayed count, and as of when

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> list[str]:  # noqa: ARG002  # the contract
        """The candidates by decayed joins; those that tie keep their order."""
        scores = np.log([0.3 + self._count(item, at_ms) for item in candidates])
        if self._spread > 0:
            scores += self._spread * self._rng.gumbel(size=len(candidates))
        return [candidates[place] for place in np.argsort(-scores, kind="stable").tolist()]

    def observe(self, event: Event) -> None:
        """Count a join."""
        if isinstance(event, Interaction) and event.type == "join":
            self._joins[event.item] = (self._count(event.item, event.at_ms) + 1.0, event.at_ms)

    def _count(self, item: str, at_ms: int) -> float:
        count, since_ms = self._joins.get(item, (0.0, at_ms))
        return count * math.exp2((since_ms - at_ms) / self._half_life_ms)


class RandomOrder:
    """Any order, each as likely as the next."""

    def __init__(self, *, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> list[str]:  # noqa: ARG002  # the contract
        """The candidates, shuffled."""
        return [candidates[place] for place in self._rng.permutation(len(candidates)).tolist()]

    def observe(self, event: Event) -> None:
        """Nothing to learn."""


class Oracle:
    """By the true chance of a join: the best any model could do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chronicle = Chronicle(world)

    def rank(self, user: str, candidates: Sequence[str], at_ms: int) -> list[str]:
        """The candidates by the hidden truth."""
        chances = true_join_probability(self._world, user, candidates, at_ms, self._chronicle)
        return [candidates[place] for place in np.argsort(-chances, kind="stable").tolist()]

    def observe(self, event: Event) -> None:
        """Who follows whom and who listens where is all that it does not know from the start."""
        self._chronicle.observe(event)
