"""Some people of a world and what they like, to explain rankings to readers.

Invariant: a portrait holds true facts of the world; nothing here reaches an event or a model.
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
    """A person: the languages understood, the profile's first, and the topics liked most."""

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
    """People who would choose most differently among what is live now, of those with much history.

    Of the people who joined most (one in ten, thirty at least), the half that the live rooms draw
    most remain; first come the two that are least alike, by the cosine of their chances of joining
    each room, then one by one whoever is least like those before. Raises SimulatorError when
    nothing is live, or when fewer people than ``number`` joined anything.
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
