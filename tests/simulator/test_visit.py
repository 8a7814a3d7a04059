"""What one person does with one list."""

import numpy as np

from liverank.events.event import Interaction
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.rooms import live_now, live_until
from liverank.simulator.visit import LOOK_MS, react
from liverank.simulator.world import build_world


def test_nobody_sees_what_ended_while_they_looked_down_the_list() -> None:
    world = build_world(7, people=100, days=1)
    rooms, seen = world.rooms, 0
    for room in range(len(rooms.ids)):
        at_ms = int(rooms.pause_ms[room]) - 2 * LOOK_MS
        live = np.flatnonzero(live_now(rooms, at_ms))
        assert room in live
        shown = np.append(live[live != room][:3], room)
        until_ms = dict(zip(shown.tolist(), live_until(rooms, shown, at_ms).tolist(), strict=True))
        events = react(
            world,
            Chronicle(world),
            np.random.default_rng(room),
            person=room % 100,
            shown=shown,
            at_ms=at_ms,
            ranking="rq",
        )
        for event in events:
            if isinstance(event, Interaction):
                assert at_ms < event.at_ms < until_ms[world.room_of[event.item]]
                seen += 1
    assert seen > len(rooms.ids)
