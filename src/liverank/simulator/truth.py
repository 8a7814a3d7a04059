"""The true probabilities for rows of past lists: the upper bound of a backtest.

Invariant: scores are for the same rows that a model scores, in the same order.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.dataset.lists.lists import Lists
from liverank.errors import SimulatorError
from liverank.features.hashing import hash_ids
from liverank.simulator.life.life import Life
from liverank.simulator.world.arrays import Floats, Ints


def true_scores(life: Life, lists: Lists) -> Floats:
    """The true probability that each row of these lists, once examined, is joined: float64[k].

    The life must have recorded probabilities (``Life(..., record_chances=True)``), and the lists
    must be from its log. An item that was not live at the time has probability 0. Lists requested
    after the life's current time get the probabilities at that time. Raises SimulatorError if a
    list has a person, a time or an item that is not in this life.
    """
    if life.chances is None:
        raise SimulatorError("this life recorded no chances; make it with `record_chances=True`")
    reads, world = lists.reads, life.world
    people = _rows(world.people.ids, reads.user, "person")
    rooms = _rows(world.rooms.ids, reads.items, "item")
    scores = np.empty(len(rooms))
    for row, person in enumerate(people.tolist()):
        start, stop = reads.offsets[row : row + 2]
        at_ms = int(reads.at[row])
        chances: Floats | None
        if at_ms > life.at_ms:
            chances = life.true_chances(np.array([person]), rooms[start:stop])[0]
        else:
            chances = life.chances.read(person, at_ms, rooms[start:stop])
        if chances is None:
            raise SimulatorError(
                f"person {world.people.ids[person]!r} has a list at {at_ms}, and did not visit "
                "then; give the lists of the log that this life made"
            )
        scores[start:stop] = chances
    return scores


def captured_lift(model: float, heuristic: float, oracle: float) -> float | None:
    """A model's lift over a heuristic as a share of the oracle's lift, for a metric to maximise.

    It is negative for a model that is worse than the heuristic, and None if the oracle is not
    better than the heuristic.

    >>> round(captured_lift(0.7, 0.6, 0.8), 3)
    0.5
    """
    return (model - heuristic) / (oracle - heuristic) if oracle > heuristic else None


def _rows(ids: tuple[str, ...], hashes: NDArray[np.uint64], noun: str) -> Ints:
    """The indices in ``ids`` of the ids with these hashes."""
    known = hash_ids(ids)
    order = np.argsort(known)
    rows = order[np.searchsorted(known, hashes, sorter=order) % len(known)]
    strange = known[rows] != hashes
    if strange.any():
        raise SimulatorError(
            f"{int(strange.sum())} of {len(hashes)} rows are about a {noun} that is not of this "
            "world; give the lists of a log that this world made"
        )
    return rows.astype(np.int64)
