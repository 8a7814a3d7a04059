"""The hosts of a world: people who open rooms.

Invariant: fame is heavy-tailed, and hosts talk about topics that they like.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Floats, Ints, Singles
from liverank.simulator.world.constants import Constants
from liverank.simulator.world.names import TOPICS
from liverank.simulator.world.people import People


@dataclass(frozen=True, eq=False)
class Hosts:
    """All hosts, as columns; host ``h`` is the person ``person[h]``."""

    person: Ints  # [n_hosts] row of the people
    language: Ints  # [n_hosts]
    topics: Floats  # [n_hosts, n_topics] shares, each row sums to 1
    leaning: Singles  # [n_hosts, LEANINGS]
    quality: Floats  # [n_hosts] standard normal
    fame: Floats  # [n_hosts] Pareto, at least 1
    slots: Ints  # [n_hosts] weekly slots
    unplanned_per_day: Floats  # [n_hosts]


def draw_hosts(
    rng: np.random.Generator, people: People, number: int, constants: Constants
) -> Hosts:
    """Draw hosts from the people; hosts talk about topics that they like.

    Frequent visitors are hosts more often, so that hosts listen to each other.
    """
    often = people.visits_per_day / people.visits_per_day.sum()
    person = np.sort(rng.choice(len(people.ids), size=number, replace=False, p=often))
    liked = np.exp(1.5 * people.taste[person].astype(np.float64))
    keep = np.argsort(-(liked * rng.exponential(1.0, liked.shape)), axis=1)[:, :3]
    topics = np.zeros((number, len(TOPICS)))
    np.put_along_axis(topics, keep, np.array([[0.6, 0.25, 0.15]]), axis=1)
    quality = rng.normal(0, 1, number)
    own = people.leaning[person]
    rooms = constants.rooms
    return Hosts(
        person=person,
        language=people.language[person],
        topics=topics,
        leaning=(own * 0.5 + rng.normal(0, 0.6, own.shape)).astype(np.float32),
        quality=quality,
        fame=(1 + rng.pareto(constants.graph.fame_tail, number)) * np.exp(0.4 * quality),
        slots=rng.poisson(rooms.slots_mean, number),
        unplanned_per_day=np.exp(
            rng.normal(rooms.unplanned_log_mean, rooms.unplanned_log_sd, number)
        ),
    )
