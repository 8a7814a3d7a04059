"""What an experiment adds to a request for a ranking: the assignment, and a variant's popularity.

Without an experiment in the config the only cost is to look whether there is one. Each call is
timed alone, for people in turn, after all of them were assigned once.
"""

import argparse
import json
from itertools import cycle
from pathlib import Path

import numpy as np

from liverank.config import parse_config
from liverank.config_experiments import Experiment, Variant
from liverank.events.event import User
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.experiments.assignment.buckets import draws_of
from liverank.features.layout.derived_layout import layout_of
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.assigner import Assigner
from measuring import microseconds, quantile

PEOPLE, ITEMS, TURNS = 2_000, 50, 5_000
START_MS = 1_796_083_200_000
EXPERIMENT = """
[label]
interaction = "join"
[experiments.e]
start = "2026-01-01T00:00:00Z"
variants = { a = { rank = "popular" }, b = { rank = "model" } }
"""


def main() -> None:
    """Time each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    state, people = _state()
    table, items = ArmTable(half_life_ms=3.6e6), np.arange(1, ITEMS + 1, dtype=np.uint64)
    table.add(np.ones(ITEMS, np.uint64), items, np.full(ITEMS, float(START_MS)))
    running = Experiment(variants={"a": Variant(rank="popular"), "b": Variant(rank="model")})
    plain, targeted = _assigner(state, ""), _assigner(state, 'target = { country = ["GB"] }')
    turns = cycle(people)
    parts = {
        "four draws of somebody new (SHA-256)": lambda: draws_of("e", running, next(turns)),
        "an assignment": lambda: plain.assign(next(turns), "default", {}, at_ms=START_MS),
        "the same with a target": lambda: targeted.assign(
            next(turns), "default", {}, at_ms=START_MS
        ),
        f"popularity of {ITEMS} items in a variant": lambda: table.read(
            1, items, at_ms=float(START_MS)
        ),
    }
    figures = {}
    for name, call in parts.items():
        for _ in range(PEOPLE):
            call()
        times = microseconds(call, turns=TURNS)
        figures[name] = {"p50_us": quantile(times, 0.5), "p90_us": quantile(times, 0.9)}
        print(f"{name:<44}{figures[name]['p50_us']:>8.1f} us{figures[name]['p90_us']:>8.1f} us")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def _assigner(state: State, target: str) -> Assigner:
    return Assigner(parse_config(EXPERIMENT + target).experiments, (), state)


def _state() -> tuple[State, list[str]]:
    """A state that knows the people, and their ids."""
    people = [f"u{number}" for number in range(PEOPLE)]
    layout = layout_of(
        Schema(users={"country": "category"}, interactions=("join",)), parse_config(EXPERIMENT)
    )
    events = [User(time=START_MS, user=one, fields={"country": "GB"}) for one in people]
    state = State(layout)
    frame = frame_of(events, seqs=range(1, PEOPLE + 1), arrived_ms=START_MS)
    state.fold(stream_of(frame, layout, max_future_ms=0.0))
    return state, people


if __name__ == "__main__":
    main()
