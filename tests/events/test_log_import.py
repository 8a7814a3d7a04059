"""Imports of many frames: sorted on disk, freed of repeats, taken in as a whole or not at all."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_log import click, read

from liverank.errors import EventError, LogError
from liverank.events.content_ids import OF_FILE
from liverank.events.event import KINDS, Interaction, Item, User
from liverank.events.frame import empty_frame, frame_of
from liverank.events.log import ImportResult, Log, bulk_import
from liverank.events.log.storage import repeats, segment_writer, spill

events = st.builds(
    lambda kind, key, time, who: (
        Item(time=time, item="r1", id=key, fields={"by": who})
        if kind == "item"
        else Interaction(time=time, type="click", user=who, item="r1", id=key)
    ),
    st.sampled_from(["item", "interaction"]),
    st.sampled_from(["a", "b", "c", "~2u", "~2u-2", None, None, None]),
    st.integers(0, 4),
    st.sampled_from(["u", "v"]),
)
files_of_pieces = st.lists(st.lists(st.lists(events, max_size=5), max_size=4), max_size=3)


def frame_as_read(piece, file: int) -> pl.DataFrame:
    """A piece of a file as the sources give it: events without an id have one of their content."""
    bare = [event.id is None for event in piece]
    return frame_of(piece).with_columns(
        pl.Series(
            "id", [_content(event) if event.id is None else event.id for event in piece], pl.String
        ),
        pl.Series(OF_FILE, [file if one else None for one in bare], pl.Int32),
    )


def _content(event) -> str:
    if isinstance(event, Item):
        return f"~{event.time}{event.fields['by']} hosts"
    return f"~{event.time}{event.user}"


def files_of(directory: Path) -> list[str]:
    return [file.name for file in (directory / "segments").iterdir()]


def plainly_imported(files, held: set[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Time, kind and id of what an import takes in, in order, by its plain definition."""
    rows = []
    for number, pieces in enumerate(files):
        for event in [event for piece in pieces for event in piece]:
            kind = "item" if isinstance(event, Item) else "interaction"
            base = _content(event) if event.id is None else event.id
            rows.append((event.time, list(KINDS).index(kind), base, kind, event.id is None, number))
    rows.sort(key=lambda row: row[:3])
    times = Counter()
    taken = []
    for time, _, base, kind, is_bare, file in rows:
        times[kind, base, file] += is_bare
        nth = times[kind, base, file]
        key = f"{base}-{nth}" if is_bare and nth > 1 else base
        if (kind, key) not in held:
            held.add((kind, key))
            taken.append((time, kind, key))
    return taken


@given(
    files=files_of_pieces,
    appended=st.lists(events, max_size=3),
    sizes=st.tuples(*[st.integers(1, 6)] * 4),
    few=st.integers(2, 4),
)
@example(
    files=[[[click(None)] * 5, [click(None)] * 4], [[click(None)] * 7]],
    appended=[],
    sizes=(3, 2, 2, 2),
    few=2,
)
@settings(max_examples=60, deadline=None)
def test_an_import_of_frames_is_what_its_plain_definition_says(
    tmp_path_factory, files, appended, sizes, few
):
    directory = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_import, "RUN_ROWS", sizes[0])
        patch.setattr(spill, "BLOCK_ROWS", sizes[1])
        patch.setattr(spill, "MERGED_ROWS", sizes[2])
        patch.setattr(spill, "MOST_RUNS", few)
        patch.setattr(repeats, "IDS_AT_ONCE", few)
        with Log.open(directory, segment_rows=sizes[3]) as log:
            log.append(appended, arrived_ms=1)
            before = [event for _, event in read(log)]
            held = {
                ("item" if isinstance(event, Item) else "interaction", event.id)
                for event in before
                if event.id is not None
            }
            expected = plainly_imported(files, held)
            given_ = sum(len(piece) for pieces in files for piece in pieces)
            frames = [
                frame_as_read(piece, number)
                for number, pieces in enumerate(files)
                for piece in pieces
            ]
            imported = log.import_frames(iter(frames), arrived_ms=7)
            first = len(before) + 1
            end = len(before) + len(expected)
            assert imported == ImportResult(
                len(expected),
                given_ - len(expected),
                first if expected else None,
                end if expected else None,
            )
            rows = [row for frame in log.read(first) for row in frame.rows(named=True)]
            assert [(row["time"], row["event"], row["id"]) for row in rows] == expected
            assert [row["seq"] for row in rows] == list(range(first, end + 1))
            assert {row["arrived"] for row in rows} <= {7}
            assert log.import_frames(frames, arrived_ms=8).accepted == 0
            log.verify()
            files_there = {file.stem for file in directory.glob("segments/*.parquet")}
            assert len(files_there) == log.stats().segments


