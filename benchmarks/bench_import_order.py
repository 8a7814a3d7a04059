"""Whether the order in which history is imported changes what a model learns and is judged by.

A small made world (`liverank.simulator`) comes into a fresh log in five ways: in one file; in two
files, the older half first, or the newer one; the newer half over HTTP to a running server and then
the older one from a file; and cut by people into eight files, in a drawn order. Each time a forest
of fixed size learns from the rows of the older 70 % of the time and is tested on the rest, so that
nothing differs but the rows.
"""

import argparse
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np

from liverank.autopilot.gate import as_served
from liverank.autopilot.gather import lists_to_test, lists_to_train, look_at
from liverank.config import Config, load_config
from liverank.dataset.metrics import list_auc, mean_over_lists, ndcg_at
from liverank.dataset.replay import training_rows
from liverank.dataset.rows import list_offsets
from liverank.events.event import Item
from liverank.events.log import Log
from liverank.features.spec import derive_spec
from liverank.quantities import duration_ms
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import simulate, write_events
from liverank.simulator.world.world import DAY_MS, build_world

CONFIG = '[label]\ninteraction = "join"\nwithin = "10m"\n[impressions]\nseen = "all"\n'
METRICS = ("list_auc", "ndcg@10")
_LIVERANK = (sys.executable, "-m", "liverank")


def main() -> None:
    """Import and test in each order, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    start_ms = 1_790_000_000_000
    world = build_world(
        arguments.seed, people=arguments.people, days=arguments.days, start_ms=start_ms
    )
    policy = MostPopular(world, spread=1.0, seed=arguments.seed)
    events = sorted(
        simulate(world, policy=policy, seed=arguments.seed), key=lambda event: event.at_ms
    )
    middle_ms = start_ms + arguments.days * DAY_MS // 2
    test_from_ms = start_ms + int(0.7 * arguments.days * DAY_MS)
    halves = {
        "old": [event for event in events if event.at_ms < middle_ms],
        "new": [event for event in events if event.at_ms >= middle_ms],
    }
    groups: list[list[Any]] = [[] for _ in range(8)]
    for event in events:
        who = event.item if isinstance(event, Item) else event.user
        groups[hash_of(who) % 8].append(event)
    random.Random(arguments.seed).shuffle(groups)
    orders = {
        "one file": [events],
        "older half, newer half": [halves["old"], halves["new"]],
        "newer half, older half": [halves["new"], halves["old"]],
        "newer half over HTTP, older half": [halves["new"], halves["old"]],
        "by people, eight files": groups,
    }
    figures: dict[str, Any] = {}
    print(f"{len(events):,} events of {arguments.people} people")
    head = "".join(f"{metric:>12}" for metric in METRICS)
    print(f"{'order of import':<34}{head}  digest of the training rows")
    for name, parts in orders.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = _tested(Path(folder), parts, test_from_ms, over_http="HTTP" in name)
        row = "".join(f"{figures[name][metric]:>12.4f}" for metric in METRICS)
        print(f"{name:<34}{row}  {figures[name]['rows']}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    return sum(place * ord(letter) for place, letter in enumerate(text, 1))


def _tested(
    folder: Path, parts: list[list[Any]], test_from_ms: int, *, over_http: bool
) -> dict[str, Any]:
    """Import the parts one after the other, and test."""
    config = folder / "liverank.toml"
    config.write_text(CONFIG)
    files = []
    for place, part in enumerate(parts):
        files.append(folder / f"{place}.jsonl")
        write_events(files[-1], part)
    if over_http:
        _send(config, parts[0])
        files = files[1:]
    for file in files:
        _run("ingest", str(file), "--config", str(config))
    with Log.open(folder / ".liverank" / "log") as log:
        return _fixed_forest(log.read, load_config(config), test_from_ms)


def _fixed_forest(frames: Any, config: Config, test_from_ms: int) -> dict[str, Any]:
    """Figures of a forest of fixed size, and a digest of the rows that it learned from."""
    limit_ms = duration_ms(config.features.max_future)
    spec = derive_spec(look_at(frames, config, before_ms=test_from_ms), config)
    past = lists_to_train(frames, spec.layout, config, before_ms=test_from_ms)
    later = lists_to_test(frames, spec.layout, config, from_ms=test_from_ms)
    rows = training_rows(frames(), spec, past, max_future_ms=limit_ms)
    tests = training_rows(frames(), spec, later, max_future_ms=limit_ms)
    settings = {
        "objective": "binary", "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 50,
        "deterministic": True, "num_threads": 2, "verbose": -1, "seed": 0,
    }  # fmt: skip
    forest = lightgbm.train(settings, lightgbm.Dataset(rows.features, rows.labels), 120)
    scores = np.asarray(forest.predict(as_served(tests)), np.float64)
    offsets = list_offsets(tests.rankings)
    return {
        "list_auc": mean_over_lists(list_auc(scores, tests.labels, offsets)),
        "ndcg@10": mean_over_lists(ndcg_at(10, scores, tests.labels, offsets)),
        "rows": hashlib.sha256(rows.features.tobytes() + rows.labels.tobytes()).hexdigest()[:12],
    }


def _run(*words: str) -> None:
    subprocess.run([*_LIVERANK, *words, "--json"], capture_output=True, check=True)


def _send(config: Path, events: list[Any]) -> None:
    """Send events to a server of the config, and stop it."""
    command = [*_LIVERANK, "serve", "--config", str(config), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = ""
        for line in server.stdout:
            found = re.search(r"http://\S+", line)
            address = found.group(0) if found else address
            if line.startswith("Ready"):
                break
        for first in range(0, len(events), 5_000):
            body = msgspec.json.encode(events[first : first + 5_000])
            request = urllib.request.Request(f"{address}/v1/events", body)
            urllib.request.urlopen(request).read()
        time.sleep(1)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


if __name__ == "__main__":
    main()
