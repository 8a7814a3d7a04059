"""Damaged files, full disks, locks, leftovers: a clear error, and nothing acknowledged is lost."""

import os
import resource
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_log import click, read

from liverank.errors import LogBusyError, LogCorruptError, LogError, LogFullError
from liverank.events.frame import frame_of
from liverank.events.log import ImportResult, Log
from liverank.events.log.storage.locks import adding_segments


@pytest.fixture
def directory(tmp_path) -> Path:
    """A log of two segments of three, and a tail of three."""
    directory = tmp_path / "log"
    with Log.open(directory, segment_rows=3) as log:
        log.import_frame(frame_of([click(f"i{n}") for n in range(6)]), arrived_ms=1)
        log.append([click(f"i{n}") for n in range(6, 9)], arrived_ms=1)
    return directory


def segment_of(directory: Path) -> Path:
    return sorted(directory.glob("segments/*.parquet"))[0]


def flip_a_byte(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0x40
    file.write_bytes(content)


def test_a_changed_byte_of_a_segment_is_found_when_it_is_read(directory):
    file = segment_of(directory)
    flip_a_byte(file, file.stat().st_size // 2)
    with Log.open(directory) as log:
        with pytest.raises(LogCorruptError, match=f"{file.name}: .* damaged: .* restore the file"):
            read(log)
        with pytest.raises(LogCorruptError, match=file.name):
            log.verify()
        assert [event.id for _, event in read(log, 7)] == ["i6", "i7", "i8"]
        assert log.append([click("i9")], arrived_ms=1).seqs == [10]


@pytest.mark.parametrize("what_happens", ["removed", "emptied"])
def test_segments_outlive_the_manifest_that_named_them(directory, what_happens):
    (directory / "log.sqlite").unlink()
    if what_happens == "emptied":
        (directory / "log.sqlite").touch()
    segments = sorted(directory.glob("segments/*"))
    for _ in range(2):
        with pytest.raises(LogCorruptError, match=r"log\.sqlite: it is missing or empty.*restore"):
            Log.open(directory)
    assert sorted(directory.glob("segments/*")) == segments


def test_a_shortened_or_missing_segment_is_found_when_the_log_is_opened(directory):
    file = segment_of(directory)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(LogCorruptError, match=f"{file.name}: .* it has {len(content) - 1} bytes"):
        Log.open(directory)
    file.unlink()
    with pytest.raises(LogCorruptError, match=f"{file.name}: .* it is missing"):
        Log.open(directory)
    file.write_bytes(content)
    with Log.open(directory) as log:
        assert log.verify() == 2
        assert len(read(log)) == 9


def test_a_segment_that_vanishes_under_a_reader_is_no_silent_gap(directory):
    with Log.open(directory) as log:
        segment_of(directory).unlink()
        with pytest.raises(LogCorruptError, match="it is missing"):
            read(log)


def test_a_segment_that_is_damaged_after_it_was_checked_is_named(directory):
    file = segment_of(directory)
    size = file.stat().st_size
    with Log.open(directory) as log:
        assert len(read(log)) == 9
        file.write_bytes(bytes(size))
        with pytest.raises(LogCorruptError, match=f"{file.name}: .* it cannot be decoded"):
            read(log)


def test_a_segment_that_cannot_be_opened_is_an_error_that_says_what_to_do(directory):
    file = segment_of(directory)
    content = file.read_bytes()
    with Log.open(directory) as log:
        file.unlink()
        file.symlink_to(file.name)  # leads nowhere but to itself
        with pytest.raises(LogError, match=f"{file.name}: .*; check the disk, the limit of open"):
            read(log)
        file.unlink()
        file.write_bytes(content)
        assert len(read(log)) == 9


def test_whoever_tries_to_write_hears_that_a_segment_is_missing_until_it_is_back(directory):
    file = segment_of(directory)
    with Log.open(directory) as log:
        log.try_writing()
        aside = file.rename(file.with_suffix(".aside"))
        with pytest.raises(LogCorruptError, match="it is missing"):
            log.try_writing()
        aside.rename(file)
        log.try_writing()
        assert log.last_seq() == 9


def test_a_file_that_is_no_database_is_named(directory):
    (directory / "log.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(LogCorruptError, match=r"log\.sqlite: not a readable log .* backup"):
        Log.open(directory)


def test_a_log_of_a_newer_liverank_is_left_alone(directory):
    with sqlite3.connect(directory / "log.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(LogError, match="format 99, this liverank reads up to 4; upgrade"):
        Log.open(directory)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-5]),
        lambda file: flip_a_byte(file, 3),
        lambda file: flip_a_byte(file, -1),
    ],
)
def test_damaged_ids_are_rebuilt_from_their_segment(directory, damage):
    files = sorted(directory.glob("segments/*.ids"))
    whole = [file.read_bytes() for file in files]
    for file in files:
        damage(file)
    with Log.open(directory) as log:
        repeats = [click(f"i{n}") for n in range(9)]
        assert log.append([*repeats, click("i9")], arrived_ms=1).seqs == [None] * 9 + [10]
    assert [file.read_bytes() for file in files] == whole


