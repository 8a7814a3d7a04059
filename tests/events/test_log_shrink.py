"""Compaction and expiry give the disk back what the tail took, and never fail for its sake."""

import time

import pytest
from test_log import click, read
from test_log_failures import fill, small_disk

from liverank.events.event import User
from liverank.events.log import Log
from liverank.events.log.storage.database import Database

LONG = "x" * 400
MEGABYTE = 1 << 20


def fill_tail(log: Log, events: int, *, time_ms: int = 1000) -> None:
    batch = [User(time=time_ms, user="u1", fields={"text": f"{LONG}{n}"}) for n in range(events)]
    log.append(batch, arrived_ms=time_ms)


def size_of(directory) -> int:
    """Bytes of the SQLite file and its WAL."""
    return sum((directory / name).stat().st_size for name in ("log.sqlite", "log.sqlite-wal"))


def test_a_compacted_tail_takes_no_room(tmp_path):
    with Log.open(tmp_path) as log:
        fill_tail(log, 20_000)
        assert size_of(tmp_path) > 10 * MEGABYTE
        assert log.compact() == 20_000
        assert size_of(tmp_path) < MEGABYTE
        assert log.append([click("a")], arrived_ms=1).seqs == [20_001]
        assert len(read(log)) == 20_001
        log.verify()


def test_expired_events_of_the_tail_take_no_room(tmp_path):
    with Log.open(tmp_path) as log:
        fill_tail(log, 20_000)
        fill_tail(log, 10, time_ms=5000)
        assert log.expire(2000) == 20_000
        assert size_of(tmp_path) < MEGABYTE
        assert len(read(log)) == 10


def test_a_file_that_is_mostly_full_is_not_copied(tmp_path, monkeypatch):
    statements: list[str] = []
    executes = Database._executes

    def recorded(self: Database, statement: str) -> bool:
        statements.append(statement)
        return executes(self, statement)

    monkeypatch.setattr(Database, "_executes", recorded)
    with Log.open(tmp_path) as log:
        fill_tail(log, 4000)
        fill_tail(log, 5000, time_ms=5000)
        log.expire(2000)
        assert "VACUUM" not in statements
        log.compact()
        assert "VACUUM" in statements


def test_somebody_who_goes_on_reading_puts_it_off_without_an_error(tmp_path):
    with Log.open(tmp_path) as log, Log.open(tmp_path) as other:
        fill_tail(log, 20_000)
        with other._database.reading() as connection:
            connection.execute("SELECT count(*) FROM tail").fetchone()
            assert log.compact() == 20_000
            began = time.monotonic()
            log.append([click("a")], arrived_ms=1)
            assert time.monotonic() - began < 1
        assert size_of(tmp_path) > 10 * MEGABYTE
        assert log.compact(min_rows=100) == 0
        assert size_of(tmp_path) < MEGABYTE
        assert len(read(other)) == 20_001


def test_a_writer_in_the_way_puts_it_off_without_an_error(tmp_path):
    with Log.open(tmp_path, busy_s=0.05) as log, Log.open(tmp_path) as other:
        fill_tail(log, 20_000)
        other.compact()
        fill_tail(other, 20_000)
        with other._database.writing() as connection:
            connection.execute("DELETE FROM tail")
        with other._database.writing():
            log.compact(min_rows=100)
        assert size_of(tmp_path) > 5 * MEGABYTE
        log.compact(min_rows=100)
        assert size_of(tmp_path) < MEGABYTE


def test_a_full_disk_puts_it_off_without_an_error(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk", "60m") as disk, Log.open(disk / "log") as log:
        fill_tail(log, 30_000)
        fill_tail(log, 20_000, time_ms=5000)
        with monkeypatch.context() as patched:
            patched.setattr(Database, "shrink", lambda _: None)
            assert log.expire(2000) == 30_000
        log._database._empties_wal()
        fill(disk / "filler")
        log._database.shrink()
        assert size_of(disk / "log") > 20 * MEGABYTE
        assert log.stats().rows == 20_000
        (disk / "filler").unlink()
        log._database.shrink()
        assert size_of(disk / "log") < 15 * MEGABYTE
        assert len(read(log)) == 20_000


@pytest.mark.parametrize("action", ["compact", "expire"])
def test_nothing_to_give_back_costs_nothing(tmp_path, action):
    with Log.open(tmp_path) as log:
        log.append([click("a")], arrived_ms=1)
        assert log.compact() == 1 if action == "compact" else log.expire(10**15) == 1
        log.verify()
