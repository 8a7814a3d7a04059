"""A long history: what training, a backtest and the start of a server take of memory and time.

A made-up product (``made_events.py``) with a list of ten rooms for every tenth impression goes
straight into a log; then each command runs in a process of its own, whose peak of resident memory
the system tells. Feature state alone is what ``liverank replay`` says of it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from liverank.events.log import Log
from made_events import LABEL, Product, population, traffic

CONFIG = LABEL + '[training]\nbudget = "20s"\n'
LIVERANK = (sys.executable, "-m", "liverank")
COMMANDS = ("train", "backtest", "serve")


def main() -> None:
    """Make the log, run the commands, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=COMMANDS, action="append", help="some of the commands")
    arguments = parser.parse_args()
    product = Product(
        max(arguments.events // 100, 1_000),
        max(arguments.events // 1_000, 500),
        days=14.0,
        follows=5,
        list_items=10,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "liverank.toml"
        config.write_text(CONFIG)
        # in another process: the peak of a child begins with what its parent holds
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            log = folder / ".liverank" / "log"
            events = pool.submit(_fill, product, arguments.events, log).result()
        state = json.loads(_run("replay", config)["said"])["bytes"]
        print(f"{events:,} events; feature state {state / 1e6:,.0f} MB")
        figures: dict[str, Any] = {"events": events, "state_bytes": state}
        for command in arguments.only or COMMANDS:
            figures[command] = _measured(command, config, product)
            _tell(command, figures[command], state)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def _fill(product: Product, events: int, directory: Path) -> int:
    """Put the product's events into a log; returns how many."""
    interactions = int(events / 1.07) - product.users * 6
    frames = chain(population(product), traffic(product, interactions=interactions))
    with Log.open(directory) as log:
        return log.import_frames(frames, arrived_ms=product.end_ms).accepted


def _measured(command: str, config: Path, product: Product) -> dict[str, Any]:
    if command == "train":
        return _run("train", config, "--force", "--no-promote")
    if command == "backtest":
        from_ms = product.start_ms + int(0.7 * (product.end_ms - product.start_ms))
        return _run("backtest", config, "--test-from", str(from_ms))
    return _start(config)


def _run(command: str, config: Path, *words: str) -> dict[str, Any]:
    """Run a command to its end: seconds, peak of memory, and the last line that it said."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*LIVERANK, command, "--config", str(config), "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    said = process.stdout.read().decode().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, said
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_bytes": used.ru_maxrss * 1024, "said": said[-1]}


def _start(config: Path) -> dict[str, Any]:
    """Start a server without a snapshot, and stop it once it is ready."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*LIVERANK, "serve", "--config", str(config), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    ready = next(line for line in process.stdout if line.startswith("Ready"))
    seconds = time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    _, _, used = os.wait4(process.pid, 0)
    return {"seconds": seconds, "peak_bytes": used.ru_maxrss * 1024, "said": ready.strip()}


def _tell(command: str, figures: dict[str, Any], state: int) -> None:
    beyond = figures["peak_bytes"] - state
    print(
        f"{command:<10} {figures['seconds']:>8.0f} s {figures['peak_bytes'] / 1e6:>8,.0f} MB, "
        f"{beyond / 1e6:,.0f} MB beyond the state",
        flush=True,
    )


if __name__ == "__main__":
    main()
