"""Replay reads past rankings exactly as if it had stopped the fold there."""

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Config, Label
from liverank.dataset.lists.collected import AS_OF_TIME
from liverank.dataset.lists.lists import collect_lists
from liverank.dataset.replay import replay, training_rows
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_id
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from liverank.features.stream.time_order import time_sorted

CONFIG = Config(label=Label(interaction="join", within="1m"))
SCHEMA = Schema(
    items={"host": "key", "topics": "keys"},
    users={"country": "category"},
    requests={"device": "category"},
    interactions=("join",),
    positive=("join",),
    levels={"users.country": ("GB",), "requests.device": ("ios", "web")},
)
SPEC = derive_spec(SCHEMA, CONFIG)
PROGRAM = compile_spec(SPEC)
START_MS = 1_795_392_000_000
FIVE_MINUTES = 300_000.0

moments = st.integers(0, 20).map(lambda n: START_MS + n * 1000)
users = st.sampled_from(["u1", "u2"])
items = st.sampled_from(["a", "b", "c"])
shown = st.builds(
    Ranking,
    time=moments,
    id=st.uuids().map(str),
    user=users,
    items=st.lists(items, max_size=3, unique=True),
    cut=st.one_of(st.none(), st.integers(0, 30)),
    fields=st.sampled_from([{}, {"device": "ios"}, {"device": "web"}]),
)
logs = st.lists(
    st.one_of(
        shown,
        shown,
        st.builds(Interaction, time=moments, type=st.just("join"), user=users, item=items),
        st.builds(User, time=moments, user=users, fields=st.just({"country": "GB"})),
        st.builds(
            Item,
            time=moments,
            item=items,
            fields=st.sampled_from([{}, {"host": "h"}, {"topics": ["ai", "go"]}]),
        ),
    ),
    min_size=1,
    max_size=25,
)


def frames_of(events, rows=None):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return list(frame.iter_slices(rows or len(events)))


def stepwise(frame, reads):
    """The rows of reads, each from a state that was folded up to there from nothing."""
    rows = []
    for place in range(len(reads)):
        state = State(SPEC.layout)
        if reads.before[place] == AS_OF_TIME:
            before = frame.filter(pl.col("time") < reads.at[place])
            state.fold(time_sorted(stream_of(before, SPEC.layout, max_future_ms=FIVE_MINUTES)))
        else:
            before = frame.filter(pl.col("seq") < reads.before[place])
            state.fold(stream_of(before, SPEC.layout, max_future_ms=FIVE_MINUTES))
        where = slice(reads.offsets[place], reads.offsets[place + 1])
        rows.append(
            state.read(
                PROGRAM,
                user=int(reads.user[place]),
                at_ms=float(reads.at[place]),
                items=reads.items[where],
                request=reads.request[place],
                positions=reads.positions[where],
            )
        )
    return np.concatenate([np.empty((0, len(SPEC.names)), np.float32), *rows])


@settings(max_examples=60)
@given(logs, st.sampled_from([1, 2, 7, None]), st.sampled_from([1, 3, 100_000]), st.booleans())
def test_replayed_rows_equal_those_of_a_fold_that_stopped_there(
    events, frame_rows, chunk_rows, knows_bounds
):
    (frame,) = frames_of(events)
    lists = collect_lists(frames_of(events, frame_rows), SPEC.layout, CONFIG)
    chunks = list(
        replay(
            frames_of(events, frame_rows),
            SPEC,
            lists.reads,
            max_future_ms=FIVE_MINUTES,
            chunk_rows=chunk_rows,
            bounds=lists.bounds if knows_bounds else None,
        )
    )
    got = np.full((len(lists.reads.items), len(SPEC.names)), -1, np.float32)
    for chunk in chunks:
        got[chunk.rows] = chunk.features
    np.testing.assert_array_equal(
        got.view(np.uint32), stepwise(frame, lists.reads).view(np.uint32), err_msg=str(SPEC.names)
    )
    read = [place for chunk in chunks for place in chunk.lists.tolist()]
    assert sorted(read) == list(range(len(lists)))


