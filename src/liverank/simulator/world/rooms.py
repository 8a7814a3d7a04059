"""The rooms of a world: their times, speakers and topics.

Invariant: a room's times are ordered: scheduled, start, pause, resume, end.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Bools, Floats, Ints
from liverank.simulator.world.constants import RoomConstants
from liverank.simulator.world.habits import HOUR_MS
from liverank.simulator.world.hosts import Hosts
from liverank.simulator.world.names import CLOSINGS, OPENINGS, TOPICS
from liverank.simulator.world.schedule import Schedule

NO_TOPIC = -1


@dataclass(frozen=True, eq=False)
class Rooms:
    """Every room in order of start; room ``r`` has the id ``ids[r]``.

    A few rooms are interrupted half-way and start again: they are live until ``pause_ms``, and from
    ``resume_ms`` on. For all others both are the end.
    """

    ids: tuple[str, ...]
    host: Ints  # [n_rooms] row of the hosts
    scheduled_ms: Ints  # [n_rooms] Unix ms of the announcement; the start if there is none
    start_ms: Ints  # [n_rooms] Unix ms
    pause_ms: Ints  # [n_rooms] Unix ms
    resume_ms: Ints  # [n_rooms] Unix ms
    end_ms: Ints  # [n_rooms] Unix ms, after the start
    topics: Ints  # [n_rooms, 3] rows of TOPICS, the main one first; NO_TOPIC where fewer
    quality: Floats  # [n_rooms] hidden, about standard normal
    peak: Floats  # [n_rooms] the share of its life at which it is liveliest
    opening: Ints  # [n_rooms] row of OPENINGS: the title's first words
    closing: Ints  # [n_rooms] row of CLOSINGS: its last words
    titles: tuple[str, ...]
    speakers: tuple[tuple[int, ...], ...]  # rows of the hosts, the room's own first
    guests: tuple[int | None, ...]  # a host who joins the speakers, if any
    guest_ms: Ints  # [n_rooms] when, a third of the way in
    leavers: tuple[int | None, ...]  # a speaker who leaves early, if any
    leaver_ms: Ints  # [n_rooms] when, two thirds of the way in

    def topic_names(self, room: int) -> tuple[str, ...]:
        """The names of a room's topics, the main one first."""
        return tuple(TOPICS[topic] for topic in self.topics[room].tolist() if topic != NO_TOPIC)


def draw_rooms(
    rng: np.random.Generator,
    hosts: Hosts,
    schedule: Schedule,
    *,
    start_ms: int,
    constants: RoomConstants,
) -> Rooms:
    """Draw the topics and speakers of the rooms of a schedule, and which are interrupted.

    Planned rooms are announced up to a day ahead, and have a higher quality; interrupted rooms have
    a lower one.
    """
    host, number = schedule.host, len(schedule.host)
    starts, lasts = schedule.start_ms, schedule.end_ms - schedule.start_ms
    topics = _draw_topics(rng, hosts.topics[host])
    speakers, guests, leavers = _draw_speakers(rng, hosts, host)
    opening = rng.integers(len(OPENINGS), size=number)
    closing = rng.integers(len(CLOSINGS), size=number)
    breaks = rng.random(number) < constants.breaks
    ahead = rng.uniform(1, 24, number) * HOUR_MS
    announced = schedule.planned & (ahead <= starts)
    pause, resume = rng.uniform([[0.4], [0.5]], [[0.5], [0.55]], (2, number)) * lasts
    luck = rng.normal(0, 0.7, number)
    return Rooms(
        ids=tuple(f"room{room}" for room in range(number)),
        host=host,
        scheduled_ms=start_ms + starts - np.where(announced, ahead, 0).astype(np.int64),
        start_ms=start_ms + starts,
        pause_ms=start_ms + starts + np.where(breaks, pause, lasts).astype(np.int64),
        resume_ms=start_ms + starts + np.where(breaks, resume, lasts).astype(np.int64),
        end_ms=start_ms + schedule.end_ms,
        topics=topics,
        quality=0.7 * hosts.quality[host] + luck + 0.4 * schedule.planned - 0.6 * breaks,
        peak=rng.beta(2.5, 3.5, number),
        opening=opening,
        closing=closing,
        titles=tuple(
            f"{OPENINGS[first]} {TOPICS[topic]} {CLOSINGS[last]}"
            for first, topic, last in zip(
                opening.tolist(), topics[:, 0].tolist(), closing.tolist(), strict=True
            )
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
    """Unix ms at which these rooms, live at a time, pause or end: int64[n]."""
    pause_ms = rooms.pause_ms[which]
    return np.where(at_ms < pause_ms, pause_ms, rooms.end_ms[which])


def speakers_at(rooms: Rooms, room: int, at_ms: int) -> tuple[int, ...]:
    """The speakers of a room at a time, as rows of the hosts, the room's own first."""
    speakers = rooms.speakers[room]
    guest, leaver = rooms.guests[room], rooms.leavers[room]
    if guest is not None and rooms.guest_ms[room] <= at_ms:
        speakers = (*speakers, guest)
    if leaver is not None and rooms.leaver_ms[room] <= at_ms:
        speakers = tuple(speaker for speaker in speakers if speaker != leaver)
    return speakers


def _draw_topics(rng: np.random.Generator, shares: Floats) -> Ints:
    """Draw one to three topics a room, mostly the host's own, sometimes another."""
    weight = np.log(shares + 0.004) + rng.gumbel(size=shares.shape)
    ranked = np.argsort(-weight, axis=1)[:, :3]
    wanted = rng.choice([1, 2, 3], size=len(shares), p=[0.5, 0.35, 0.15])
    topics: Ints = np.where(np.arange(3) < wanted[:, None], ranked, NO_TOPIC)
    return topics


def _draw_speakers(
    rng: np.random.Generator, hosts: Hosts, host: Ints
) -> tuple[tuple[tuple[int, ...], ...], tuple[int | None, ...], tuple[int | None, ...]]:
    """Draw speakers, guests and leavers: hosts of the same language, famous ones more often."""
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
    for room, who in enumerate(host.tolist()):
        language = int(hosts.language[who])
        sums = fame[language]
        drawn = peers[language][np.searchsorted(sums, luck[room] * sums[-1])]
        others = [other for other in dict.fromkeys(drawn.tolist()) if other != who]
        first, later = others[: wanted[room]], others[wanted[room] :]
        speakers.append((who, *first))
        guests.append(later[0] if has_guest[room] and later else None)
        leavers.append(first[-1] if has_leaver[room] and first else None)
    return tuple(speakers), tuple(guests), tuple(leavers)
