"""Describes some people of a world and their tastes, to explain rankings to readers.

Invariant: a portrait has true facts of the world, which must not reach an event or a model.
"""

from dataclasses import dataclass

import numpy as np

from liverank.errors import SimulatorError
from liverank.simulator.life.life import Life
from liverank.simulator.world.arrays import Floats
from liverank.simulator.world.names import LANGUAGES, TOPICS
from liverank.simulator.world.rooms import live_now
from liverank.simulator.world.world import World, person_row

_LIKED = 3


@dataclass(frozen=True)
class Portrait:
    """A person: languages understood (the profile's language first), and favourite topics."""

    user: str
    languages: tuple[str, ...]
    topics: tuple[str, ...]


def portray(world: World, user: str) -> Portrait:
    """The portrait of a person of this world. Raises SimulatorError for anyone else.

    >>> from liverank.simulator.world.world import build_world
    >>> portray(build_world(7, people=100, days=1), "u3").languages[0] in LANGUAGES
    True
    """
    person = person_row(world, user)
    first = int(world.people.language[person])
    others = np.flatnonzero(world.people.understands[person]).tolist()
    liked = np.argsort(-world.people.taste[person], kind="stable")[:_LIKED]
    return Portrait(
        user=user,
        languages=(LANGUAGES[first], *(LANGUAGES[other] for other in others if other != first)),
        topics=tuple(TOPICS[topic] for topic in liked.tolist()),
    )


def live_rooms(world: World, at_ms: int) -> list[str]:
    """The ids of the rooms that are live at a time, in the order of their first start.

    >>> from liverank.simulator.world.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> live_rooms(world, world.start_ms - 1)
    []
    """
    return [world.rooms.ids[room] for room in np.flatnonzero(live_now(world.rooms, at_ms)).tolist()]


def unlike_people(life: Life, *, number: int) -> list[Portrait]:
    """Active people whose choices among the live rooms would differ most.

    The candidates are the people with most joins (one in ten, at least thirty), and of these the
    half most attracted by the live rooms. The first two have the smallest cosine of their
    probabilities of joining each room; each next one is least similar to those before. Raises
    SimulatorError if no room is live, or fewer than ``number`` people joined anything.
    """
    rooms = np.flatnonzero(live_now(life.world.rooms, life.at_ms))
    if len(rooms) == 0:
        raise SimulatorError("nothing is live at that time; choose another, or build more hosts")
    joins = life.tally.joins.sum(axis=1)
    pool = np.argsort(-joins, kind="stable")[: max(30, len(joins) // 10)]
    pool = pool[joins[pool] > 0]
    if len(pool) < number:
        raise SimulatorError(
            f"{len(pool)} people joined anything, and {number} are wanted; build a world of more "
            "people or days"
        )
    chosen = pool[_unlike(life.true_chances(pool, rooms), number)]
    return [portray(life.world, life.world.people.ids[person]) for person in chosen.tolist()]


def _unlike(chances: Floats, number: int) -> list[int]:
    """Rows that differ most from each other, chosen greedily."""
    drawn = chances.sum(axis=1)
    # a person whom no live room attracts has no informative list
    kept = np.flatnonzero(
        drawn >= np.sort(drawn)[max(0, min(len(drawn) // 2, len(drawn) - number))]
    )
    directions = chances[kept] / np.linalg.norm(chances[kept], axis=1, keepdims=True)
    likeness = directions @ directions.T
    np.fill_diagonal(likeness, np.inf)
    chosen = list(np.unravel_index(np.argmin(likeness), likeness.shape))
    while len(chosen) < number:
        chosen.append(np.argmin(likeness[:, chosen].max(axis=1)))
    rows: list[int] = kept[chosen[:number]].tolist()
    return rows