@settings(max_examples=30)
@given(logs, st.randoms(use_true_random=False), st.sampled_from([1, 2, 7, None]))
def test_history_gives_the_same_rows_in_any_order_of_import(events, random, frame_rows):
    """Rankings of our own are left out: what they saw is what had arrived."""
    events = [
        msgspec.structs.replace(event, cut=None) if isinstance(event, Ranking) else event
        for event in events
    ]

    def rows_of(events):
        lists = collect_lists(frames_of(events, frame_rows), SPEC.layout, CONFIG)
        return training_rows(frames_of(events, frame_rows), SPEC, lists, max_future_ms=FIVE_MINUTES)

    one, other = rows_of(events), rows_of(random.sample(events, len(events)))
    np.testing.assert_array_equal(one.features.view(np.uint32), other.features.view(np.uint32))
    assert one.labels.tolist() == other.labels.tolist()
    assert one.at_ms.tolist() == other.at_ms.tolist()


@pytest.mark.parametrize("planted_at", [START_MS, START_MS + 500])
def test_a_read_never_sees_its_own_ranking_or_what_comes_after_it(planted_at):
    history = [
        Interaction(time=START_MS - 1000, type="join", user="u1", item="a"),
        Ranking(time=START_MS, id="q", user="u1", items=["a", "b"]),
    ]
    planted = [
        Interaction(time=planted_at, type="join", user="u1", item="b", ranking="q"),
        Interaction(time=planted_at, type="join", user="u2", item="b"),
        Item(time=planted_at, item="b", state="started", fields={"host": "h"}),
        User(time=planted_at, user="u1", fields={"country": "GB"}),
        Ranking(time=planted_at, id="q2", user="u1", items=["b"]),
    ]

    def row_of(events):
        frames = frames_of(events)
        lists = collect_lists(frames, SPEC.layout, CONFIG)
        of_q = int(np.flatnonzero(lists.reads.items == hash_id("a"))[0])
        for chunk in replay(frames, SPEC, lists.reads, max_future_ms=FIVE_MINUTES):
            if of_q in chunk.rows:
                place = chunk.rows.tolist().index(of_q)
                return chunk.features[place : place + 2]
        raise AssertionError

    np.testing.assert_array_equal(row_of(history), row_of([*history, *planted]))
    shown = SPEC.names.index("user_impression_forever")
    assert (row_of(history)[:, shown] == 0).all(), "its own impressions are not counted yet"


def test_a_cut_reads_the_state_of_that_moment_although_time_went_on():
    events = [
        Interaction(time=START_MS, type="join", user="u1", item="a"),
        Interaction(time=START_MS + 1, type="join", user="u2", item="a"),
        Ranking(time=START_MS + 2, id="q", user="u1", items=["a"], cut=1),
    ]
    lists = collect_lists(frames_of(events), SPEC.layout, CONFIG)
    (chunk,) = replay(frames_of(events), SPEC, lists.reads, max_future_ms=FIVE_MINUTES)
    assert chunk.features[0, SPEC.names.index("item_join_forever")] == 1


def test_training_rows_are_the_seen_items_with_their_labels():
    config = msgspec.structs.replace(
        CONFIG, impressions=msgspec.structs.replace(CONFIG.impressions, seen="to_last_engaged")
    )
    events = [
        Ranking(time=START_MS, id="q1", user="u1", items=["a", "b", "c"]),
        Interaction(time=START_MS + 1, type="join", user="u1", item="b", ranking="q1"),
        Ranking(time=START_MS - 5, id="late", user="u2", items=["c"]),
    ]
    lists = collect_lists(frames_of(events), SPEC.layout, config)
    rows = training_rows(frames_of(events, 1), SPEC, lists, max_future_ms=FIVE_MINUTES)
    assert rows.labels.tolist() == [0, 0, 1]
    assert rows.rankings.tolist() == [0, 1, 1]
    assert rows.at_ms.tolist() == [START_MS - 5, START_MS, START_MS], "by time, not by arrival"
    assert rows.features[:, SPEC.names.index("position")].tolist() == [0.0, 0.0, 1.0]
