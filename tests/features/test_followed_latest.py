"""What the hosts that a person follows were about last."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import SCHEMA, START_MS

from liverank.config import Config, Label
from liverank.events.event import Edge, Item
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.layout.constants import LIFE_WORDS
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

SPEC = derive_spec(SCHEMA, Config(label=Label(interaction="join")))
PROGRAM = compile_spec(SPEC)
HOSTS = ("h1", "h2", "h3", "h4")
FOLLOWS = [Edge(time=START_MS, user="u1", relation="follow", target=host) for host in HOSTS[:3]]


def room(number, host, after_s, **fields):
    return Item(
        time=START_MS + 1000 * after_s,
        item=f"room{number}",
        state="started",
        fields={"host": host, **fields},
    )


def folded(events):
    state = State(SPEC.layout)
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    state.fold(stream_of(frame, SPEC.layout, max_future_ms=1e12))
    return state


def read(state, item, user="u1"):
    """Features of one item, by name."""
    row = state.read(
        PROGRAM,
        user=hash_id(user),
        at_ms=START_MS + 1e6,
        items=hash_ids([item]),
        request=new_request(SPEC.layout),
        positions=np.zeros(1),
    )[0]
    return dict(zip(SPEC.names, row.tolist(), strict=True))


def test_a_room_is_compared_with_the_latest_rooms_of_followed_hosts():
    state = folded(
        [
            *FOLLOWS,
            room(1, "h1", 1, topics=["ai", "jazz"], language="en"),
            room(2, "h2", 2, topics=["jazz"], language="es"),
            room(3, "h2", 3, topics=["ai"], language="en"),
            room(4, "h4", 4, topics=["ai", "news"], language="es"),
        ]
    )

    of_room = read(state, "room4")

    assert of_room["followed_latest_topics"] == pytest.approx((2 + 0) / 2), (
        "ai of two, news of none"
    )
    assert of_room["followed_latest_topics_share"] == pytest.approx(1 / (2 + 1)), (
        "h3 hosted nothing"
    )
    assert of_room["followed_latest_language"] == 0, "h2 spoke Spanish before, not last"
    assert read(state, "room1")["followed_latest_language"] == 2
    assert read(state, "room1", "u2")["followed_latest_language"] == 0, "who follows nobody"


def test_a_host_who_is_followed_no_longer_says_nothing():
    over = Edge(time=START_MS + 9, user="u1", relation="follow", target="h1", active=False)
    state = folded([*FOLLOWS, room(1, "h1", 1, language="en"), over])

    assert read(state, "room1")["followed_latest_language"] == 0


def test_what_is_not_known_of_a_room_is_not_compared():
    state = folded([*FOLLOWS, room(1, "h1", 1, language="en"), room(2, "h4", 2)])

    assert np.isnan(read(state, "room2")["followed_latest_language"])
    assert np.isnan(read(state, "room9")["followed_latest_topics"])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 8),
            st.integers(1, 5),
            st.sampled_from(("started", "updated", "ended")),
            st.lists(st.sampled_from(("ai", "jazz", "news")), max_size=2),
        ),
        max_size=16,
        unique_by=lambda drawn: drawn[1],
    ).flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn)))
)
def test_the_order_of_arrival_does_not_matter_while_rooms_keep_their_hosts(orders):
    one, other = (
        folded(
            [
                *FOLLOWS,
                *(
                    msgspec.structs.replace(
                        room(number, HOSTS[number % 3], after_s, topics=topics), state=state
                    )
                    for number, after_s, state, topics in order
                ),
            ]
        )
        for order in orders
    )

    for number in range(1, 9):
        for name, value in read(one, f"room{number}").items():
            if name.startswith("followed_latest"):
                np.testing.assert_equal(read(other, f"room{number}")[name], value, name)


def test_a_layout_from_before_these_features_keeps_nothing_in_the_rows_of_hosts():
    scopes = tuple(
        msgspec.structs.replace(scope, base=LIFE_WORDS) if scope.name == "host" else scope
        for scope in SPEC.layout.scopes
    )

    assert SPEC.layout.latest_fields
    assert not msgspec.structs.replace(SPEC.layout, scopes=scopes).latest_fields
