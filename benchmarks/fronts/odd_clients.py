"""Odd clients, each of whom a server treats as wanted or not."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterable

LONGEST_S = 45.0
"""How long a server has to get rid of a client that stands still."""
_HEAD = b"Host: x\r\n"
_LIVE = b"GET /livez HTTP/1.1\r\n" + _HEAD + b"\r\n"


def _post(*headers: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST /v1/rank HTTP/%s\r\n%s%s\r\n%s" % (version, _HEAD, lines, body)


def _received(port: int, data: bytes, *, wait_s: float = 2.0, half_closes: bool = False) -> bytes:
    """All that comes back until nothing has come for so long."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        try:
            client.sendall(data)
            if half_closes:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        client.settimeout(wait_s)
        got = b""
        try:
            while piece := client.recv(1 << 16):
                got += piece
        except OSError:
            pass
    return got


def _is_cut_off(port: int, data: bytes) -> bool:
    """Whether a client that sends this and then stands still is let go."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(data)
        client.settimeout(LONGEST_S)
        try:
            while client.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
    return True


def _is_refused(port: int, data: bytes) -> bool:
    """Whether this is answered by one refusal, and what follows it by nothing."""
    got = _received(port, data + _LIVE)
    return got.startswith(b"HTTP/1.1 4") and got.count(b"HTTP/1.1 ") == 1


def _refuses_without_end(port: int, start: bytes, piece: bytes) -> bool:
    """Whether what goes on and on is ended, or told to, before 50 MB of it."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(5)
        try:
            client.sendall(start)
            for _ in range(50_000_000 // len(piece)):
                client.sendall(piece)
                if select.select([client], [], [], 0)[0]:
                    return client.recv(1000)[:10] in (b"HTTP/1.1 4", b"")
        except OSError:
            return True
    return False


def _continues_in_turn(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(_post(b"Content-Length: 12", b"Expect: 100-continue"))
        if not client.recv(100).startswith(b"HTTP/1.1 100"):
            return False
        client.sendall(b'{"user":"u"}')
        return client.recv(100).startswith(b"HTTP/1.1 200")


def _keeps_old(port: int) -> bool:
    data = b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    got = _received(port, data * 2).lower()
    return got.count(b"200 ok") == 2 and b"connection: keep-alive" in got


def _cuts_off_who_does_not_read(port: int) -> bool:
    """Metrics, asked for without end and never read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.settimeout(LONGEST_S)
    ask = b"GET /metrics HTTP/1.1\r\n" + _HEAD + b"\r\n"
    until = time.monotonic() + LONGEST_S
    try:
        while time.monotonic() < until:
            client.sendall(ask * 100)
        return False
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        client.close()


def _keeps_idle(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for pause_s in (0, 8):
            time.sleep(pause_s)
            client.sendall(_LIVE)
            if not client.recv(1000).startswith(b"HTTP/1.1 200"):
                return False
    return True


_UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA")
_RANK = b'{"user":"u"}'
_CHUNKED, _IN_CHUNKS = b"Transfer-Encoding: chunked", b"c\r\n%s\r\n0\r\n\r\n" % _RANK
CLIENTS: dict[str, Callable[[int], bool]] = {
    "headers that stand still are cut off": lambda port: _is_cut_off(port, _LIVE[:-2]),
    "a body that stands still is cut off": lambda port: _is_cut_off(
        port, _post(b"Content-Length: 12", body=_RANK[:-1])
    ),
    "a client that never reads is cut off": _cuts_off_who_does_not_read,
    "an idle connection is kept for 8 s": _keeps_idle,
    "a half-closed client is answered": lambda port: b"200 OK"
    in _received(port, _LIVE, half_closes=True),
    "100 pipelined requests are answered": lambda port: _received(port, _LIVE * 100).count(
        b'{"alive":true}'
    )
    == 100,
    "100-continue": _continues_in_turn,
    "HTTP/1.0 is kept alive, and told so": _keeps_old,
    "h2c with a body is answered in HTTP/1.1": lambda port: _received(
        port, _post(b"Content-Length: 12", *_UPGRADE, body=_RANK) + _LIVE
    ).count(b"200 OK")
    == 2,
    "two lengths are refused": lambda port: _is_refused(
        port, _post(b"Content-Length: 12", b"Content-Length: 0", body=_RANK)
    ),
    "length and chunks are refused": lambda port: _is_refused(
        port, _post(b"Content-Length: 22", _CHUNKED, body=_IN_CHUNKS)
    ),
    "chunks in HTTP/1.0 are refused": lambda port: _is_refused(
        port, _post(_CHUNKED, body=_IN_CHUNKS, version=b"1.0")
    ),
    "no HTTP is told so": lambda port: _received(port, b"\x16\x03\x01\0\xa5\r\n\r\n").startswith(
        b"HTTP/1.1 400"
    ),
    "headers without end are refused": lambda port: _refuses_without_end(
        port, b"GET / HTTP/1.1\r\n", b"X: " + 60_000 * b"a" + b"\r\n"
    ),
    "trailers without end are refused": lambda port: _refuses_without_end(
        port, _post(_CHUNKED, body=b"0\r\n"), b"X: " + 60_000 * b"a" + b"\r\n"
    ),
}  # fmt: skip


_GREEDY = ("a client that never reads is cut off",)
"""What may take all of a server's time, and so comes last."""


def try_clients(port: int) -> dict[str, bool]:
    """Whether a server treats each client as wanted; all of them at once but the greedy."""
    patient = [name for name in CLIENTS if name not in _GREEDY]
    found = _try_at_once(port, patient) | _try_at_once(port, _GREEDY)
    return {name: found[name] for name in CLIENTS}


def _try_at_once(port: int, names: Iterable[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}

    def attempt(name: str) -> None:
        found[name] = CLIENTS[name](port)

    threads = [threading.Thread(target=attempt, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: found.get(name, False) for name in names}
