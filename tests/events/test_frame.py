"""Events as columns."""

from hypothesis import given
from hypothesis import strategies as st
from test_event import events

from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.events.frame import SCHEMA, empty_frame, events_of, frame_of, in_import_order


@given(st.lists(events, max_size=8))
def test_a_frame_gives_back_its_events_in_their_order(batch):
    frame = frame_of(batch)
    assert dict(frame.schema) == SCHEMA
    assert list(events_of(frame)) == batch


@given(st.lists(events, min_size=1, max_size=8), st.integers(1, 2**40), st.integers(0, 2**40))
def test_seqs_and_arrival_stand_beside_the_events(batch, first_seq, arrived_ms):
    seqs = range(first_seq, first_seq + len(batch))
    frame = frame_of(batch, seqs=seqs, arrived_ms=arrived_ms)
    assert frame["seq"].to_list() == list(seqs)
    assert frame["arrived"].to_list() == [arrived_ms] * len(batch)


def test_a_frame_of_no_events_has_all_columns():
    assert frame_of([]).equals(empty_frame())
    assert dict(frame_of([], seqs=[], arrived_ms=5).schema) == SCHEMA


def test_an_import_reads_a_list_before_what_it_caused():
    click = Interaction(time=5, type="click", user="u1", item="r1", ranking="q1")
    ranking = Ranking(time=5, id="q1", user="u1", items=["r1"])
    follow = Edge(time=5, user="u1", relation="follow", target="u2")
    room = Item(time=5, item="r1", state="started")
    earlier = Interaction(time=4, type="click", user="u1", item="r0")
    frame = in_import_order(
        frame_of([click, ranking, follow, room, User(time=5, user="u1"), earlier])
    )
    assert frame["event"].to_list() == [
        "interaction", "item", "user", "edge", "ranking", "interaction",
    ]  # fmt: skip
    assert frame["time"].to_list() == [4, 5, 5, 5, 5, 5]
