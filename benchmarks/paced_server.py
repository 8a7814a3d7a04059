"""A rank server that answers exactly so many requests a second, one after another, by the clock.

What a load generator finds at saturation has a known truth here: the rate, and for latency the
number of connections by the rate. It needs hardly any processor time, so a busy machine does not
change it. A slot that was missed is made up for, as long as a request waits.
"""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER = {"items": [], "fallback": None, "dropped": {"ended": 55}}


def whole(status: str, content: object) -> bytes:
    """An HTTP answer."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


RANKED = whole("200 OK", ANSWER)
LIVE = [{"item": f"room{number}"} for number in range(1000)]
OTHERS = {b"/v1/items": whole("200 OK", {"live": len(LIVE), "items": LIVE})}
NOT_FOUND = whole("404 Not Found", {})


class Pace:
    """Answers those who wait, in turn, each in a slot of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: float) -> None:
        self._loop = loop
        self._slot_s = 1 / rate
        self._next_s = 0.0
        self._waiting: deque[asyncio.Transport] = deque()

    def wait(self, transport: asyncio.Transport) -> None:
        """Stand in the queue."""
        if not self._waiting:
            self._next_s = max(self._next_s, time.monotonic()) + self._slot_s
            self._loop.call_at(self._next_s, self._answer)
        self._waiting.append(transport)

    def _answer(self) -> None:
        while self._waiting and self._next_s <= time.monotonic():
            self._waiting.popleft().write(RANKED)
            self._next_s += self._slot_s
        if self._waiting:
            self._loop.call_at(self._next_s, self._answer)
        else:
            self._next_s -= self._slot_s


class Connection(asyncio.Protocol):
    """Reads requests, and lets rankings wait for their slot."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        head, end, body = (self._received + data).partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        if not end or len(body) < int(length.split(b"\r\n")[0] or 0):
            self._received += data
            return
        self._received = b""
        path = head.split(b" ")[1].split(b"?")[0]
        if path == b"/v1/rank":
            self._pace.wait(self._transport)
        else:
            self._transport.write(OTHERS.get(path, NOT_FOUND))


@contextmanager
def paced_server(rate: float) -> Iterator[str]:
    """Its address, while it runs in a thread of this process."""
    loop = asyncio.new_event_loop()
    pace = Pace(loop, rate)
    listening = loop.run_until_complete(
        loop.create_server(lambda: Connection(pace), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.close()
