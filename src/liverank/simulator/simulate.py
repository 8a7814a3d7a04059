"""A world in motion: its events in time order, with a policy behind the tab.

Invariant: the policy observes every event before any ranking that comes after it, and none that
comes later; the same world, policy and seed give the same events.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import numpy as np

from liverank.errors import SimulatorError
from liverank.events.event import Edge, Event, Item, ItemState, Ranking, User
from liverank.events.wire import encode_event
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.names import HOMES, LANGUAGES
from liverank.simulator.people import Ints, draw_visits
from liverank.simulator.policies import Policy
from liverank.simulator.rooms import speakers_at
from liverank.simulator.visit import react
from liverank.simulator.world import DAY_MS, World

SURFACE = "live_tab"
_SCHEDULE, _START, _UPDATE, _END, _VISIT = range(5)


def simulate(
    world: World, *, policy: Policy, seed: int, days: int | None = None, shown: int = 20
) -> Iterator[Event]:
    """Yield all events of the world's first ``days`` (all of them when left out), in time order.

    At each visit the policy orders what is live, its first ``shown`` items are the ranking, and
    the person reacts. Raises SimulatorError when the world does not last that long.

    >>> from liverank.simulator.policies import RandomOrder
    >>> from liverank.simulator.world import build_world
    >>> world = build_world(7, people=50, days=1)
    >>> first = next(simulate(world, policy=RandomOrder(), seed=1))
    >>> first.user, sorted(first.fields)
    ('u0', ['country', 'language', 'time_zone'])
    """
    days = world.days if days is None else days
    if not 1 <= days <= world.days:
        raise SimulatorError(f"`days` is {days}; this world was built for 1 to {world.days}")
    if shown < 1:
        raise SimulatorError(f"`shown` is {shown}; a list holds at least 1 item")
    for event in _in_order(world, policy, np.random.default_rng(seed), days, shown):
        policy.observe(event)
        yield event


def write_events(path: Path, events: Iterable[Event]) -> int:
    """Write events as canonical JSON lines and return their number."""
    number = 0
    with path.open("wb") as lines:
        for event in events:
            lines.write(encode_event(event))
            lines.write(b"\n")
            number += 1
    return number


def _in_order(
    world: World, policy: Policy, rng: np.random.Generator, days: int, shown: int
) -> Iterator[Event]:
    """What the world does, merged with what people do a little later."""
    until_ms = world.start_ms + days * DAY_MS
    later: list[tuple[int, int, Event]] = []  # a heap; the number keeps ties in order
    numbers, visits = count(), count()
    busy_until = np.full(len(world.people.ids), world.start_ms)
    live: dict[int, None] = {}
    chronicle = Chronicle(world)

    yield from _introduce(world)
    for at_ms, kind, place in _agenda(world, rng, days):
        while later and later[0][0] < at_ms:
            yield heapq.heappop(later)[2]
        if kind == _SCHEDULE:
            yield _told(world, place, at_ms, "scheduled")
        elif kind == _START:
            live[place] = None
            speaking = world.hosts.person[world.rooms.host[place]]
            busy_until[speaking] = max(busy_until[speaking], world.rooms.end_ms[place])
            yield _told(world, place, at_ms, "started")
        elif kind == _UPDATE:
            yield _updated(world, place, at_ms)
        elif kind == _END:
            del live[place]
            yield Item(time=at_ms, item=world.rooms.ids[place], state="ended")
        elif live and busy_until[place] <= at_ms:
            user = world.people.ids[place]
            candidates = [world.rooms.ids[room] for room in live]
            items = list(policy.rank(user, candidates, at_ms)[:shown])
            ranking = f"rq{next(visits)}"
            yield Ranking(time=at_ms, id=ranking, user=user, items=items, surface=SURFACE)
            rooms: Ints = np.array([world.room_of[item] for item in items], dtype=np.int64)
            for event in react(
                world, chronicle, rng, person=place, shown=rooms, at_ms=at_ms, ranking=ranking
            ):
                chronicle.observe(event)  # ahead of its time, at which alone it tells
                busy_until[place] = max(int(busy_until[place]), event.at_ms)
                heapq.heappush(later, (event.at_ms, next(numbers), event))
    while later and later[0][0] < until_ms:
        yield heapq.heappop(later)[2]


def _agenda(world: World, rng: np.random.Generator, days: int) -> Iterator[tuple[int, int, int]]:
    """Schedules, starts, updates, ends, visits as (Unix ms, kind, place), in time order."""
    rooms = world.rooms
    places = np.arange(len(rooms.ids))
    planned = np.flatnonzero(rooms.scheduled_ms < rooms.start_ms)
    paused = np.flatnonzero(rooms.pause_ms < rooms.end_ms)
    with_guest = np.flatnonzero([guest is not None for guest in rooms.guests])
    with_leaver = np.flatnonzero([leaver is not None for leaver in rooms.leavers])
    visits_ms, who = draw_visits(rng, world.people, days)
    parts = [
        (rooms.scheduled_ms[planned], _SCHEDULE, planned),
        (rooms.start_ms, _START, places),
        (rooms.guest_ms[with_guest], _UPDATE, with_guest),
        (rooms.pause_ms[paused], _END, paused),
        (rooms.resume_ms[paused], _START, paused),
        (rooms.leaver_ms[with_leaver], _UPDATE, with_leaver),
        (rooms.end_ms, _END, places),
        (world.start_ms + visits_ms, _VISIT, who),
    ]
    times = np.concatenate([at_ms for at_ms, _, _ in parts])
    kinds = np.concatenate([np.full(len(at_ms), kind) for at_ms, kind, _ in parts])
    what = np.concatenate([which for _, _, which in parts])
    order = np.argsort(times, kind="stable")
    order = order[times[order] < world.start_ms + days * DAY_MS]
    yield from zip(times[order].tolist(), kinds[order].tolist(), what[order].tolist(), strict=True)


def _introduce(world: World) -> Iterator[Event]:
    """Everyone's profile and follows, as the world begins."""
    people = world.people
    for place, user in enumerate(people.ids):
        yield User(
            time=world.start_ms,
            user=user,
            fields={
                "language": LANGUAGES[people.language[place]],
                "country": HOMES[people.home[place]].country,
                "time_zone": HOMES[people.home[place]].time_zone,
            },
        )
    for place, user in enumerate(people.ids):
        for host in sorted(world.follows[place]):
            target = world.host_ids[host]
            yield Edge(time=world.start_ms, user=user, relation="follow", target=target)


def _told(world: World, place: int, at_ms: int, state: ItemState) -> Item:
    """All that people are told of a room when it is announced, and when it starts."""
    rooms = world.rooms
    host = int(rooms.host[place])
    return Item(
        time=at_ms,
        item=rooms.ids[place],
        state=state,
        fields={
            "host": world.host_ids[host],
            "speakers": _speakers(world, place, at_ms),
            "topics": list(rooms.topic_names[place]),
            "language": LANGUAGES[world.hosts.language[host]],
            "title": rooms.titles[place],
        },
    )


def _updated(world: World, place: int, at_ms: int) -> Item:
    """Someone joins the speakers, or leaves them."""
    speakers = _speakers(world, place, at_ms)
    return Item(
        time=at_ms, item=world.rooms.ids[place], state="updated", fields={"speakers": speakers}
    )


def _speakers(world: World, place: int, at_ms: int) -> list[str | int | float]:
    return [world.host_ids[host] for host in speakers_at(world.rooms, place, at_ms)]
