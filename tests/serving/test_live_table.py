"""The shared table of live items says what ``LiveItems`` says, to any process and at any time."""

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_readers import EXPIRE_MS, PAIRS, saw, start_reader
from test_live import EXPIRE_MS as SHORT_MS

from liverank.errors import StateError
from liverank.events.event import Interaction, Item
from liverank.features.hashing import hash_ids
from liverank.serving.state import live_table
from liverank.serving.state.live_items import LiveItems
from liverank.serving.state.live_table import LivePublisher, LiveTable

NAMES = ["a", "b", "ñandú", "x" * 40]

told_of_items = st.builds(
    Item,
    time=st.integers(0, 100),
    item=st.sampled_from(NAMES),
    state=st.sampled_from(["scheduled", "started", "updated", "ended"]),
    fields=st.dictionaries(
        st.sampled_from(["host", "title"]), st.text("é x", max_size=150), max_size=2
    ),
)
told = st.one_of(
    told_of_items,
    st.builds(
        Interaction,
        time=st.integers(0, 100),
        type=st.sampled_from(["join", "impression"]),
        user=st.just("u1"),
        item=st.sampled_from(NAMES),
    ),
)


def assert_says_what_the_items_say(table, live, at_ms):
    rows, hashes = table.candidates(at_ms=at_ms)
    names = table.names(rows.tolist())
    expected = live.candidates(at_ms=at_ms)
    assert sorted(names) == sorted(expected.ids)
    assert hashes.tolist() == hash_ids(names).tolist()
    asked = [*NAMES, "stranger"]
    ended = table.ended(hash_ids(asked))
    plainly = list(map(live.has_ended, asked))
    assert (ended is None) == (not any(plainly))
    assert ended is None or ended.tolist() == plainly
    since = [live.known[name].since if name in live.known else np.nan for name in asked]
    np.testing.assert_array_equal(table.since(hash_ids(asked)), since)
    count, listed = table.newest(at_ms=at_ms, limit=3)
    newest = live.newest(at_ms=at_ms)
    assert count == len(newest)
    assert [row.since for row in listed] == [item.since for _, item in newest[:3]]
    fields = {name: item.fields for name, item in newest}
    for row in listed:
        assert msgspec.json.decode(row.fields) == fields[row.item]


@settings(max_examples=150)
@given(
    batches=st.lists(st.lists(told, max_size=6), max_size=8),
    known_before=st.lists(told, max_size=5),
    waits=st.lists(st.integers(0, 60), min_size=9, max_size=9),
)
def test_the_table_says_what_the_items_say_after_any_events_in_any_batches(
    batches, known_before, waits
):
    live = LiveItems(expire_after_ms=SHORT_MS, impression="impression")
    live.fold_events(known_before, [float(event.time) for event in known_before])
    publisher = LivePublisher(live)
    reader = LiveTable(expire_after_ms=SHORT_MS, fd=publisher.table.fd)
    at_ms = 0
    for wait, batch in zip(waits, [[], *batches], strict=False):
        live.fold_events(batch, [float(event.time) for event in batch])
        publisher.publish()
        at_ms += wait
        assert_says_what_the_items_say(reader, live, at_ms)
    publisher.table.close()
    reader.close()


def test_text_that_grows_gives_its_room_to_others():
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    publisher = LivePublisher(live)
    for number in range(400):
        told = [
            Item(time=number, item=f"r{room}", fields={"title": "x" * (10 << (number + room) % 7)})
            for room in range(5)
        ]
        live.fold_events(told, [float(number)] * 5)
        publisher.publish()
    assert publisher.table.header[live_table._TEXT_USED] < 5 * 4096
    assert_says_what_the_items_say(publisher.table, live, 401)


def test_a_reader_never_sees_half_of_a_change():
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    publisher = LivePublisher(live)
    readers = [start_reader(publisher.table) for _ in range(2)]
    chance = np.random.default_rng(4)
    until = time.monotonic() + 3
    at_ms, changes = 0.0, 0
    while time.monotonic() < until:
        at_ms += 1
        events = []
        for number in chance.choice(PAIRS, 3, replace=False).tolist():
            state = str(chance.choice(["started", "updated", "ended"]))
            fields = {"title": "x" * int(chance.integers(300)), "at": at_ms}
            events += [
                Item(time=int(at_ms), item=f"{side}{number}", state=state, fields=fields)
                for side in "ab"
            ]
        live.fold_events(events, [at_ms] * len(events))
        publisher.publish()
        changes += 1
        time.sleep(chance.choice([0.0, 0.0002]))
    for one in map(saw, readers):
        assert one.wrong == []
        assert one.reads > 50
        assert one.different > 20
    assert changes > 100


@pytest.mark.alone
def test_a_change_that_its_process_left_half_way_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(live_table, "LONGEST_CHANGE_S", 0.2)
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    live.fold_events([Item(time=0, item="a", state="started")], [0.0])
    publisher = LivePublisher(live)
    publisher.table.header[live_table._VERSION] += 1

    gone = LiveTable(expire_after_ms=EXPIRE_MS, fd=publisher.table.fd, is_abandoned=lambda: True)
    began = time.monotonic()
    rows, _ = gone.candidates(at_ms=1)
    assert time.monotonic() - began < 0.2
    assert gone.names(rows.tolist()) == ["a"]

    stopped = LiveTable(expire_after_ms=EXPIRE_MS, fd=publisher.table.fd)
    took = []
    for _ in range(3):
        began = time.monotonic()
        rows, _ = stopped.candidates(at_ms=1)
        took.append(time.monotonic() - began)
        assert stopped.names(rows.tolist()) == ["a"]
    assert took[0] > 0.2 > max(took[1:])


def test_more_items_than_there_is_room_for_is_an_error_and_the_table_stays_whole(monkeypatch):
    monkeypatch.setattr(live_table, "MAX_KNOWN", 2)
    live = LiveItems(expire_after_ms=EXPIRE_MS, impression="impression")
    publisher = LivePublisher(live)
    live.fold_events([Item(time=0, item=f"r{n}", state="started") for n in range(3)], [0.0] * 3)
    with pytest.raises(StateError, match="holds 2 items seen since this process began; restart"):
        publisher.publish()
    rows, _ = publisher.table.candidates(at_ms=1)
    assert len(publisher.table.names(rows.tolist())) == 2
