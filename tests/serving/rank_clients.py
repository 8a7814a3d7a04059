"""Clients that ask a real server all the time, each on a connection of its own."""

import http.client
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Asked:
    """A request that was sent, and what became of it; times by ``time.monotonic``."""

    id: str
    port: int
    """Of the connection, on our side."""
    sent_at: float
    ended_at: float = 0.0
    status: int | None = None
    """None where the connection broke."""
    retry_after: str | None = None
    answer: dict[str, Any] = field(default_factory=dict)


class Clients:
    """A number of clients that ask for rankings, one request after the other."""

    def __init__(self, url: str, request: Callable[[], dict[str, Any]]) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 0))
        self._request = request
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.asked: list[Asked] = []

    @property
    def answered(self) -> list[Asked]:
        return [one for one in self.asked if one.status == 200]

    @property
    def broken(self) -> list[Asked]:
        return [one for one in self.asked if one.status is None]

    def wait_for_more(self, count: int, seconds: float = 30) -> None:
        """Wait until so many more were answered."""
        enough, until = len(self.answered) + count, time.monotonic() + seconds
        while len(self.answered) < enough:
            assert time.monotonic() < until, (len(self.answered), self.broken[-3:])
            time.sleep(0.01)

    def start(self, count: int) -> None:
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        while not self._stopped.is_set():
            try:
                if connection.sock is None:
                    connection.connect()
            except OSError:
                time.sleep(0.02)  # it has ended; others count what was not answered
                continue
            one = Asked(secrets.token_hex(8), connection.sock.getsockname()[1], time.monotonic())
            try:
                body = json.dumps(self._request() | {"id": one.id})
                connection.request("POST", "/v1/rank", body)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
            else:
                one.status = response.status
                one.retry_after = response.headers["retry-after"]
                one.answer = json.loads(content)
            one.ended_at = time.monotonic()
            self.asked.append(one)
        connection.close()


@contextmanager
def clients(
    url: str, request: Callable[[], dict[str, Any]], *, count: int = 6
) -> Iterator[Clients]:
    """Clients that ask until the block ends."""
    asking = Clients(url, request)
    asking.start(count)
    try:
        yield asking
    finally:
        asking.stop()


def ports_of(pid: int, server_port: int) -> set[int]:
    """The ports of the clients whose connections a process holds."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink()))
        except OSError:
            continue
        if found:
            inodes.add(found[1])
    ports = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] in inodes and int(words[1].split(":")[1], 16) == server_port:
            ports.add(int(words[2].split(":")[1], 16))
    return ports - {0}


def has_answer(connection: socket.socket) -> bool:
    """Whether something can be read, within a moment."""
    connection.settimeout(0.3)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def fds_of(pid: int) -> int:
    """How many files a process holds open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def pss_kb(pid: int) -> int:
    """The memory of a process, what it shares being counted in parts."""
    return _kb(pid, "Pss")


def private_kb(pid: int) -> int:
    """The memory of a process that no other one shares."""
    return _kb(pid, "Private_Clean") + _kb(pid, "Private_Dirty")


def _kb(pid: int, kind: str) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{kind}:\s+(\d+) kB", rollup, re.M)
    assert found
    return int(found[1])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
