"""What a visit costs that goes through a real server in simulated time, by who spends it.

Some days on most popular, then `liverank train`, then some days by the model: lists of 20, every
list a ``/v1/rank``, every reaction through ``/v1/events``. Processor time is what the processes
themselves count; wall time depends on what else the machine does.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverank.simulator.life.life import Life
from liverank.simulator.server.drive import drive
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.project import make_project
from liverank.simulator.server.served_policy import ServedPolicy
from liverank.simulator.world.world import DAY_MS, build_world

_CPU = re.compile(r'process_cpu_seconds_total\{process="(fold|worker-0)"\} ([0-9.]+)')


def main() -> None:
    """Measure both stretches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, default=1_500)
    parser.add_argument("--days", type=int, default=3, help="of each of the two stretches")
    parser.add_argument("--step", type=int, default=300, help="seconds")
    parser.add_argument("--budget", default="10s", help="of the training")
    arguments = parser.parse_args()
    world = build_world(1, people=arguments.people, days=2 * arguments.days)
    life = Life(world, seed=1, step_ms=1000 * arguments.step)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="liverank-simulated-") as temporary:
        folder = Path(temporary) / "project"
        config = make_project(folder, more=f'\n[training]\nbudget = "{arguments.budget}"\n')
        with simulated_server(folder) as address, ServedPolicy(address) as policy:
            stretch = _Stretch(life, policy, address)
            policy.observe(life.introduction())
            half_ms = world.start_ms + arguments.days * DAY_MS
            figures["most popular"] = stretch.measure(half_ms)
            command = [sys.executable, "-m", "liverank", "train", "--config", str(config)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            policy.answered.clear()
            figures["model"] = stretch.measure(life.until_ms)
            figures["model"]["by_model"] = 1 - policy.fallbacks / figures["model"]["visits"]
    _print(figures)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


@dataclass(frozen=True)
class _Stretch:
    """A life behind a server."""

    life: Life
    policy: ServedPolicy
    address: str

    def measure(self, until_ms: int) -> dict[str, float]:
        """Let time pass; what it cost a visit."""
        live: list[int] = []
        waiting = _Waiting(self.policy, live)
        before, began_cpu, began = self._cpu(), time.process_time(), time.perf_counter()
        visits = drive(self.life, waiting, until_ms=until_ms)
        seconds = time.perf_counter() - began
        own_cpu = time.process_time() - began_cpu
        time.sleep(0.6)  # the processes write their times down four times a second
        after = self._cpu()
        return {
            "visits": visits,
            "live": sum(live) / len(live),
            "seconds": seconds,
            "visits_per_second": visits / seconds,
            "rank_client_us": 1e6 * waiting.cpu_s / visits,
            "world_and_client_us": 1e6 * own_cpu / visits,
            "worker_us": 1e6 * (after["worker-0"] - before["worker-0"]) / visits,
            "fold_us": 1e6 * (after["fold"] - before["fold"]) / visits,
        }

    def _cpu(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.address}/metrics") as answer:
            return {name: float(s) for name, s in _CPU.findall(answer.read().decode())}


class _Waiting:
    """A policy that counts the client's processor time, and what was live."""

    def __init__(self, policy: ServedPolicy, live: list[int]) -> None:
        self.cpu_s = 0.0
        self._policy = policy
        self._live = live

    def rank(self, visits):  # type: ignore[no-untyped-def]
        self._live += [len(visits.live)] * len(visits)
        began = time.process_time()
        lists = self._policy.rank(visits)
        self.cpu_s += time.process_time() - began
        return lists

    def observe(self, events):  # type: ignore[no-untyped-def]
        began = time.process_time()
        self._policy.observe(events)
        self.cpu_s += time.process_time() - began


def _print(figures: dict[str, Any]) -> None:
    print(f"{'':<44}{'most popular':>14}{'model':>14}")
    for key, words in (
        ("visits", "visits"),
        ("live", "rooms live, mean"),
        ("visits_per_second", "visits a second, wall time"),
        ("rank_client_us", "the client: us of processor time a visit"),
        ("world_and_client_us", "the world and the client: us"),
        ("worker_us", "the worker: us"),
        ("fold_us", "the folding process: us"),
    ):
        values = "".join(f"{figures[one][key]:>14,.0f}" for one in ("most popular", "model"))
        print(f"{words:<44}{values}")
    print(f"lists by the model in its stretch: {figures['model']['by_model']:.1%}")


if __name__ == "__main__":
    main()
