"""Random events of a small world in which everything odd happens, cut into random pieces."""

import polars as pl
from hypothesis import strategies as st

from liverank.events.event import Edge, Event, Interaction, Item, Ranking, User
from liverank.events.frame import empty_frame, frame_of

NOON = 1_795_428_000_000
HOUR_MS = 3_600_000

times = st.integers(NOON, NOON + 30) | st.sampled_from([5, NOON + 24 * HOUR_MS])
users = st.sampled_from(["u1", "u2", "u3", "u4", "ü"])
items = st.sampled_from(["a", "b", "c", "d", "e"])
rankings = st.sampled_from(["q1", "q2", "q3", "q4"])
contents = [f"~{number:020x}" for number in range(2)]
ids = st.none() | st.sampled_from(["1", "2", contents[0], f"{contents[0]}-2", contents[1]])
events = st.one_of(
    st.builds(
        Item,
        time=times,
        item=items,
        state=st.sampled_from(["started", "ended", "updated"]),
        id=ids,
    ),
    st.builds(User, time=times, user=users, id=ids),
    st.builds(Edge, time=times, user=users, relation=st.just("follow"), target=users, id=ids),
    st.builds(
        Ranking, time=times, id=rankings, user=users, items=st.lists(items, max_size=4, unique=True)
    ),
    st.builds(
        Interaction,
        time=times,
        type=st.sampled_from(["join", "leave", "click"]),
        user=users,
        item=items,
        ranking=st.none() | rankings | st.just("q9"),
        value=st.none() | st.sampled_from([1.0, 60.0]),
        id=ids,
    ),
)


@st.composite
def worlds(draw: st.DrawFn) -> list[pl.DataFrame]:
    """Events as frames, in pieces; some may be empty."""
    pieces: list[list[Event]] = draw(st.lists(st.lists(events, max_size=12), max_size=5))
    arrived = draw(st.none() | st.just(NOON + HOUR_MS))
    frames = [frame_of(piece, arrived_ms=arrived) for piece in pieces]
    return [empty_frame(), *frames]
