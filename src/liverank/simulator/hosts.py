"""The hosts of a world, and who follows whom.

Hosts are people who open rooms. Fame is heavy-tailed; a person follows hosts by fame, shared
topics, language and a hidden liking, so the graph says something true about taste.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.names import TOPICS
from liverank.simulator.people import Floats, Ints, People

_PEOPLE_AT_A_TIME = 2048


@dataclass(frozen=True, eq=False)
class Hosts:
    """Everyone who opens rooms, as columns; host ``h`` is the person ``person[h]``."""

    person: Ints  # [n_hosts] place among the people
    language: Ints  # [n_hosts]
    topics: Floats  # [n_hosts, n_topics] shares, each row sums to 1
    leaning: Floats  # [n_hosts, LEANINGS]
    quality: Floats  # [n_hosts] standard normal
    fame: Floats  # [n_hosts] Pareto, at least 1
    rooms_per_day: Floats  # [n_hosts]


def draw_hosts(rng: np.random.Generator, people: People, number: int) -> Hosts:
    """Draw hosts from among the people, who talk about what they like.

    Those who come often host more often, so that hosts listen to one another.
    """
    often = people.visits_per_day / people.visits_per_day.sum()
    person = np.sort(rng.choice(len(people.ids), size=number, replace=False, p=often))
    liked = np.exp(1.5 * people.taste[person])
    keep = np.argsort(-(liked * rng.exponential(1.0, liked.shape)), axis=1)[:, :3]
    topics = np.zeros((number, len(TOPICS)))
    np.put_along_axis(topics, keep, np.array([[0.6, 0.25, 0.15]]), axis=1)
    quality = rng.normal(0, 1, number)
    return Hosts(
        person=person,
        language=people.language[person],
        topics=topics,
        leaning=people.leaning[person] * 0.5 + rng.normal(0, 0.6, people.leaning[person].shape),
        quality=quality,
        fame=(1 + rng.pareto(1.3, number)) * np.exp(0.4 * quality),
        rooms_per_day=np.exp(rng.normal(0.95, 0.6, number)),
    )


def draw_follows(
    rng: np.random.Generator, people: People, hosts: Hosts
) -> tuple[frozenset[int], ...]:
    """For each person the hosts followed, without replacement by weight (Gumbel top-k)."""
    most = max(1, len(hosts.person) // 2)
    wanted = np.minimum(rng.lognormal(1.4, 0.9, len(people.ids)).astype(np.int64), most)
    follows: list[frozenset[int]] = []
    for first in range(0, len(people.ids), _PEOPLE_AT_A_TIME):
        rows = np.arange(first, min(first + _PEOPLE_AT_A_TIME, len(people.ids)))
        weight = np.log(hosts.fame) + liking(people, hosts, rows)
        weight += rng.gumbel(size=weight.shape)
        weight[hosts.person == rows[:, None]] = -np.inf  # nobody follows himself or herself
        ranked = np.argsort(-weight, axis=1)
        follows += [
            frozenset(ranked[place, : wanted[row]].tolist()) for place, row in enumerate(rows)
        ]
    return tuple(follows)


def liking(people: People, hosts: Hosts, rows: Ints) -> Floats:
    """How much each of these people likes each host, as log-odds float64[n_rows, n_hosts]."""
    understood = people.understands[rows][:, hosts.language]
    topical = people.taste[rows] @ hosts.topics.T
    personal = people.leaning[rows] @ hosts.leaning.T
    likes: Floats = 1.2 * topical + 0.7 * personal - 4.0 * ~understood
    return likes
