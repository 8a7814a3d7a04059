"""The server under test, for the few requests of the main process of the load test.

They are plain blocking requests over one connection, apart from the load.
Invariant: a value that the server does not report is None, never 0.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from liverank.errors import LoadTestError

_CPU = re.compile(r"^liverank_process_cpu_seconds_total(?:\{[^}]*\})? (\S+)", re.MULTILINE)
_MOST_ITEMS = 100_000


@dataclass(frozen=True, slots=True)
class Address:
    """The server's host and port."""

    host: str
    port: int


class _LiveItem(msgspec.Struct, frozen=True):
    item: str


class _LiveItems(msgspec.Struct, frozen=True):
    items: list[_LiveItem]


class Target:
    """A connection to the server, which is reopened if it was lost."""

    def __init__(self, address: Address, *, timeout_s: float = 10.0) -> None:
        self._address = address
        self._client = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)

    def live_items(self, surface: str) -> list[str]:
        """Ids of the live items on a surface. Raises LoadTestError."""
        status, body = self.ask(
            "GET", f"/v1/items?surface={quote(surface, safe='')}&limit={_MOST_ITEMS}"
        )
        if status != 200:
            raise LoadTestError(self._described("GET /v1/items", status, body))
        return [live.item for live in msgspec.json.decode(body, type=_LiveItems).items]

    def cpu_s(self) -> float | None:
        """CPU seconds of all the server's processes so far; None if it reports none.

        Raises LoadTestError if there is no answer.
        """
        status, body = self.ask("GET", "/metrics")
        return cpu_seconds(body.decode(errors="replace")) if status == 200 else None

    def send_events(self, *events: dict[str, Any]) -> None:
        """Send events. Raises LoadTestError unless all are accepted."""
        lines = b"\n".join(msgspec.json.encode(event) for event in events)
        status, body = self.ask("POST", "/v1/events", lines)
        if status != 202 or b'"rejected":[]' not in body:
            raise LoadTestError(self._described("POST /v1/events", status, body))

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer; a lost request is repeated once on a new connection.

        Raises LoadTestError.
        """
        headers = {"content-type": "application/json"} if body is not None else {}
        for is_last in (False, True):
            try:
                self._client.request(method, path, body=body, headers=headers)
                response = self._client.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._client.close()
                if is_last:
                    where = f"{self._address.host}:{self._address.port}"
                    raise LoadTestError(
                        f"{where}: no answer to {method} {path}: {error}; is a rank server "
                        "listening there?"
                    ) from None
        raise AssertionError("asked twice")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _described(self, what: str, status: int, body: bytes) -> str:
        text = body[:200].decode(errors="replace")
        return f"{self._address.host}:{self._address.port}: {what}: {status}: {text}"


@contextmanager
def target_at(address: Address) -> Iterator[Target]:
    """Open a Target, which is closed after the block."""
    target = Target(address)
    try:
        yield target
    finally:
        target.close()


def parse_address(url: str) -> Address:
    """Host and port of the URL of a server. Raises LoadTestError.

    >>> parse_address("http://localhost:8080/")
    Address(host='localhost', port=8080)
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query:
        raise LoadTestError(
            f"{url}: expected the address of a server, such as http://localhost:8080"
        )
    return Address(host, port or 80)


def cpu_seconds(metrics: str) -> float | None:
    r"""The sum of ``liverank_process_cpu_seconds_total`` over all processes; None without any.

    >>> cpu_seconds('liverank_process_cpu_seconds_total{process="fold"} 1.5\n')
    1.5
    """
    found = _CPU.findall(metrics)
    return sum(map(float, found)) if found else None
