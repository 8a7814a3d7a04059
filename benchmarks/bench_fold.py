"""From a file to features: events read and imported, folded, and rows read, a second.

A simulated world with impressions, items with topics and speakers, and all features that its
schema derives. One thread but for reading files. Kernels are compiled before the clock starts.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from liverank.config import Config, parse_config
from liverank.dataset.lists.lists import Lists, collect_lists
from liverank.dataset.replay import replay
from liverank.events.frame import in_import_order
from liverank.events.log import Log
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.events.sources.read_events import read_all
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import Stream, stream_of
from liverank.quantities import duration_ms
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import simulate, write_events
from liverank.simulator.world.world import build_world

TURNS = 3
T = TypeVar("T")


def main() -> None:
    """Time each step on the same events; the best of a few turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, default=1500, help="people of the world")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "events.jsonl"
        world = build_world(1, people=arguments.people, days=4)
        policy = MostPopular(world, spread=1.0)
        number = write_events(path, simulate(world, policy=policy, seed=1))
        frame, reading_s = timed(lambda: in_import_order(read_all([path])[0]))
        import_s = min(import_once(frame, folder / str(turn)) for turn in range(TURNS))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    profile = profile_events([frame])
    config = parse_config(propose_config(profile))
    spec = derive_spec(resolve_schema(config, profile), config)
    lists = collect_lists([frame], spec.layout, config)
    rows = len(lists.labels)

    _, stream_s = timed(lambda: stream(frame, spec, config))
    _, fold_s = timed(lambda: fold(frame, spec, config))
    _, replay_s = timed(lambda: read(frame, spec, lists, config))
    steps = {
        "read the file": (number, reading_s, "events"),
        "import into the log, on disk": (number, import_s, "events"),
        "put into streams": (number, stream_s, "events"),
        "put into streams and fold": (number, fold_s, "events"),
        "replay, with features of rows": (rows, replay_s, "rows"),
    }
    print(f"{number:,} events, {rows:,} rows of {len(spec.names)} features; best of {TURNS} turns")
    for step, (amount, seconds, unit) in steps.items():
        print(f"{step:<32} {seconds:>8.2f} s {amount / seconds:>12,.0f} {unit}/s")
    if arguments.out:
        figures = {
            step: {"seconds": seconds, f"{unit}_per_s": amount / seconds}
            for step, (amount, seconds, unit) in steps.items()
        }
        figures |= {"size": {"events": number, "rows": rows, "features": len(spec.names)}}
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def import_once(frame: pl.DataFrame, directory: Path) -> float:
    """Seconds until a new log has it all on disk."""
    with Log.open(directory) as log:
        began = time.perf_counter()
        log.import_frame(frame, arrived_ms=0)
        return time.perf_counter() - began


def stream(frame: pl.DataFrame, spec: FeatureSpec, config: Config) -> Stream:
    """The events as what kernels fold."""
    return stream_of(frame, spec.layout, max_future_ms=duration_ms(config.features.max_future))


def fold(frame: pl.DataFrame, spec: FeatureSpec, config: Config) -> None:
    """Fold all events into a new state."""
    State(spec.layout).fold(stream(frame, spec, config))


def read(frame: pl.DataFrame, spec: FeatureSpec, lists: Lists, config: Config) -> None:
    """Replay all lists, and let their features go."""
    limit_ms = duration_ms(config.features.max_future)
    for _ in replay([frame], spec, lists.reads, max_future_ms=limit_ms, bounds=lists.bounds):
        pass


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its best seconds after one turn that does not count."""
    result = work()
    best = float("inf")
    for _ in range(TURNS):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return result, best


if __name__ == "__main__":
    main()
