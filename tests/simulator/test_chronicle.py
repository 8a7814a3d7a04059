"""The chronicle of a world: follows and stays as of a time, and nothing from later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import SimulatorError
from liverank.events.event import Edge, Event, Interaction
from liverank.simulator.chronicle import Chronicle, chronicle_of
from liverank.simulator.policies import RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.world import build_world

WORLD = build_world(5, people=200, days=1)
EVENTS = list(simulate(WORLD, policy=RandomOrder(seed=1), seed=1))


def plain_follows(user: str, at_ms: int) -> set[int]:
    follows: set[int] = set()
    for event in EVENTS:
        is_told = event.at_ms < at_ms or event.at_ms == WORLD.start_ms
        if is_told and isinstance(event, Edge) and event.user == user:
            host = WORLD.host_of[event.target]
            (follows.add if event.active else follows.discard)(host)
    return follows


def plain_listening(at_ms: int) -> dict[int, set[int]]:
    """Everyone whose last join before the time has no leave before it, by room."""
    room_of: dict[str, str] = {}
    for event in EVENTS:
        if isinstance(event, Interaction) and event.at_ms < at_ms:
            if event.type == "join":
                room_of[event.user] = event.item
            elif event.type == "leave":
                del room_of[event.user]
    inside: dict[int, set[int]] = {}
    for user, item in room_of.items():
        if user in WORLD.host_of:
            inside.setdefault(WORLD.room_of[item], set()).add(WORLD.host_of[user])
    return inside


TIMES = st.integers(WORLD.start_ms, WORLD.start_ms + 86_400_000) | st.sampled_from(
    [event.at_ms for event in EVENTS if isinstance(event, Edge) or event.at_ms % 7 == 0]
)


@given(TIMES, st.integers(0, 199))
def test_the_whole_chronicle_tells_of_any_time_what_had_happened_before_it(
    at_ms: int, person: int
) -> None:
    chronicle = chronicle_of(WORLD, EVENTS)

    assert chronicle.follows(person, at_ms) == plain_follows(WORLD.people.ids[person], at_ms)
    assert chronicle.listening(range(len(WORLD.host_ids)), at_ms) == plain_listening(at_ms)


def test_a_chronicle_in_the_making_tells_what_the_whole_one_will() -> None:
    whole, growing = chronicle_of(WORLD, EVENTS), Chronicle(WORLD)
    hosts = range(len(WORLD.host_ids))
    for place, event in enumerate(EVENTS):
        if place % 50 == 0:
            assert growing.listening(hosts, event.at_ms) == whole.listening(hosts, event.at_ms)
            person = place % 200
            assert growing.follows(person, event.at_ms) == whole.follows(person, event.at_ms)
        growing.observe(event)


def test_only_those_asked_for_are_told_of() -> None:
    at_ms = WORLD.start_ms + 10
    chronicle = Chronicle(WORLD)
    for host in (1, 2):
        user = WORLD.host_ids[host]
        chronicle.observe(Interaction(time=at_ms, type="join", user=user, item="room3"))

    assert chronicle.listening([2, 4], at_ms + 1) == {3: {2}}
    assert chronicle.listening([2, 4], at_ms) == {}


@pytest.mark.parametrize(
    ("event", "stranger"),
    [
        (Edge(time=WORLD.start_ms + 1, user="x", relation="follow", target=WORLD.host_ids[0]), "x"),
        (Interaction(time=1, type="join", user=WORLD.host_ids[0], item="there"), "there"),
    ],
)
def test_events_of_another_world_are_refused(event: Event, stranger: str) -> None:
    with pytest.raises(SimulatorError, match=f"no (person|item) '{stranger}' in this world"):
        Chronicle(WORLD).observe(event)
