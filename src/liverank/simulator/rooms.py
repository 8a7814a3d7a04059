"""The rooms of a world: when they start and end, who speaks, about what.

Invariant: a host has at most one room at a time, and every room ends after it starts.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.hosts import Hosts
from liverank.simulator.names import CLOSINGS, OPENINGS, TOPICS
from liverank.simulator.people import Floats, Ints, People

_HOUR_MS = 3_600_000
_LEAST_MS = 4 * 60_000
_MOST_MS = 26 * _HOUR_MS


@dataclass(frozen=True, eq=False)
class Rooms:
    """Every room in order of start; room ``r`` has the id ``ids[r]``."""

    ids: tuple[str, ...]
    host: Ints  # [n_rooms] place among the hosts
    start_ms: Ints  # [n_rooms] Unix ms
    end_ms: Ints  # [n_rooms] Unix ms, after the start
    topics: Floats  # [n_rooms, n_topics] shares, each row sums to 1
    quality: Floats  # [n_rooms] hidden, about standard normal
    peak: Floats  # [n_rooms] the share of its life at which it is liveliest
    topic_names: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...]
    speakers: tuple[tuple[str, ...], ...]  # ids of people, the host first
    guests: tuple[str | None, ...]  # who joins the speakers a third of the way in


def draw_rooms(
    rng: np.random.Generator, people: People, hosts: Hosts, *, days: int, start_ms: int
) -> Rooms:
    """Draw rooms by each host's habits; durations are lognormal, most under an hour, some a day."""
    host, starts, ends = _draw_times(rng, people, hosts, days)
    number = len(host)
    topics, topic_names = _draw_topics(rng, hosts.topics[host])
    speakers, guests = _draw_speakers(rng, people, hosts, host)
    openings = rng.integers(len(OPENINGS), size=number)
    closings = rng.integers(len(CLOSINGS), size=number)
    return Rooms(
        ids=tuple(f"room{place}" for place in range(number)),
        host=host,
        start_ms=start_ms + starts,
        end_ms=start_ms + ends,
        topics=topics,
        quality=0.7 * hosts.quality[host] + rng.normal(0, 0.7, number),
        peak=rng.beta(2.5, 3.5, number),
        topic_names=topic_names,
        titles=tuple(
            f"{OPENINGS[opening]} {names[0]} {CLOSINGS[closing]}"
            for opening, names, closing in zip(openings, topic_names, closings, strict=True)
        ),
        speakers=speakers,
        guests=guests,
    )


def _draw_times(
    rng: np.random.Generator, people: People, hosts: Hosts, days: int
) -> tuple[Ints, Ints, Ints]:
    """Hosts, starts and ends in order of start; a room that would overlap its host's last goes."""
    counts = rng.poisson(hosts.rooms_per_day * days)
    host = np.repeat(np.arange(len(hosts.person)), counts)
    day = rng.integers(days, size=host.size)
    habitual = people.peak_hour[hosts.person[host]] + rng.normal(-0.5, 2.0, host.size)
    anytime = rng.uniform(0, 24, host.size)
    hour = np.where(rng.random(host.size) < 0.6, habitual, anytime) % 24
    starts = ((day * 24 + hour) * _HOUR_MS).astype(np.int64)
    lasts = np.clip(rng.lognormal(np.log(42), 0.95, host.size) * 60_000, _LEAST_MS, _MOST_MS)
    ends = starts + lasts.astype(np.int64)
    order = np.argsort(starts, kind="stable")
    kept: list[int] = []
    free_at: dict[int, int] = {}
    for place in order.tolist():
        if starts[place] > free_at.get(int(host[place]), -1):
            free_at[int(host[place])] = int(ends[place])
            kept.append(place)
    return host[kept], starts[kept], ends[kept]


def _draw_topics(
    rng: np.random.Generator, shares: Floats
) -> tuple[Floats, tuple[tuple[str, ...], ...]]:
    """One to three topics a room, most often the host's own, now and then another."""
    number = len(shares)
    weight = np.log(shares + 0.004) + rng.gumbel(size=shares.shape)
    ranked = np.argsort(-weight, axis=1)[:, :3]
    wanted = rng.choice([1, 2, 3], size=number, p=[0.5, 0.35, 0.15])
    topics = np.zeros_like(shares)
    for place in range(3):
        rows = np.flatnonzero(wanted > place)
        topics[rows, ranked[rows, place]] = 1 / wanted[rows]
    names = tuple(
        tuple(TOPICS[topic] for topic in row[:size])
        for row, size in zip(ranked.tolist(), wanted.tolist(), strict=True)
    )
    return topics, names


def _draw_speakers(
    rng: np.random.Generator, people: People, hosts: Hosts, host: Ints
) -> tuple[tuple[tuple[str, ...], ...], tuple[str | None, ...]]:
    """Who speaks beside the host: hosts of the same language, the famous ones more often."""
    speakers: list[tuple[str, ...]] = []
    guests: list[str | None] = []
    peers = {
        int(language): np.flatnonzero(hosts.language == language)
        for language in np.unique(hosts.language)
    }
    fame = {language: np.cumsum(hosts.fame[group]) for language, group in peers.items()}
    wanted = np.minimum(rng.geometric(0.55, host.size) - 1, 4)
    luck = rng.random((host.size, 5))
    has_guest = rng.random(host.size) < 0.3
    for place, who in enumerate(host.tolist()):
        language = int(hosts.language[who])
        sums = fame[language]
        drawn = peers[language][np.searchsorted(sums, luck[place] * sums[-1])]
        others = [other for other in dict.fromkeys(drawn.tolist()) if other != who]
        ids = [people.ids[hosts.person[other]] for other in others]
        first = ids[: wanted[place]]
        speakers.append((people.ids[hosts.person[who]], *first))
        later = ids[len(first) :]
        guests.append(later[0] if has_guest[place] and later else None)
    return tuple(speakers), tuple(guests)
