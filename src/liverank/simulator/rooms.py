"""The rooms of a world: when they start, pause and end, who speaks, about what.

Invariant: a host has at most one room at a time, and every room ends after it starts.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.hosts import Hosts
from liverank.simulator.names import CLOSINGS, OPENINGS, TOPICS
from liverank.simulator.people import HOUR_MS, Bools, Floats, Ints, People

_LEAST_MS = 4 * 60_000
_MOST_MS = 26 * HOUR_MS


@dataclass(frozen=True, eq=False)
class Rooms:
    """Every room in order of start; room ``r`` has the id ``ids[r]``.

    A few rooms break down half-way and start again: they are live until ``pause_ms``, and from
    ``resume_ms`` on. Both are the end for all others.
    """

    ids: tuple[str, ...]
    host: Ints  # [n_rooms] place among the hosts
    scheduled_ms: Ints  # [n_rooms] Unix ms of the announcement; the start where there is none
    start_ms: Ints  # [n_rooms] Unix ms
    pause_ms: Ints  # [n_rooms] Unix ms
    resume_ms: Ints  # [n_rooms] Unix ms
    end_ms: Ints  # [n_rooms] Unix ms, after the start
    topics: Floats  # [n_rooms, n_topics] shares, each row sums to 1
    quality: Floats  # [n_rooms] hidden, about standard normal
    peak: Floats  # [n_rooms] the share of its life at which it is liveliest
    topic_names: tuple[tuple[str, ...], ...]
    opening: Ints  # [n_rooms] place in OPENINGS of the title's first words
    closing: Ints  # [n_rooms] place in CLOSINGS of its last words
    titles: tuple[str, ...]
    speakers: tuple[tuple[int, ...], ...]  # places among the hosts, the room's own first
    guests: tuple[int | None, ...]  # who joins the speakers, if anyone
    guest_ms: Ints  # [n_rooms] when, a third of the way in
    leavers: tuple[int | None, ...]  # which of the speakers goes early, if anyone
    leaver_ms: Ints  # [n_rooms] when, two thirds of the way in


def draw_rooms(
    rng: np.random.Generator, people: People, hosts: Hosts, *, days: int, start_ms: int
) -> Rooms:
    """Draw rooms by each host's habits; durations are lognormal, most under an hour, some a day.

    Of three rooms one is planned, and announced up to a day ahead; those are better than others.
    One in thirty breaks down; those are worse.
    """
    host, starts, ends = _draw_times(rng, people, hosts, days)
    number = len(host)
    lasts = ends - starts
    topics, topic_names = _draw_topics(rng, hosts.topics[host])
    speakers, guests, leavers = _draw_speakers(rng, hosts, host)
    opening = rng.integers(len(OPENINGS), size=number)
    closing = rng.integers(len(CLOSINGS), size=number)
    planned, breaks = rng.random(number) < 0.33, rng.random(number) < 0.033
    ahead = rng.uniform(1, 24, number) * HOUR_MS
    announced = planned & (ahead <= starts)
    pause, resume = rng.uniform([[0.4], [0.5]], [[0.5], [0.55]], (2, number)) * lasts
    return Rooms(
        ids=tuple(f"room{place}" for place in range(number)),
        host=host,
        scheduled_ms=start_ms + starts - np.where(announced, ahead, 0).astype(np.int64),
        start_ms=start_ms + starts,
        pause_ms=start_ms + starts + np.where(breaks, pause, lasts).astype(np.int64),
        resume_ms=start_ms + starts + np.where(breaks, resume, lasts).astype(np.int64),
        end_ms=start_ms + ends,
        topics=topics,
        quality=0.7 * hosts.quality[host]
        + rng.normal(0, 0.7, number)
        + 0.4 * planned
        - 0.6 * breaks,
        peak=rng.beta(2.5, 3.5, number),
        topic_names=topic_names,
        opening=opening,
        closing=closing,
        titles=tuple(
            f"{OPENINGS[first]} {names[0]} {CLOSINGS[last]}"
            for first, names, last in zip(opening, topic_names, closing, strict=True)
        ),
        speakers=speakers,
        guests=guests,
        guest_ms=start_ms + starts + lasts // 3,
        leavers=leavers,
        leaver_ms=start_ms + starts + lasts * 2 // 3,
    )


def live_now(rooms: Rooms, at_ms: int) -> Bools:
    """Which rooms are live at a time, bool[n_rooms]."""
    begun, over = rooms.start_ms <= at_ms, rooms.end_ms <= at_ms
    pausing = (rooms.pause_ms <= at_ms) & (at_ms < rooms.resume_ms)
    live: Bools = begun & ~over & ~pausing
    return live


def live_until(rooms: Rooms, which: Ints, at_ms: int) -> Ints:
    """When these rooms, live at a time, pause or end: int64[n]."""
    pause_ms = rooms.pause_ms[which]
    return np.where(at_ms < pause_ms, pause_ms, rooms.end_ms[which])


def speakers_at(rooms: Rooms, room: int, at_ms: int) -> tuple[int, ...]:
    """Who speaks in a room at a time, as places among the hosts, the room's own first."""
    speakers = rooms.speakers[room]
    guest, leaver = rooms.guests[room], rooms.leavers[room]
    if guest is not None and rooms.guest_ms[room] <= at_ms:
        speakers = (*speakers, guest)
    if leaver is not None and rooms.leaver_ms[room] <= at_ms:
        speakers = tuple(speaker for speaker in speakers if speaker != leaver)
    return speakers


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
    starts = ((day * 24 + hour) * HOUR_MS).astype(np.int64)
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
    rng: np.random.Generator, hosts: Hosts, host: Ints
) -> tuple[tuple[tuple[int, ...], ...], tuple[int | None, ...], tuple[int | None, ...]]:
    """Speakers, guests and leavers: hosts of the same language, the famous ones more often."""
    speakers: list[tuple[int, ...]] = []
    guests: list[int | None] = []
    leavers: list[int | None] = []
    peers = {
        int(language): np.flatnonzero(hosts.language == language)
        for language in np.unique(hosts.language)
    }
    fame = {language: np.cumsum(hosts.fame[group]) for language, group in peers.items()}
    wanted = np.minimum(rng.geometric(0.55, host.size) - 1, 4)
    luck = rng.random((host.size, 5))
    has_guest, has_leaver = rng.random((2, host.size)) < 0.3
    for place, who in enumerate(host.tolist()):
        language = int(hosts.language[who])
        sums = fame[language]
        drawn = peers[language][np.searchsorted(sums, luck[place] * sums[-1])]
        others = [other for other in dict.fromkeys(drawn.tolist()) if other != who]
        first, later = others[: wanted[place]], others[wanted[place] :]
        speakers.append((who, *first))
        guests.append(later[0] if has_guest[place] and later else None)
        leavers.append(first[-1] if has_leaver[place] and first else None)
    return tuple(speakers), tuple(guests), tuple(leavers)