def test_events_in_no_order_come_out_in_order_whatever_the_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk_import, "RUN_ROWS", 50)
    monkeypatch.setattr(spill, "BLOCK_ROWS", 7)
    monkeypatch.setattr(spill, "MERGED_ROWS", 20)
    monkeypatch.setattr(spill, "MOST_RUNS", 3)
    batch = [User(time=n * 7919 % 1009, user=f"u{n}", id=f"{n:04}") for n in range(1000)]
    with Log.open(tmp_path, segment_rows=300) as log:
        frames = (frame_of(batch[n : n + 30]) for n in range(0, 1000, 30))
        assert log.import_frames(frames, arrived_ms=1) == ImportResult(1000, 0, 1, 1000)
        expected = sorted(batch, key=lambda event: (event.time, event.id))
        assert [event for _, event in read(log)] == expected
        assert log.stats().segments == 4


def test_of_an_id_at_several_times_the_first_is_kept_wherever_the_others_lie(tmp_path):
    with Log.open(tmp_path, segment_rows=3) as log:
        batch = [click(f"i{n % 7}", time=100 - n) for n in range(50)]
        log.import_frames([frame_of(batch[:20]), frame_of(batch[20:])], arrived_ms=1)
        assert [(event.id, event.time) for _, event in read(log)] == [
            (f"i{n % 7}", 100 - n) for n in range(49, 42, -1)
        ]


def test_a_repeat_that_arrives_while_frames_are_imported_is_taken_in_once(tmp_path):
    def frames(log):
        yield frame_of([click("a"), click("b")])
        log.append([click("b"), click("x")], arrived_ms=1)
        yield frame_of([click("c"), click("x")])

    with Log.open(tmp_path) as log:
        assert log.import_frames(frames(log), arrived_ms=1) == ImportResult(2, 2, 3, 4)
        assert [event.id for _, event in read(log)] == ["b", "x", "a", "c"]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("broken"), EventError("no event"), OSError(5, "no")]
)
def test_an_error_while_frames_are_made_passes_through_and_leaves_nothing(tmp_path, error):
    def frames():
        yield frame_of([click("a")])
        yield frame_of([click("b")])
        raise error

    with Log.open(tmp_path) as log:
        log.append([click("old")], arrived_ms=1)
        with pytest.raises(type(error)) as raised:
            log.import_frames(frames(), arrived_ms=1)
        assert raised.value is error
        assert [event.id for _, event in read(log)] == ["old"]
        assert files_of(tmp_path) == ["segments.lock"]
        assert log.import_frames([frame_of([click("a")])], arrived_ms=1).accepted == 1


def test_an_interruption_while_segments_are_written_leaves_nothing(tmp_path, monkeypatch):
    write_segment = segment_writer.write_segment
    written = []

    def interrupted(*arguments):
        if written:
            raise KeyboardInterrupt
        written.append(write_segment(*arguments))
        return written[-1]

    with Log.open(tmp_path, segment_rows=5) as log:
        frame = frame_of([click(f"i{n}") for n in range(20)])
        with monkeypatch.context() as patch:
            patch.setattr(segment_writer, "write_segment", interrupted)
            with pytest.raises(KeyboardInterrupt):
                log.import_frames([frame], arrived_ms=1)
        assert files_of(tmp_path) == ["segments.lock"]
        assert log.import_frames([frame], arrived_ms=1) == ImportResult(20, 0, 1, 20)


def test_another_process_that_opens_the_log_leaves_a_running_import_alone(tmp_path):
    def frames():
        yield frame_of([click("a")])
        with Log.open(tmp_path) as other:
            other.append([click("other")], arrived_ms=1)
            other.compact()
        yield frame_of([click("b")])

    with Log.open(tmp_path) as log:
        assert log.import_frames(frames(), arrived_ms=1).accepted == 2
        assert [event.id for _, event in read(log)] == ["other", "a", "b"]


def test_frames_that_hold_no_events_are_refused_in_words_and_none_is_harmless(tmp_path: Path):
    with Log.open(tmp_path) as log:
        assert log.import_frames([], arrived_ms=1) == ImportResult(0, 0, None, None)
        assert log.import_frames([empty_frame()], arrived_ms=1) == ImportResult(0, 0, None, None)
        with pytest.raises(LogError, match="`seq` is missing, expected Int64"):
            log.import_frames(
                [frame_of([click("a")]), pl.DataFrame({"event": ["user"]})], arrived_ms=1
            )
        odd = frame_of([click("a")]).with_columns(time=pl.lit(-1, pl.Int64))
        with pytest.raises(EventError, match=r"Row 0 .* at time -1; expected"):
            log.import_frames([odd], arrived_ms=1)
        assert log.last_seq() == 0
