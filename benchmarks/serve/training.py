"""Latency of a server while autopilot trains on its machine, and while it does not, in turn."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

from serve.deployment import Deployment, copied
from serve.loads import WARM_UP_S, Load, Row, put
from serve.processes import running_liverank

RATE = 300.0
TURNS = 4


def beside_training(deployment: Deployment, *, seconds: float) -> Iterator[tuple[bool, Row]]:
    """Whether a training ran, and what came of the load, ``TURNS`` times each."""
    load = Load("alone", RATE, events_rate=600.0, seconds=seconds)
    with copied(deployment.live) as live, running_liverank(live) as server:
        put(replace(load, name="warm-up", seconds=WARM_UP_S), server, deployment.users)
        for _ in range(TURNS):
            yield False, put(load, server, deployment.users)
            config = live / "liverank.toml"
            training = subprocess.Popen(
                [sys.executable, "-m", "liverank", "autopilot", "train", "--config", str(config)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            row = put(replace(load, name="while it trains"), server, deployment.users)
            has_trained_all_the_time = training.poll() is None
            training.terminate()
            training.wait()
            if has_trained_all_the_time:
                yield True, row
