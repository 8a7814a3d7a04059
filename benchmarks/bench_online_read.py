"""One online read, forty features of 55 candidates: liverank's state beside Feast's SQLite store.

Feast (``peers/feast_sqlite.py``) runs in a virtual environment of its own, made for the occasion.
It leans our way: liverank reads its own process's memory and works the features out from counters
at the moment of reading; Feast's SDK looks up numbers that someone else worked out before, in a
file that other processes can read too. It is what each offers a Python server on one machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from liverank.features.spec import compile_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from made_events import (
    FUTURE_MS,
    Product,
    lists_of_live_rooms,
    numbered,
    population,
    read_list,
    traffic,
)
from measuring import microseconds, quantile
from peers.liverank_replay import wanted_spec

HERE = Path(__file__).resolve().parent
FEAST = "feast==0.67.0"
CANDIDATES, ITEMS, TURNS = 55, 5_000, 300


def main() -> None:
    """Read as many lists from both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"liverank": read_state(), FEAST: read_feast()}
    print(f"{len(wanted_spec().names)} features of {CANDIDATES} candidates, {TURNS} reads")
    print(f"{'':<20}{'p50 us':>12}{'p90 us':>12}{'of liverank':>14}")
    for peer, found in figures.items():
        if found is None:
            print(f"{peer}: skipped, it could not be installed")
            continue
        ratio = found["p50_us"] / figures["liverank"]["p50_us"]
        print(f"{peer:<20}{found['p50_us']:>12,.0f}{found['p90_us']:>12,.0f}{ratio:>13,.0f}x")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def read_state() -> dict[str, float]:
    """Our reads: of rooms with a past, each for another person."""
    product, spec = Product(20_000, ITEMS), wanted_spec()
    state, program = State(spec.layout), compile_spec(spec)
    for each in numbered([*population(product), *traffic(product, interactions=200_000)]):
        state.fold(stream_of(each, spec.layout, max_future_ms=FUTURE_MS))
    lists = lists_of_live_rooms(
        product,
        spec.layout,
        before=np.zeros(TURNS + 1, np.int64),
        at=np.full(TURNS + 1, product.end_ms - 60_000),
        size=CANDIDATES,
    )
    turn = iter(range(TURNS + 1))
    times = microseconds(lambda: read_list(state, program, lists, next(turn)), turns=TURNS)
    return {"p50_us": quantile(times, 0.5), "p90_us": quantile(times, 0.9)}


def read_feast() -> dict[str, float] | None:
    """Feast's reads, from a virtual environment of its own; None where that cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        steps = (
            [sys.executable, "-m", "venv", str(python.parent.parent)],
            [str(python), "-m", "pip", "install", "--quiet", FEAST],
        )
        for step in steps:
            made = subprocess.run(step, check=False, capture_output=True, text=True)
            if made.returncode != 0:
                print(made.stderr, file=sys.stderr)
                return None
        command = [str(python), str(HERE / "peers" / "feast_sqlite.py"), str(Path(folder) / "repo")]
        command += [str(ITEMS), str(CANDIDATES), str(TURNS)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
        return figures


if __name__ == "__main__":
    main()
