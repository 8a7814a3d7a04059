"""Builds the events of a life, the only information about a world that is visible outside.

Invariant: events contain an item's host, speakers, topics, language and title, and a person's
language, country and time zone; nothing else of a world reaches a field of an event.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from liverank.events.actions import ItemState
from liverank.events.event import Edge, Event, Interaction, Item, User
from liverank.simulator.life.agenda import ENDED, SCHEDULED, STARTED
from liverank.simulator.life.visit_kernel import (
    CLICKED,
    FOLLOWED,
    IMPRESSION,
    JOINED,
    LEFT,
    UNFOLLOWED,
)
from liverank.simulator.world.names import HOMES, LANGUAGES
from liverank.simulator.world.rooms import speakers_at
from liverank.simulator.world.world import World

_TYPES = {IMPRESSION: "impression", CLICKED: "click", JOINED: "join", LEFT: "leave"}
_STATES: dict[int, ItemState] = {SCHEDULED: "scheduled", STARTED: "started", ENDED: "ended"}


def list_id(number: int) -> str:
    """The id of a ranking, from the list's number.

    >>> list_id(7)
    'rq7'
    """
    return f"rq{number}"


def introductions(world: World) -> Iterator[Event]:
    """Profiles and follows of all people at the start of the world."""
    people, graph = world.people, world.graph
    for row, user in enumerate(people.ids):
        home = HOMES[people.home[row]]
        yield User(
            time=world.start_ms,
            user=user,
            fields={
                "language": LANGUAGES[people.language[row]],
                "country": home.country,
                "time_zone": home.time_zone,
            },
        )
    for row, user in enumerate(people.ids):
        for target in graph.follows(row).tolist():
            whom = people.ids[target]
            yield Edge(time=world.start_ms, user=user, relation="follow", target=whom)


def room_event(world: World, kind: int, room: int, at_ms: int) -> Item:
    """The event of a room that is announced, starts, changes or ends, with its fields."""
    rooms = world.rooms
    item = rooms.ids[room]
    if kind == ENDED:
        return Item(time=at_ms, item=item, state="ended")
    speakers: list[str | int | float] = [
        world.host_ids[host] for host in speakers_at(rooms, room, at_ms)
    ]
    if kind not in _STATES:
        return Item(time=at_ms, item=item, state="updated", fields={"speakers": speakers})
    host = int(rooms.host[room])
    return Item(
        time=at_ms,
        item=item,
        state=_STATES[kind],
        fields={
            "host": world.host_ids[host],
            "speakers": speakers,
            "topics": list(rooms.topic_names(room)),
            "language": LANGUAGES[world.hosts.language[host]],
            "title": rooms.titles[room],
        },
    )


def reaction_events(world: World, records: npt.NDArray[np.void]) -> list[Event]:
    """The events of records (see ``kernel_inputs.RECORD``), in their order."""
    users, items = world.people.ids, world.rooms.ids
    hosts, host_ids = world.rooms.host, world.host_ids
    events: list[Event] = []
    columns = (records[name].tolist() for name in ("at_ms", "kind", "person", "room"))
    rest = (records[name].tolist() for name in ("part", "list", "value"))
    for at_ms, kind, person, room, part, number, value in zip(*columns, *rest, strict=True):
        if kind in _TYPES:
            ranking = list_id(number)
            events.append(
                Interaction(
                    time=at_ms,
                    type=_TYPES[kind],
                    user=users[person],
                    item=items[room],
                    ranking=ranking,
                    value=value if kind == LEFT else None,
                    id=f"{ranking}.{part}",
                )
            )
        else:
            target = host_ids[hosts[room]]
            is_begun = kind == FOLLOWED
            assert is_begun or kind == UNFOLLOWED
            events.append(
                Edge(
                    time=at_ms,
                    user=users[person],
                    relation="follow",
                    target=target,
                    active=is_begun,
                )
            )
    return events
