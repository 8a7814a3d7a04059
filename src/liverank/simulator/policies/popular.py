"""Popularity heuristics, whose scores are the same for all people.

Invariant: scores depend only on joins and impressions before the time of ranking.
"""

from collections.abc import Sequence

import numpy as np

from liverank.events.event import Event, Interaction
from liverank.simulator.policies.contract import Visits
from liverank.simulator.world.arrays import Floats, Ints
from liverank.simulator.world.world import World, room_row

HOUR_MS = 3_600_000


class MostPopular:
    """Ranks by joins with a half-life of ``half_life_ms``; equal scores keep their order.

    With ``spread`` above zero the order is random (Gumbel noise is added to the log of the count),
    so that a log has every item at every position, which a model needs as support.

    >>> from liverank.simulator.world.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> policy = MostPopular(world)
    >>> policy.observe([Interaction(time=world.start_ms, type="join", user="u1", item="room1")])
    >>> visits = Visits(world.start_ms, np.array([2]), ("u2",), ("rq0",), np.array([0, 1]))
    >>> policy.rank(visits)
    [['room1', 'room0']]
    """

    def __init__(
        self, world: World, *, half_life_ms: int = HOUR_MS, spread: float = 0.0, seed: int = 0
    ) -> None:
        self._world = world
        self._spread = spread
        self._rng = np.random.default_rng(seed)
        self._joins = Decayed(len(world.rooms.ids), half_life_ms)

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms by decayed joins."""
        scores = np.log(0.3 + self._joins.read(visits.live, visits.at_ms))
        if self._spread == 0:
            return same_for_all(self._world, visits, scores)
        shape = len(visits), len(scores)
        return ordered(self._world, visits, scores + self._spread * self._rng.gumbel(size=shape))

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins."""
        for event in events:
            if isinstance(event, Interaction) and event.type == "join":
                self._joins.add(room_row(self._world, event.item), event.at_ms)


class SuccessRate:
    """Ranks by joins per impression, both decayed, with a prior of ``prior`` impressions.

    The prior's rate is the mean over all rooms so far.
    """

    def __init__(self, world: World, *, half_life_ms: int = HOUR_MS, prior: float = 20.0) -> None:
        self._world = world
        self._prior = prior
        self._joins = Decayed(len(world.rooms.ids), half_life_ms)
        self._seen = Decayed(len(world.rooms.ids), half_life_ms)
        self._totals = [1.0, 20.0]  # joins and impressions of all rooms

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms by the rate."""
        return same_for_all(self._world, visits, self.rates(visits))

    def rates(self, visits: Visits) -> Floats:
        """The rate of each live room: float64[n_live]."""
        joins = self._joins.read(visits.live, visits.at_ms)
        seen = self._seen.read(visits.live, visits.at_ms)
        mean = self._totals[0] / self._totals[1]
        rates: Floats = (joins + self._prior * mean) / (seen + self._prior)
        return rates

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins and impressions."""
        for event in events:
            if isinstance(event, Interaction) and event.type in ("join", "impression"):
                is_join = event.type == "join"
                counts = self._joins if is_join else self._seen
                counts.add(room_row(self._world, event.item), event.at_ms)
                self._totals[0 if is_join else 1] += 1


class Decayed:
    """Counts of each room that decay with a half-life of ``half_life_ms``."""

    def __init__(self, number: int, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._count = np.zeros(number)
        self._as_of_ms = np.zeros(number, np.int64)

    def add(self, room: int, at_ms: int) -> None:
        """Add 1 to a room's count at a time (Unix ms)."""
        apart = self._as_of_ms[room] - at_ms
        self._count[room] = self._count[room] * 2.0 ** (apart / self._half_life_ms) + 1.0
        self._as_of_ms[room] = at_ms

    def read(self, rooms: Ints, at_ms: int) -> Floats:
        """The counts of some rooms as of a time: float64[n]."""
        apart = (self._as_of_ms[rooms] - at_ms) / self._half_life_ms
        counts: Floats = self._count[rooms] * np.exp2(np.maximum(apart, -1000.0))
        return counts


def same_for_all(world: World, visits: Visits, scores: Floats) -> list[list[str]]:
    """One order for all visits, by float64[n_live] scores; ties keep their order."""
    rooms = visits.live[np.argsort(-scores, kind="stable")]
    items = [world.rooms.ids[room] for room in rooms.tolist()]
    return [items] * len(visits)


def ordered(world: World, visits: Visits, scores: Floats) -> list[list[str]]:
    """An order for each visit, by float64[n, n_live] scores; ties keep their order."""
    rooms = visits.live[np.argsort(-scores, axis=1, kind="stable")]
    ids = world.rooms.ids
    return [[ids[room] for room in row] for row in rooms.tolist()]
