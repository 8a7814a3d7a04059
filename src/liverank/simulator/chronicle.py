"""What has happened in a world that changes what people do next: who follows whom, who is where.

Invariant: an answer as of a time depends on what was observed of the time before it, and on nothing
later; each person's events are observed in order.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from liverank.events.event import Edge, Event, Interaction
from liverank.simulator.world import World, person_place, room_place


@dataclass
class _Stays:
    """The rooms that a host listened to, in order of time."""

    joined_ms: list[int] = field(default_factory=list)
    left_ms: list[float] = field(default_factory=list)  # infinite while inside
    rooms: list[int] = field(default_factory=list)


class Chronicle:
    """The follows and the stays of a world, as of any time that has been observed.

    Only hosts are followed, so only their stays are kept.

    >>> from liverank.simulator.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> chronicle, at_ms = Chronicle(world), world.start_ms + 1000
    >>> host = world.host_ids[3]  # whom u1 does not follow yet
    >>> chronicle.observe(Edge(time=at_ms, user="u1", relation="follow", target=host))
    >>> 3 in chronicle.follows(1, at_ms), 3 in chronicle.follows(1, at_ms + 1)
    (False, True)
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._changes: defaultdict[int, list[tuple[int, int, bool]]] = defaultdict(list)
        self._stays: defaultdict[int, _Stays] = defaultdict(_Stays)

    def observe(self, event: Event) -> None:
        """Take note of a follow, an un-follow, a join or a leave. Raises SimulatorError."""
        if isinstance(event, Edge) and event.relation == "follow":
            host = self._world.host_of.get(event.target)
            if (
                host is not None and event.at_ms > self._world.start_ms
            ):  # it knows those from before
                person = person_place(self._world, event.user)
                self._changes[person].append((event.at_ms, host, event.active))
        elif isinstance(event, Interaction) and event.user in self._world.host_of:
            stays = self._stays[self._world.host_of[event.user]]
            if event.type == "join":
                stays.joined_ms.append(event.at_ms)
                stays.left_ms.append(float("inf"))
                stays.rooms.append(room_place(self._world, event.item))
            elif event.type == "leave":
                stays.left_ms[-1] = event.at_ms

    def follows(self, person: int, at_ms: int) -> frozenset[int]:
        """The hosts (their places) whom a person follows at a time."""
        follows = self._world.follows[person]
        for changed_ms, host, active in self._changes.get(person, ()):
            if changed_ms < at_ms:
                follows = follows | {host} if active else follows - {host}
        return follows

    def listening(self, hosts: Iterable[int], at_ms: int) -> dict[int, set[int]]:
        """Which of these hosts listen at a time, by the room (its place) that they are in."""
        inside: defaultdict[int, set[int]] = defaultdict(set)
        for host in hosts:
            stays = self._stays.get(host)
            last = bisect_left(stays.joined_ms, at_ms) - 1 if stays else -1
            if stays and last >= 0 and at_ms <= stays.left_ms[last]:
                inside[stays.rooms[last]].add(host)
        return inside


def chronicle_of(world: World, events: Iterable[Event]) -> Chronicle:
    """The chronicle of a world's events, given in order of time. Raises SimulatorError."""
    chronicle = Chronicle(world)
    for event in events:
        chronicle.observe(event)
    return chronicle
