"""One visit: a person looks down a list, clicks, joins, stays, and perhaps follows.

Invariant: every reaction happens while its item is live, and after the list was shown.
"""

import numpy as np

from liverank.events.event import Edge, Event, Interaction
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.people import Ints
from liverank.simulator.rooms import live_until
from liverank.simulator.taste import (
    appeal,
    attention,
    click_probability,
    join_probability,
    median_stay_s,
)
from liverank.simulator.world import World

LOOK_MS = 700
"""How long a person looks at one item before the next."""

FOLLOW_AFTER_S = 240
"""Who stayed this long may follow the host."""

UNFOLLOW_BEFORE_S = 60
"""Who followed the host and left this soon may do so no more."""


class Notes:
    """The events of one visit, as they are written down; each interaction gets an id of its own."""

    def __init__(self, user: str, ranking: str) -> None:
        self.events: list[Event] = []
        self._user = user
        self._ranking = ranking

    def interaction(self, name: str, at_ms: int, item: str, value: float | None = None) -> None:
        """Note what the person did with an item of the list."""
        self.events.append(
            Interaction(
                time=at_ms,
                type=name,
                user=self._user,
                item=item,
                ranking=self._ranking,
                value=value,
                id=f"{self._ranking}.{len(self.events)}",
            )
        )

    def follow(self, at_ms: int, target: str, active: bool) -> None:
        """Note that the person now follows another, or no longer does."""
        self.events.append(
            Edge(time=at_ms, user=self._user, relation="follow", target=target, active=active)
        )


def react(
    world: World,
    chronicle: Chronicle,
    rng: np.random.Generator,
    *,
    person: int,
    shown: Ints,
    at_ms: int,
    ranking: str,
) -> list[Event]:
    """What one person does with the list ``shown`` (places of rooms, best first), in time order.

    Position bias has two parts: fewer items are seen further down (each seen one is an
    ``impression``), and a seen one is clicked less there. The person looks first, then clicks from
    the top down until one click becomes a ``join``, whose ``leave`` carries the seconds stayed.
    """
    depth = min(len(shown), int(rng.geometric(1 / world.people.patience[person])))
    rooms = shown[:depth]
    appeals = appeal(world, person, rooms, at_ms, chronicle)
    luck = rng.random((2, depth))
    clicked = luck[0] < click_probability(appeals) * attention(np.arange(depth))
    joined = luck[1] < join_probability(appeals)
    items = [world.rooms.ids[room] for room in rooms.tolist()]
    ends_ms = live_until(world.rooms, rooms, at_ms).tolist()
    follows = chronicle.follows(person, at_ms)
    note = Notes(world.people.ids[person], ranking)

    for place, item in enumerate(items):
        seen_ms = at_ms + LOOK_MS * (place + 1)
        if seen_ms < ends_ms[place]:
            note.interaction("impression", seen_ms, item)
    clock_ms = at_ms + LOOK_MS * (depth + 1)
    for place in np.flatnonzero(clicked).tolist():
        if clock_ms < ends_ms[place]:
            note.interaction("click", clock_ms, items[place])
            join_ms = clock_ms + int(rng.integers(300, 3000))
            if joined[place] and join_ms < ends_ms[place] - 1000:
                stay_s = median_stay_s(appeals[place]) * rng.lognormal(0, 1.1)
                leave_ms = min(join_ms + int(stay_s * 1000) + 500, ends_ms[place] - 1)
                _stay(world, rng, note, follows, int(rooms[place]), join_ms, leave_ms)
                break
        clock_ms += int(rng.integers(3000, 15_000))
    return note.events


def _stay(
    world: World,
    rng: np.random.Generator,
    note: Notes,
    follows: frozenset[int],
    room: int,
    join_ms: int,
    leave_ms: int,
) -> None:
    """The join, the leave, and perhaps a follow of the host, or the end of one."""
    item = world.rooms.ids[room]
    host = int(world.rooms.host[room])
    stayed_s = (leave_ms - join_ms) / 1000
    note.interaction("join", join_ms, item)
    if stayed_s > FOLLOW_AFTER_S and host not in follows and rng.random() < 0.15:
        note.follow(leave_ms - 1, world.host_ids[host], True)
    if stayed_s < UNFOLLOW_BEFORE_S and host in follows and rng.random() < 0.5:
        note.follow(leave_ms - 1, world.host_ids[host], False)
    note.interaction("leave", leave_ms, item, stayed_s)
