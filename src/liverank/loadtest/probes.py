"""Measures fold lag for clients: the time from an acknowledged end until an item is dropped.

Once a second a live probe item is ended; then rankings of it and another item are requested until
``dropped`` counts it as ended. Invariant: probes are named ``loadtest-probe-...``, and all started
probes are ended after the block, or named in ``unended``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from liverank.errors import LoadTestError
from liverank.loadtest.histogram import Histogram
from liverank.loadtest.target import Target

GIVE_UP_S = 10.0
_PAUSE_S = 0.002
"""Pause between two requests, and so the resolution of the measurement."""


class _Dropped(msgspec.Struct, frozen=True):
    dropped: dict[str, int]


_decoder = msgspec.json.Decoder(_Dropped)


class Probes:
    """Probe items of a run, and their measurements. ``now_ms`` is the time for events."""

    def __init__(
        self, target: Target, run: str, *, surface: str, now_ms: Callable[[], int]
    ) -> None:
        self.lag = Histogram()
        self.unseen = 0
        """Number of ends that no ranking reflected within ``GIVE_UP_S``, or that were refused."""
        self.unended = ""
        """Names of probes that could not be ended after the run."""
        self._target = target
        self._run = run
        self._surface = surface
        self._now_ms = now_ms
        self._number = 0
        self._alive: set[int] = set()
        """Numbers of the probes that were started but not ended."""
        self._start(0)
        self._start(1)

    def probe(self) -> None:
        """End a probe, and wait until a ranking drops it; then start the next."""
        number = self._number
        self._number += 1
        try:
            self._target.send_events(self._event(number, "ended"))
            self._alive.discard(number)
            began_ns = time.monotonic_ns()
            if self._wait_until_ended(number, began_ns + int(GIVE_UP_S * 1e9)):
                self.lag.record((time.monotonic_ns() - began_ns) // 1000)
            else:
                self.unseen += 1
            self._start(number + 2)
        except LoadTestError:
            self.unseen += 1

    def end(self) -> None:
        """End the live probes, if the server still accepts events."""
        alive = sorted(self._alive)
        try:
            self._target.send_events(*(self._event(number, "ended") for number in alive))
        except LoadTestError:  # the report is more useful than the error
            self.unended = ", ".join(map(self._name, alive))

    def _start(self, number: int) -> None:
        self._alive.add(number)  # even if the request fails, the event may have arrived
        self._target.send_events(self._event(number, "started"))

    def _wait_until_ended(self, number: int, until_ns: int) -> bool:
        question = msgspec.json.encode(
            {
                "user": f"loadtest-probe-{self._run}",
                "surface": self._surface,
                "items": [self._name(number), self._name(number + 1)],
            }
        )
        while time.monotonic_ns() < until_ns:
            status, body = self._target.ask("POST", "/v1/rank", question)
            if status == 200 and _decoder.decode(body).dropped.get("ended"):
                return True
            time.sleep(_PAUSE_S)
        return False

    def _name(self, number: int) -> str:
        return f"loadtest-probe-{self._run}-{number}"

    def _event(self, number: int, state: str) -> dict[str, Any]:
        return {
            "event": "item", "time": self._now_ms(), "item": self._name(number), "state": state
        }  # fmt: skip


@contextmanager
def probes_of(
    target: Target, run: str, *, surface: str, now_ms: Callable[[], int]
) -> Iterator[Probes]:
    """Yield the probes of a run, and end them afterwards. Raises LoadTestError."""
    probes = Probes(target, run, surface=surface, now_ms=now_ms)
    try:
        yield probes
    finally:
        probes.end()
