"""The follow graph at the start of the world: hosts by fame and liking, friends by circle.

Invariant: nobody follows himself or herself, and nobody is followed twice by one person.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Floats, Ints
from liverank.simulator.world.constants import GraphConstants
from liverank.simulator.world.hosts import Hosts
from liverank.simulator.world.people import People

_PEOPLE_AT_A_TIME = 1024
_CANDIDATES = 192


@dataclass(frozen=True, eq=False)
class Graph:
    """Follows as a sparse matrix: person ``i`` follows ``target[start[i] : start[i + 1]]``."""

    start: Ints  # [n_people + 1]
    target: Ints  # [n_follows] rows of people, ascending for each person

    def follows(self, person: int) -> Ints:
        """The rows of the people that one person follows as the world begins."""
        return self.target[self.start[person] : self.start[person + 1]]


def draw_graph(
    rng: np.random.Generator, people: People, hosts: Hosts, constants: GraphConstants
) -> Graph:
    """Draw the follows of hosts, and friendships, which are mutual follows."""
    by, whom = _host_follows(rng, people, hosts, constants)
    one, other = _friendships(rng, people, constants)
    number = len(people.ids)
    keys = np.concatenate([by, one, other]) * number + np.concatenate([whom, other, one])
    keys = np.unique(keys)
    source, target = keys // number, keys % number
    apart = source != target
    source, target = source[apart], target[apart]
    start = np.zeros(number + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=number), out=start[1:])
    return Graph(start, target)


def liking(people: People, hosts: Hosts, person: Ints, host: Ints) -> Floats:
    """The liking of people for hosts, pair by pair, as log-odds float64[n]."""
    understood = people.understands[person, hosts.language[host]]
    topical = np.einsum("ij,ij->i", people.taste[person], hosts.topics[host])
    personal = np.einsum("ij,ij->i", people.leaning[person], hosts.leaning[host])
    likes: Floats = 1.2 * topical + 0.7 * personal - 4.0 * ~understood
    return likes


def _host_follows(
    rng: np.random.Generator, people: People, hosts: Hosts, constants: GraphConstants
) -> tuple[Ints, Ints]:
    """Draw follows of hosts, without replacement, by fame and liking (Gumbel top-k).

    Candidates are drawn by fame, so a candidate's weight is its fame divided by the probability of
    being a candidate.
    """
    number, n_hosts = len(people.ids), len(hosts.person)
    most = max(1, min(n_hosts // 2, _CANDIDATES // 2))
    wanted = rng.lognormal(constants.hosts_log_mean, constants.hosts_log_sd, number)
    wanted = np.minimum(wanted.astype(np.int64), most)
    fame = np.cumsum(hosts.fame)
    is_candidate = -np.expm1(_CANDIDATES * np.log1p(-hosts.fame / (fame[-1] + 1.0)))
    drawn_weight = np.log(hosts.fame / is_candidate)
    found: list[tuple[Ints, Ints]] = []
    for first in range(0, number, _PEOPLE_AT_A_TIME):
        rows = np.arange(first, min(first + _PEOPLE_AT_A_TIME, number))
        shape = len(rows), _CANDIDATES
        drawn = np.searchsorted(fame, rng.random(shape) * fame[-1], side="right")
        drawn = np.sort(np.minimum(drawn, n_hosts - 1), axis=1)
        person = np.repeat(rows, _CANDIDATES)
        weight = liking(people, hosts, person, drawn.ravel()).reshape(shape)
        weight += drawn_weight[drawn] + rng.gumbel(size=shape)
        weight[:, 1:][drawn[:, 1:] == drawn[:, :-1]] = -np.inf
        ranked = np.argsort(-weight, axis=1)
        best = np.take_along_axis(weight, ranked, axis=1)
        kept = (np.arange(_CANDIDATES) < wanted[rows][:, None]) & np.isfinite(best)
        chosen = np.take_along_axis(drawn, ranked, axis=1)[kept]
        found.append((person.reshape(shape)[kept], hosts.person[chosen]))
    return np.concatenate([by for by, _ in found]), np.concatenate([whom for _, whom in found])


def _friendships(
    rng: np.random.Generator, people: People, constants: GraphConstants
) -> tuple[Ints, Ints]:
    """Pairs of friends: each person's half-friendships are paired within circles.

    A circle is all people of one language and main topic, of one language, or all people. This is
    the configuration model within circles, so numbers of friends stay as drawn except for repeats.
    """
    c = constants
    wanted = rng.lognormal(c.friends_log_mean, c.friends_log_sd, len(people.ids))
    degree = np.minimum(wanted.astype(np.int64), c.friends_most)
    half = np.repeat(np.arange(len(people.ids)), degree)
    luck = rng.random(len(half))
    topic = people.taste.argmax(axis=1)
    circle = np.where(
        luck < c.same_circle,
        1000 + people.language[half] * 100 + topic[half],
        np.where(luck < c.same_circle + c.same_language, 100 + people.language[half], 0),
    )
    order = np.lexsort((rng.random(len(half)), circle))
    half = half[order[: len(order) // 2 * 2]]
    return half[0::2], half[1::2]