def test_ids_with_equal_hashes_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("xxhash.xxh3_64_intdigest", lambda text: len(text) % 2)
    with Log.open(tmp_path) as log:
        log.import_frame(frame_of([click(f"i{n}") for n in range(30)]), arrived_ms=1)
        assert log.append([click("i7"), click("j7")], arrived_ms=1).seqs == [None, 31]
        batch = [click(f"{kind}{n}") for n in range(20, 40) for kind in "ik"]
        assert log.import_frame(frame_of(batch), arrived_ms=1) == ImportResult(30, 10, 32, 61)
        assert log.append(batch, arrived_ms=1).duplicates == 40


def test_what_killed_processes_left_is_removed_at_open_unless_somebody_is_writing(directory):
    leftovers = [
        directory / "segments" / name
        for name in ("0123.parquet", "0123.ids", "4567.parquet.89ab.draft")
    ]
    for file in leftovers:
        file.write_bytes(b"half")
    with adding_segments(directory / "segments"):
        Log.open(directory).close()
    assert all(file.exists() for file in leftovers)
    Log.open(directory).close()
    assert not any(file.exists() for file in leftovers)
    with Log.open(directory) as log:
        assert len(read(log)) == 9


def test_a_commit_that_a_killed_process_left_in_the_wal_names_no_file_removed_since(directory):
    index = directory / "log.sqlite-shm"
    copy = directory.parent / "copy"
    with Log.open(directory) as log:
        read(log)
        before = index.read_bytes()
        with Log.open(directory) as killed:
            killed.import_frame(frame_of([click("new")]), arrived_ms=1)
        with index.open("r+b") as file:  # as if killed while its commit was being synced
            file.write(before)
        assert len(read(log)) == 9
        log.compact(min_rows=100)  # it removes what the killed process left
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("*-shm"))
    with Log.open(copy) as log:  # as if all were killed now: the WAL is read anew
        log.verify()
        assert len(read(log)) == 9


def test_a_locked_log_says_that_it_is_busy_and_works_again_after(directory):
    other = sqlite3.connect(directory / "log.sqlite", isolation_level=None)
    with Log.open(directory, busy_s=0.05) as log:
        other.execute("BEGIN IMMEDIATE")
        for attempt in (
            lambda: log.append([click("new")], arrived_ms=1),
            lambda: log.import_frame(frame_of([click("new")]), arrived_ms=1),
            lambda: log.compact(),
            lambda: log.expire(10**15),
        ):
            with pytest.raises(LogBusyError, match="held the log's write lock for too long"):
                attempt()
        assert len(read(log)) == 9
        other.execute("ROLLBACK")
        assert len(list(directory.glob("segments/*.parquet"))) == 2
        assert log.append([click("new")], arrived_ms=1).seqs == [10]
    other.close()


@contextmanager
def small_disk(directory: Path, size: str):
    """A disk of its own of a few megabytes."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(b"x" * 4096)
            except OSError:
                break


def test_a_full_disk_refuses_whole_batches_and_takes_them_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", "6m") as disk, Log.open(disk / "log") as log:
        acknowledged = []

        def append_some(count: int) -> None:
            for number in range(count):
                batch = [click(f"{len(acknowledged)}-{number}-{k}" * 9) for k in range(50)]
                seqs = log.append(batch, arrived_ms=1).seqs
                acknowledged.extend(zip(seqs, batch, strict=True))

        append_some(20)
        fill(disk / "filler")
        with pytest.raises(LogFullError, match="the disk is full; nothing of this batch was kept"):
            append_some(2000)
        big = frame_of([click(os.urandom(200).hex()) for _ in range(3000)])
        for attempt in (
            lambda: log.import_frame(big, arrived_ms=1),
            lambda: log.import_frames([big, big], arrived_ms=1),
            log.compact,
        ):
            with pytest.raises(LogFullError):
                attempt()
        assert read(log) == acknowledged
        assert list(disk.glob("log/segments/*.*")) == [disk / "log/segments/segments.lock"]
        (disk / "filler").unlink()
        append_some(20)
        assert read(log) == acknowledged
        assert log.import_frames([big], arrived_ms=1).accepted == 3000
        assert log.compact() == len(acknowledged)
        log.verify()


def test_a_limit_on_the_size_of_files_reads_as_a_full_disk(tmp_path):
    with Log.open(tmp_path / "log") as log:
        log.append([click("a")], arrived_ms=1)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            big = [click(os.urandom(200).hex()) for _ in range(3000)]
            with pytest.raises(LogFullError):
                log.import_frame(frame_of(big), arrived_ms=1)
            with pytest.raises(LogFullError):
                log.import_frames([frame_of(big)], arrived_ms=1)
            with pytest.raises(LogError, match=r"log\.sqlite: .*check the disk, its limits|full"):
                log.append(big, arrived_ms=1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [event.id for _, event in read(log)] == ["a"]
        assert log.append(big, arrived_ms=1).duplicates == 0
        assert len(read(log)) == 3001


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match=r"Not a directory.*check that the directory can be written"):
        Log.open(tmp_path / "file" / "log")
