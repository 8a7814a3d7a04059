"""Health of a real server while another process holds its log: nothing can be written."""

import socket
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from health_watchers import is_well, told
from rank_servers import act, room, running_server


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
        while not ended.is_set():
            client.sendall(100 * request)
        client.shutdown(socket.SHUT_WR)

    def read() -> None:
        while client.recv(1 << 20):
            pass

    threads = [threading.Thread(target=work) for work in (ask, read)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        client.close()


@pytest.mark.timeout(180)
def test_a_log_that_another_process_holds_is_told_until_it_lets_go(tmp_path):
    refused = []

    def send(url: str) -> None:
        refused.append(httpx.post(f"{url}/v1/events", json=[act("join", "u1", "r1")], timeout=120))

    with running_server(tmp_path, "--workers", "1") as server:
        server.send_and_fold(room("r1"))
        with held(tmp_path):
            sending = threading.Thread(target=send, args=(server.url,))
            sending.start()
            time.sleep(1)  # or it would wait behind the rankings, and then for the lock
            with many_rankings(server):
                said = told(server, "rankings", "more come than the log takes", within_s=90)
                assert "rankings are lost" in said
            sending.join()  # they wait half a minute for the lock
            assert refused[0].status_code == 503
            assert refused[0].json()["error"]["where"] == "log"
            assert "another process holds the log" in told(server, "log")
            until = time.monotonic() + 6
            while time.monotonic() < until:
                said = server.health()
                assert said["log"] is not None
                assert said["processes"] is None, "the worker waits for nothing but the lock"
                time.sleep(0.2)
            assert server.rank(user="u1")["items"], "rankings are still answered"
        is_well(server)
        assert server.health()["rankings_lost"] > 0
        assert server.send(act("join", "u1", "r1")).status_code == 202
