"""Records the true probabilities of the live rooms at each visit of a life, for reports.

Invariant: none of it reaches an event, a model or a policy other than the oracle.
"""

from dataclasses import dataclass, field

import numpy as np

from liverank.simulator.world.arrays import Floats, Ints, Singles


@dataclass
class Chances:
    """For each visit (a person at a time) the live rooms, and the probability of each.

    It is the probability that the room, once examined, is clicked and joined.
    """

    _of: dict[tuple[int, int], tuple[Ints, Singles]] = field(default_factory=dict)

    def write(self, at_ms: int, people: Ints, rooms: Ints, chances: Floats) -> None:
        """Record probabilities, float64[n_people, n_rooms], as of a time (Unix ms)."""
        order = np.argsort(rooms)
        rooms = rooms[order]
        for person, row in zip(people.tolist(), chances[:, order].astype(np.float32), strict=True):
            self._of[person, at_ms] = rooms, row

    def read(self, person: int, at_ms: int, rooms: Ints) -> Floats | None:
        """The probabilities of rooms at a visit, 0 if not live; None if there is no such visit."""
        found = self._of.get((person, at_ms))
        if found is None:
            return None
        known, chances = found
        where = np.minimum(np.searchsorted(known, rooms), len(known) - 1)
        read: Floats = np.where(known[where] == rooms, chances[where], 0.0).astype(np.float64)
        return read
