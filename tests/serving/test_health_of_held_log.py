"""Health of a real server while another process holds its log: nothing can be written."""

import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import msgspec
import pytest
from health_watchers import SOON_S, is_well, told
from rank_servers import CONFIG, act, room, running_server


@contextmanager
def held(directory):
    """Hold the write lock of the log, as a process would that is stuck in mid-transaction."""
    file = directory / ".liverank/log/log.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def many_rankings(server):
    """Ask for rankings as fast as they are answered, on one connection."""
    body = msgspec.json.encode({"user": "u1", "items": ["r1"], "deadline_ms": 20_000})
    request = b"POST /v1/rank HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    parts = urlsplit(server.url)
    client = socket.create_connection((parts.hostname, parts.port))
    ended = threading.Event()

    def ask() -> None:
        with suppress(OSError):  # it is cut off in the middle of a piece
            while not ended.is_set():
                client.sendall(100 * request)

    def read() -> None:
        with suppress(OSError):
            while client.recv(1 << 20):
                pass

    threads = [threading.Thread(target=work) for work in (ask, read)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        client.shutdown(socket.SHUT_RDWR)  # what it has asked and not read yet is for nobody
        for thread in threads:
            thread.join()
        client.close()


WAIT_S = 8.0
"""Rankings are tried five times: until then it is told that they are lost for want of room."""
CLIENTS = 40
"""More than a worker has threads that wait for the log."""


def sent(server, number):
    """How long an event took to be answered, and the answer."""
    parts = urlsplit(server.url)
    with closing(HTTPConnection(parts.hostname, parts.port, timeout=60)) as connection:
        began = time.monotonic()
        body = msgspec.json.encode([act("join", f"u{number}", "r1")])
        connection.request("POST", "/v1/events", body)
        response = connection.getresponse()
        what = msgspec.json.decode(response.read())["error"]
        return time.monotonic() - began, response, what


@pytest.mark.alone
def test_a_log_that_another_process_holds_is_told_until_it_lets_go(tmp_path):
    config = CONFIG + f'[serving]\nlog_wait = "{WAIT_S:.0f}s"\n'
    with (
        running_server(tmp_path, "--workers", "1", config=config) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        server.send_and_fold(room("r1"))
        with held(tmp_path):
            began = time.monotonic()
            server.rank(user="u1")
            waits = told(server, "rankings", "rankings are not in the log yet")
            assert time.monotonic() - began < 1.5 + SOON_S, "rankings alone show that it is held"
            assert "another process has held the log's write lock for" in waits
            sending = [pool.submit(sent, server, number) for number in range(CLIENTS)]
            assert f"events wait for {WAIT_S:.0f}s" in told(
                server, "log", "look for it with `fuser`"
            )
            with many_rankings(server):
                said = told(
                    server, "rankings", "made faster than the log can store them", within_s=90
                )
                assert "rankings are lost" in said
            for took_s, refused, error in (one.result() for one in sending):
                assert (refused.status, refused.headers["retry-after"]) == (503, "1")
                assert error["where"] == "log"
                assert "another process has held" in error["what"]
                assert took_s < WAIT_S + SOON_S
            assert "another process holds the log" in told(server, "log", "events are refused")
            assert server.health()["processes"] is None, "the worker waits for nothing but the lock"
            assert server.rank(user="u1")["items"], "rankings are still answered"
        is_well(server)
        assert server.health()["rankings_lost"] > 0
        assert server.send(act("join", "u1", "r1")).status_code == 202
