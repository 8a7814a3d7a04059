"""Appends wait for a process that holds the log for as long as they may, and no longer."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from liverank.errors import LogBusyError
from liverank.events.event import ServedRanking, User
from liverank.events.log import Log

WAIT_S = 0.5
LATE_S = 0.4
"""What a busy machine may take beside."""


@contextmanager
def held(directory):
    """Hold the write lock of the log, as a process would that is stuck within a transaction."""
    with closing(sqlite3.connect(directory / "log.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def event(number):
    return User(time=1_700_000_000_000, user=f"u{number}", id=f"id{number}")


def timed(write):
    """How long a write took, and whether it was refused because the log was held."""
    began = time.monotonic()
    try:
        write()
    except LogBusyError:
        return time.monotonic() - began, True
    return time.monotonic() - began, False


def late(seconds, write):
    """The same for a write that begins a while later."""
    time.sleep(seconds)
    return timed(write)


@pytest.mark.alone
def test_however_many_wait_for_a_log_that_is_held_each_waits_for_its_own_time(tmp_path):
    served = ServedRanking(time=1_700_000_000_000, id="q", user="u", items=["r"])
    with Log.open(tmp_path, busy_s=WAIT_S) as log, ThreadPoolExecutor(12) as pool:
        writes = [lambda one=one: log.append([event(one)], arrived_ms=1) for one in range(8)]
        writes += [lambda: log.append_served([served], arrived_ms=1), log.try_writing]
        with held(tmp_path):
            begun = [pool.submit(late, 0.04 * n, write) for n, write in enumerate(writes)]
            ended = [one.result() for one in begun]
            assert log.waits_s() > WAIT_S, "it counts on from one to the next"
        assert all(was_refused for _, was_refused in ended)
        assert all(WAIT_S <= took_s < WAIT_S + LATE_S for took_s, _ in ended), ended
        assert log.last_seq() == 0, "what was refused is not in the log"
        assert not timed(writes[0])[1]
        assert log.waits_s() == 0


def test_those_that_wait_are_written_when_the_log_is_let_go(tmp_path):
    with Log.open(tmp_path, busy_s=20) as log, ThreadPoolExecutor(8) as pool:
        with held(tmp_path):
            begun = [
                pool.submit(log.append, [event(one)], arrived_ms=1, until_s=time.monotonic() + 20)
                for one in range(8)
            ]
            time.sleep(0.3)
            assert 0.1 < log.waits_s() < 20
            assert not any(one.done() for one in begun)
        assert sorted(one.result().seqs[0] for one in begun) == list(range(1, 9))
        assert log.waits_s() == 0


def test_one_that_waited_elsewhere_for_all_of_its_time_is_refused_at_once(tmp_path):
    with Log.open(tmp_path, busy_s=20) as log, ThreadPoolExecutor(1) as pool:
        past_s = time.monotonic() - 1
        with held(tmp_path):
            patient = pool.submit(log.append, [event(1)], arrived_ms=1)
            while not log.waits_s():
                time.sleep(0.01)
            took_s, was_refused = timed(
                lambda: log.append([event(2)], arrived_ms=1, until_s=past_s)
            )
        assert was_refused
        assert took_s < 5
        assert patient.result().seqs == [1]
        assert log.append([event(2)], arrived_ms=1, until_s=past_s).seqs == [2], "it is free"
