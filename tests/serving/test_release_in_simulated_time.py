"""A challenger's whole way on a real server in simulated time: into service, or out of a canary."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rank_servers import CONFIG, RunningServer, room, running_server
from test_processes_swapped import ROOMS
from trial_steps import champion_and_challenger

from liverank.autopilot.releasing.release_loop import ReleaseLoop
from liverank.bundle import store
from liverank.config import Config, parse_config
from liverank.events.log import Log

NOON, HOUR_MS = 1_600_000_000_000, 3_600_000
SERVER = (
    CONFIG
    + '\n[impressions]\nsource = "ranking"\n'
    + '[autopilot]\nshadow = "1h"\ncanary = "6h"\ncanary_share = 0.5\n'
)
PEOPLE = 80
"""People who come each hour, one list each."""


class Day:
    """A server whose people come each hour, and the releases of its autopilot."""

    def __init__(self, server: RunningServer, log: Log, config: Config, root: Path) -> None:
        self.server, self.log = server, log
        self.loop = ReleaseLoop(log, config, root)
        self.rng = np.random.default_rng(1)
        self.at_ms = NOON
        self.steps: list[str] = []

    def hour(self, rates: dict[str | None, float], candidate: str | None = None) -> set[str]:
        """An hour of lists, of which a share by model draws a join; then a look."""
        served = set()
        for number in range(PEOPLE):
            self.at_ms += HOUR_MS // PEOPLE
            body = {"user": f"u{self.rng.integers(400)}", "items": ROOMS, "limit": 10}
            answer = self.server.client.post(f"/v1/rank?at={self.at_ms}", json=body).json()
            served.add(answer["model"])
            if number % 5 == 0 or self.rng.random() < rates[answer["model"]]:
                joined = {
                    "event": "interaction",
                    "time": self.at_ms,
                    "type": "join",
                    "user": body["user"],
                    "item": answer["items"][0]["item"],
                    "ranking": answer["id"],
                }
                self.server.send(joined)
        self.server.client.post(f"/v1/events?at={self.at_ms}", content=b"")
        step = self.loop.look(self.at_ms, candidate=candidate)
        self.steps.append("" if step is None else step.action)
        return served


@contextmanager
def a_day(folder: Path) -> Iterator[Day]:
    root = folder / ".liverank"
    with (
        running_server(folder, "--simulated", "--workers", "1", config=SERVER) as server,
        Log.open(root / "log") as log,
    ):
        server.send(*({**room(name), "time": NOON} for name in ROOMS))
        yield Day(server, log, parse_config(SERVER), root)


def test_a_challenger_goes_from_shadow_to_canary_into_service(tmp_path: Path) -> None:
    one, other = champion_and_challenger(tmp_path)
    rates = {one: 0.4, other: 0.4}
    with a_day(tmp_path) as day:
        assert day.hour(rates) == {one}
        assert day.hour(rates, candidate=other) == {one}
        while "canary_started" not in day.steps:
            assert day.hour(rates) == {one}
            assert len(day.steps) < 12
        assert day.hour(rates) == {one, other}
        while day.steps.count("released") < 2:  # the first is the champion, promoted by hand
            assert day.hour(rates) == {one, other}
            assert len(day.steps) < 40
        assert day.hour(rates) == {other}
    assert [step for step in day.steps if step] == [
        "released",
        "shadow_started",
        "canary_started",
        "released",
    ]
    assert store.current(tmp_path / ".liverank") == other


def test_a_harmful_challenger_serves_nobody_after_the_look_that_finds_it(tmp_path: Path) -> None:
    one, other = champion_and_challenger(tmp_path)
    rates = {one: 0.7, other: 0.05}
    with a_day(tmp_path) as day:
        day.hour(rates)
        day.hour(rates, candidate=other)
        while "dropped" not in day.steps:
            day.hour(rates)
            assert len(day.steps) < 30
        assert day.hour(rates) == {one}
    assert [step for step in day.steps if step] == [
        "released",
        "shadow_started",
        "canary_started",
        "dropped",
    ]
