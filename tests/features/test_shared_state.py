"""Processes that read a state while another folds it see what a clean replay gives, or read again.

And no read sees what came with or after its own ranking.
"""

import dataclasses
import threading
import time

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import ITEMS, SCHEMA, START_MS, USERS, interactions, logs
from sound_state import close_gaps
from state_bits import bits
from state_readers import (
    PEOPLE,
    PROGRAM,
    ROOMS,
    SMALL,
    SPAN_MS,
    assert_as_replayed,
    requests,
    saw,
    start_reader,
)

from liverank.config import Config, Label
from liverank.dataset.replay import replay
from liverank.errors import StateBusyError
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.memory.offsets import FIRST_LEVEL, HEADER_LEVEL, HEADER_VERSION
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import LONGEST_READ_S, Reads, State
from liverank.features.stream.event_arrays import stream_of

READERS = 2


def batches(count=1500, seed=3):
    """Streams of 1 to 100 events each, about rooms and people that come and go."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 101, count)
    size = int(sizes.sum())
    at = START_MS + np.sort(random.integers(SPAN_MS, size=size))
    wave = np.arange(size) * 3 // 200  # rooms of now: the others lie idle, are swept, come again
    rooms = (wave + random.integers(200, size=size)) % ROOMS
    people = random.integers(PEOPLE, size=size)
    kinds = random.choice(["interaction", "interaction", "interaction", "item", "edge"], size)
    frame = pl.DataFrame(
        {
            "seq": np.arange(1, size + 1),
            "event": kinds,
            "time": at,
            "arrived": at,
            "user": [
                None if kind == "item" else f"p{who}"
                for kind, who in zip(kinds, people, strict=True)
            ],
            "item": [
                None if kind == "edge" else f"r{room}"
                for kind, room in zip(kinds, rooms, strict=True)
            ],
            "target": [
                f"h{room % 50}" if kind == "edge" else None
                for kind, room in zip(kinds, rooms, strict=True)
            ],
            "relation": ["follow" if kind == "edge" else None for kind in kinds],
            "active": [
                chance < 0.8 if kind == "edge" else None
                for kind, chance in zip(kinds, random.random(size), strict=True)
            ],
            "state": [
                state if kind == "item" else None
                for kind, state in zip(
                    kinds, random.choice(["started", "updated", "ended"], size), strict=True
                )
            ],
            "type": [
                type_ if kind == "interaction" else None
                for kind, type_ in zip(
                    kinds,
                    random.choice(["join", "leave", "click", "impression"], size),
                    strict=True,
                )
            ],
            "fields": [
                f'{{"host":"h{room % 50}","topics":["t{room % 7}","t{room % 11}"]}}'
                if kind == "item"
                else None
                for kind, room in zip(kinds, rooms, strict=True)
            ],
        }
    )
    empty = frame_of([])
    frame = pl.concat([empty, frame], how="diagonal_relaxed").select(empty.columns)
    whole = stream_of(frame, SMALL, max_future_ms=300_000.0)
    ends = np.cumsum(sizes)
    return [
        part_of(whole, begin, end)
        for begin, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)
    ]


def part_of(stream, begin, end):
    """Events of a stream as one of their own; its offsets go on pointing into the whole."""
    of_each = ("seq", "kind", "state", "at", "user", "item", "type", "also", "value", "relation")
    parts = {name: getattr(stream, name)[begin:end] for name in of_each}
    offsets = {
        name: getattr(stream, name)[begin : end + 1] for name in ("set_offsets", "items_offsets")
    }
    return dataclasses.replace(stream, **parts, **offsets)


def test_what_readers_see_through_growth_sweeps_and_evictions_is_what_a_replay_gives():
    streams = batches()
    chance = np.random.default_rng(9)
    state = State(SMALL)
    state.fold(streams[0])
    readers = [start_reader(state, seed) for seed in range(READERS)]
    for stream in streams[1:]:
        state.fold(stream)
        time.sleep(chance.choice([0.0, 0.0002, 0.002]))
    seen = [saw(reader) for reader in readers]

    sizes = state.sizes
    assert state.store.arrays.header[HEADER_LEVEL] >= FIRST_LEVEL + 2, "it grew more than once"
    assert min(sizes.swept, sizes.evicted) > 1000, sizes
    assert sizes.lost == 0
    reads = {read for one in seen for read in one.reads}
    assert len(reads) > 2000
    assert len({seq for seq, _, _ in reads}) > 200, "cuts"
    assert sum(one.rereads for one in seen) > 20, "reads that a batch overtook"
    assert bits(state) == bits(assert_as_replayed(SMALL, streams, reads))


def test_what_readers_see_while_gaps_are_closed_is_what_a_replay_gives_that_closes_none():
    streams, layout = batches(700), msgspec.structs.replace(SMALL, memory_bytes=64_000_000)
    state = State(layout)
    header = state.store.arrays.header
    state.fold(streams[0])
    readers = [start_reader(state, seed) for seed in range(READERS)]
    for stream in streams[1:]:
        state.fold(stream)
        header[HEADER_VERSION] += 1
        close_gaps(state._arrays, state._layout_arrays)
        header[HEADER_VERSION] += 1
        time.sleep(0.0005)
    seen = [saw(reader) for reader in readers]

    assert state.sizes.swept > 1000
    assert sum(one.rereads for one in seen) > 20, "reads that a batch overtook"
    clean = assert_as_replayed(layout, streams, {read for one in seen for read in one.reads})
    assert clean.sizes == state.sizes._replace(compacted=0)


def test_readers_do_not_starve_while_a_long_stream_is_folded_with_gaps():
    frame = frame_of(
        [
            Interaction(time=START_MS + n, type="join", user=f"p{n % PEOPLE}", item=f"r{n % ROOMS}")
            for n in range(60_000)
        ],
        seqs=range(1, 60_001),
    )
    stream = stream_of(frame, SMALL, max_future_ms=300_000.0)
    state = State(SMALL)
    state.fold(stream_of(frame[:1], SMALL, max_future_ms=300_000.0))
    reader = start_reader(state, 1)
    state.fold(stream, batch=256, before=lambda: time.sleep(0.0002))
    read = saw(reader)
    while_folding = [one for one in read.reads if 1 < one[0] < 60_000]
    assert len({seq for seq, _, _ in while_folding}) > 20


def test_a_reader_waits_for_as_long_as_a_batch_shows_that_it_goes_on():
    state = State(SMALL)
    header = state.store.arrays.header

    def take_long():
        for _ in range(30):
            time.sleep(0.02)
            header[HEADER_VERSION] += 2
        header[HEADER_VERSION] += 1

    header[HEADER_VERSION] += 1
    folding = threading.Thread(target=take_long)
    folding.start()
    assert state.read_cut(PROGRAM, **requests()[0], patience_s=0.2)[1] == 0
    folding.join()

    header[HEADER_VERSION] += 1
    with pytest.raises(StateBusyError, match="ended within a batch"):
        state.read_cut(PROGRAM, **requests()[0], patience_s=0.2)


def test_a_reader_that_knows_that_the_folding_process_has_ended_does_not_wait():
    state = State(SMALL)
    state.store.arrays.header[HEADER_VERSION] += 1
    state.is_abandoned = lambda: True
    with pytest.raises(StateBusyError, match="ended within a batch"):
        state.read_cut(PROGRAM, **requests()[0])


@pytest.mark.alone
def test_only_the_first_reader_of_a_batch_that_stands_still_waits_for_it():
    state = State(SMALL)
    state.store.arrays.header[HEADER_VERSION] += 1
    took = []
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StateBusyError, match="ended within a batch"):
            state.read_cut(PROGRAM, **requests()[0], patience_s=0.2)
        took.append(time.monotonic() - began)
    assert took[0] > 0.2 > max(took[1:])
    state.store.arrays.header[HEADER_VERSION] += 1
    assert state.read_cut(PROGRAM, **requests()[0])[1] == 0


def test_a_read_that_takes_longer_than_state_stays_the_same_ends_and_says_what_to_do():
    state = State(SMALL)
    header, is_over = state.store.arrays.header, threading.Event()

    def fold_on():
        while not is_over.wait(0.0002):
            header[HEADER_VERSION] += 2

    many = {"items": np.arange(300_000, dtype=np.uint64), "positions": np.zeros(1)}
    folding = threading.Thread(target=fold_on)
    folding.start()
    began = time.monotonic()
    with pytest.raises(StateBusyError, match="than 300,000 candidates can be read; name fewer"):
        state.read_cut(PROGRAM, **{**requests()[0], **many})
    assert LONGEST_READ_S < time.monotonic() - began < 10 * LONGEST_READ_S
    is_over.set()
    folding.join()
    rows, _ = state.read_cut(PROGRAM, **{**requests()[0], **many})
    assert len(rows) == 300_000


def test_a_long_batch_shows_that_it_goes_on():
    frame = frame_of([Interaction(time=START_MS, type="join", user="u1", item="r1")] * 300_000)
    stream = stream_of(frame, SMALL, max_future_ms=300_000.0)
    state = State(SMALL)
    state.fold(stream)
    assert state.store.arrays.header[HEADER_VERSION] > 2
    assert state.store.arrays.header[HEADER_VERSION] % 2 == 0


def test_a_stream_folded_in_batches_gives_the_bits_of_the_whole():
    stream = stream_of(
        frame_of(
            [Interaction(time=START_MS, type="join", user="u1", item=f"r{n}") for n in range(100)],
            seqs=range(1, 101),
        ),
        SMALL,
        max_future_ms=300_000.0,
    )
    whole, pieces = State(SMALL), State(SMALL)
    whole.fold(stream)
    pieces.fold(stream, batch=7)
    assert bits(pieces) == bits(whole)


LEAK = derive_spec(
    msgspec.structs.replace(SCHEMA, impressions_from="ranking"),
    Config(label=Label(interaction="join")),
)


def rows_of(events, place):
    """The features that a replay of the events reads at the ranking that is at this place."""
    ranking = events[place]
    reads = Reads(
        before=np.array([place + 1]),
        user=np.array([hash_id(ranking.user)], np.uint64),
        at=np.array([float(ranking.time)]),
        request=new_request(LEAK.layout)[None],
        offsets=np.array([0, len(ranking.items)]),
        items=hash_ids(ranking.items),
        positions=np.zeros(len(ranking.items)),
    )
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    chunks = list(replay([frame], LEAK, reads, max_future_ms=300_000.0))
    return np.concatenate([chunk.features for chunk in chunks])


@settings(max_examples=60)
@given(logs(max_size=20), st.lists(interactions(), max_size=10), st.data())
def test_a_read_at_a_ranking_sees_neither_its_own_impressions_nor_what_came_with_it(
    before, after, data
):
    user = data.draw(st.sampled_from(USERS))
    items = data.draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=5, unique=True))
    last_ms = max((int(event.time) for event in before), default=START_MS)
    ranking = Ranking(time=last_ms, id="asked", user=user, items=items)
    planted = [
        Interaction(time=last_ms + late, type="join", user=user, item=item)
        for item in items
        for late in (0, 0, -1, -60_000)
    ]

    alone = rows_of([*before, ranking], len(before))
    leaking = rows_of([*before, ranking, *planted, *after], len(before))

    np.testing.assert_array_equal(leaking, alone)
    plain = State(LEAK.layout)
    if before:
        frame = frame_of(before, seqs=range(1, len(before) + 1))
        plain.fold(stream_of(frame, LEAK.layout, max_future_ms=300_000.0))
    np.testing.assert_array_equal(
        alone,
        plain.read(
            compile_spec(LEAK),
            user=hash_id(user),
            at_ms=float(last_ms),
            items=hash_ids(items),
            request=new_request(LEAK.layout),
            positions=np.zeros(len(items)),
        ),
    )


def test_what_is_planted_would_be_seen_by_a_read_a_moment_later():
    ranking = Ranking(time=START_MS, id="asked", user="u1", items=["room0"])
    later = msgspec.structs.replace(ranking, id="later")
    join = Interaction(time=START_MS, type="join", user="u1", item="room0")
    assert not np.array_equal(
        rows_of([ranking, join, later], 2), rows_of([ranking, join, later], 0), equal_nan=True
    )
