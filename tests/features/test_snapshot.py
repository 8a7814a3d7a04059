"""A snapshot gives back the state it was made from, bit for bit, or is refused with the reason."""

import errno
import os
import shutil

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import SCHEMA, START_MS, logs
from state_bits import bits

from liverank.config import Config, Label
from liverank.errors import StateError
from liverank.events.event import Interaction
from liverank.events.frame import frame_of
from liverank.features.kernels.memory.offsets import (
    FIRST_LEVEL,
    HEADER_ITEMS,
    HEADER_LEVEL,
    HEADER_USED,
    HEADER_VERSION,
)
from liverank.features.layout.derived_layout import layout_of
from liverank.features.state import snapshot
from liverank.features.state.snapshot import Origin, load_snapshot, read_manifest, write_snapshot
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

LAYOUT = layout_of(SCHEMA, Config(label=Label(interaction="join")))
ORIGIN = Origin(identity="log", generation=3, max_future_ms=300_000.0, last_event="joined")


def fold(state, events, *, first_seq=1):
    frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    state.fold(stream_of(frame, LAYOUT, max_future_ms=300_000.0))
    return state


def joins(count):
    return [
        Interaction(time=START_MS + n, type="join", user=f"p{n % 97}", item=f"r{n % 301}")
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A snapshot of a state with some thousand rows, with a file beside it, and its bits."""
    directory = tmp_path_factory.mktemp("snapshots") / "one"
    state = fold(State(LAYOUT), joins(2000))
    write_snapshot(state, directory, origin=ORIGIN, files={"live": b"what is live"})
    return directory, bits(state)


@settings(max_examples=30)
@given(logs(max_size=30), st.data())
def test_a_snapshot_and_the_events_after_it_give_the_bits_of_all_events(
    tmp_path_factory, events, data
):
    cut = data.draw(st.integers(0, len(events)))
    directory = tmp_path_factory.mktemp("snapshots") / "one"
    write_snapshot(fold(State(LAYOUT), events[:cut]), directory, origin=ORIGIN)

    loaded = load_snapshot(directory, LAYOUT, origin=ORIGIN).state

    assert loaded.seq == cut
    rest = fold(loaded, events[cut:], first_seq=cut + 1)
    assert bits(rest) == bits(fold(State(LAYOUT), events))


def test_a_state_that_grew_and_swept_goes_on_as_if_it_had_never_stopped(tmp_path):
    months = [
        msgspec.structs.replace(event, time=START_MS + n * 10_000_000, user=f"p{n}", item=f"i{n}")
        for n, event in enumerate(joins(9000))
    ]
    state = fold(State(LAYOUT), months[:6000])
    assert state.sizes.swept > 100
    assert state.store.arrays.header[HEADER_LEVEL] > FIRST_LEVEL + 1
    write_snapshot(state, tmp_path / "one", origin=ORIGIN)

    loaded = load_snapshot(tmp_path / "one", LAYOUT, origin=ORIGIN).state

    assert bits(loaded) == bits(state)
    assert loaded.sizes == state.sizes
    for one in (state, loaded):
        fold(one, months[6000:], first_seq=6001)
    assert bits(loaded) == bits(state)


def test_the_files_beside_it_come_back_and_no_draft_is_left(written):
    directory, _ = written
    assert load_snapshot(directory, LAYOUT, origin=ORIGIN).files == {"live": b"what is live"}
    assert sorted(path.name for path in directory.iterdir()) == ["live", "manifest.json", "state"]
    assert [path.name for path in directory.parent.iterdir()] == ["one"]


@settings(max_examples=150)
@given(data=st.data())
def test_one_changed_bit_anywhere_is_noticed(tmp_path_factory, written, data):
    directory, _ = written
    name = data.draw(st.sampled_from(["manifest.json", "state", "live"]))
    content = bytearray((directory / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = tmp_path_factory.mktemp("damaged") / "one"
    shutil.copytree(directory, damaged)
    (damaged / name).write_bytes(content)
    with pytest.raises(StateError, match="snapshot"):
        load_snapshot(damaged, LAYOUT, origin=ORIGIN)
    shutil.rmtree(damaged)


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_that_is_shorter_longer_or_missing_is_noticed(tmp_path_factory, written, data):
    directory, _ = written
    name = data.draw(st.sampled_from(["manifest.json", "state", "live"]))
    content = (directory / name).read_bytes()
    damaged = tmp_path_factory.mktemp("damaged") / "one"
    shutil.copytree(directory, damaged)
    how = data.draw(st.sampled_from(["shorter", "longer", "missing"]))
    if how == "missing":
        (damaged / name).unlink()
    elif how == "longer":
        (damaged / name).write_bytes(content + b"x")
    else:
        (damaged / name).write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(StateError, match="snapshot"):
        load_snapshot(damaged, LAYOUT, origin=ORIGIN)
    shutil.rmtree(damaged)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"identity": "other"}, "folded from another log"),
        ({"generation": 4}, "generation 3 of the log, which is now at 4"),
        ({"generation": 2}, "generation 3 of the log, which is now at 2"),
        ({"max_future_ms": 1000.0}, "`features.max_future` was 300000 ms, and now is 1000 ms"),
        ({"last_event": "left"}, "the log does not hold the event that it ends with, seq 2000"),
    ],
)
def test_a_snapshot_of_other_events_is_refused_and_says_why(written, change, told):
    directory, _ = written
    with pytest.raises(StateError, match=told):
        load_snapshot(directory, LAYOUT, origin=msgspec.structs.replace(ORIGIN, **change))


@pytest.mark.parametrize(
    "change",
    [{"history": 64}, {"memory_bytes": 10**9}, {"present_ms": 1.0}, {"follow": "likes"}],
    ids=lambda change: next(iter(change)),
)
def test_a_snapshot_of_another_layout_is_refused(written, change):
    directory, _ = written
    with pytest.raises(StateError, match="another layout of state"):
        load_snapshot(directory, msgspec.structs.replace(LAYOUT, **change), origin=ORIGIN)


def test_a_snapshot_that_other_code_folded_is_refused(written, monkeypatch):
    directory, _ = written
    monkeypatch.setattr(snapshot, "source_fingerprint", lambda _package, _files: "edited")
    snapshot.fold_fingerprint.cache_clear()
    with pytest.raises(StateError, match="folded by another version of the code"):
        load_snapshot(directory, LAYOUT, origin=ORIGIN)
    snapshot.fold_fingerprint.cache_clear()


def test_a_snapshot_of_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "FORMAT", 2)
    write_snapshot(State(LAYOUT), tmp_path / "one", origin=ORIGIN)
    monkeypatch.undo()
    with pytest.raises(StateError, match="it has format 2, this is 1"):
        load_snapshot(tmp_path / "one", LAYOUT, origin=ORIGIN)


def test_a_full_disk_leaves_nothing_and_what_was_there_before(written, tmp_path, monkeypatch):
    directory, _ = written
    shutil.copytree(directory, tmp_path / "before")

    def full(_fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left on device; earlier ones are as they were"):
        write_snapshot(State(LAYOUT), tmp_path / "one", origin=ORIGIN)
    assert [path.name for path in tmp_path.iterdir()] == ["before"]
    assert load_snapshot(tmp_path / "before", LAYOUT, origin=ORIGIN).state.seq == 2000


def test_a_snapshot_is_never_written_over_another(written):
    directory, content = written
    with pytest.raises(StateError, match="cannot be written"):
        write_snapshot(State(LAYOUT), directory, origin=ORIGIN)
    assert bits(load_snapshot(directory, LAYOUT, origin=ORIGIN).state) == content
    assert read_manifest(directory).seq == 2000


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (HEADER_VERSION, 1),
        (HEADER_LEVEL, 0),
        (HEADER_LEVEL, 63),
        (HEADER_ITEMS, -1),
        (HEADER_ITEMS, 1 << 40),
        (HEADER_USED, 1 << 50),
    ],
)
def test_a_header_that_does_not_fit_the_store_is_refused(place, value):
    header = np.array(State(LAYOUT).store.arrays.header)
    header[place] = value
    with pytest.raises(StateError, match="header"):
        State(LAYOUT).store.take_header(header)
