"""Some people of a world and what they like: for showing rankings to those who read them.

Invariant: a portrait says only what is true in the world; nothing here reaches an event or a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liverank.errors import SimulatorError
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.names import LANGUAGES, TOPICS
from liverank.simulator.people import Floats, Ints
from liverank.simulator.rooms import live_now
from liverank.simulator.taste import appeal, chance_of_join
from liverank.simulator.world import World, person_place

_LIKED = 3


@dataclass(frozen=True)
class Portrait:
    """A person: the languages understood, the profile's first, and the topics liked most."""

    user: str
    languages: tuple[str, ...]
    topics: tuple[str, ...]


def portray(world: World, user: str) -> Portrait:
    """The portrait of a person of this world. Raises SimulatorError for anyone else.

    >>> from liverank.simulator.world import build_world
    >>> portray(build_world(7, people=100, days=1), "u3").languages[0] in LANGUAGES
    True
    """
    person = person_place(world, user)
    first = int(world.people.language[person])
    others = np.flatnonzero(world.people.understands[person]).tolist()
    liked = np.argsort(-world.people.taste[person], kind="stable")[:_LIKED]
    return Portrait(
        user=user,
        languages=(LANGUAGES[first], *(LANGUAGES[place] for place in others if place != first)),
        topics=tuple(TOPICS[place] for place in liked.tolist()),
    )


def live_rooms(world: World, at_ms: int) -> list[str]:
    """The ids of the rooms that are live at a time, the oldest first.

    >>> from liverank.simulator.world import DAY_MS, build_world
    >>> world = build_world(7, people=100, days=1)
    >>> live_rooms(world, world.start_ms - 1)
    []
    """
    return [world.rooms.ids[place] for place in _live(world, at_ms).tolist()]


def unlike_people(
    world: World, joins: Mapping[str, int], *, number: int, at_ms: int
) -> list[Portrait]:
    """People who would choose most differently among what is live, of those with much history.

    ``joins`` counts each person's joins. Of the people who joined most (one in ten, thirty at
    least), those whom the live rooms draw most are looked at, the half of them; first come the two
    that are least alike, by the cosine of their chances of joining each room, then one by one
    whoever is least like those before. Raises SimulatorError when
    nothing is live, or when fewer people than ``number`` joined anything.
    """
    rooms = _live(world, at_ms)
    if len(rooms) == 0:
        raise SimulatorError("nothing is live at that time; choose another, or build more hosts")
    pool = sorted(joins, key=lambda user: (-joins[user], world.person_of[user]))
    pool = pool[: max(30, len(world.person_of) // 10)]
    if len(pool) < number:
        raise SimulatorError(
            f"{len(pool)} people joined anything, and {number} are wanted; build a world of more "
            "people or days"
        )
    begun = Chronicle(world)
    chances = np.array(
        [chance_of_join(appeal(world, world.person_of[user], rooms, at_ms, begun)) for user in pool]
    )
    return [portray(world, pool[place]) for place in _unlike(chances, number)]


def _unlike(chances: Floats, number: int) -> list[int]:
    """Places of the rows that are least like one another, by a greedy choice."""
    drawn = chances.sum(axis=1)
    # whom nothing on air draws has no list worth a look
    kept = np.flatnonzero(
        drawn >= np.sort(drawn)[max(0, min(len(drawn) // 2, len(drawn) - number))]
    )
    directions = chances[kept] / np.linalg.norm(chances[kept], axis=1, keepdims=True)
    likeness = directions @ directions.T
    np.fill_diagonal(likeness, np.inf)
    chosen = list(np.unravel_index(np.argmin(likeness), likeness.shape))
    while len(chosen) < number:
        chosen.append(np.argmin(likeness[:, chosen].max(axis=1)))
    places: list[int] = kept[chosen[:number]].tolist()
    return places


def _live(world: World, at_ms: int) -> Ints:
    live: Ints = np.flatnonzero(live_now(world.rooms, at_ms))
    return live
