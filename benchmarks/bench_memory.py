"""Memory of feature state: a million people with fifty interactions each, and loading it again.

Everybody does about as much as the next, which is the harder case: a few busy people share rows.
All features of the made-up product's schema. The process's own memory is measured beside what the
state says of itself, with the arrays of one frame of events gone.
"""

import argparse
import gc
import json
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from liverank.features.spec import FeatureSpec
from liverank.features.state.snapshot import Origin, load_snapshot, write_snapshot
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from made_events import (
    FUTURE_MS,
    Product,
    numbered,
    population,
    spec_of,
    traffic,
)
from measuring import own_memory, timed

GB = 1e9


def main() -> None:
    """Fold frame by frame, and say what it came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=50, help="interactions of each person")
    parser.add_argument("--follows", type=int, default=0, help="people whom each follows")
    parser.add_argument("--days", type=float, default=14.0)
    parser.add_argument("--most-gb", type=float, default=12.0, help="stop beyond this much memory")
    arguments = parser.parse_args()

    product = Product(
        arguments.users,
        arguments.items,
        days=arguments.days,
        follows=arguments.follows,
        user_skew=0.0,
    )
    spec = spec_of(product)
    warm_up(spec)
    gc.collect()
    before = own_memory()
    state, began = State(spec.layout), time.perf_counter()
    interactions = fold_all(
        state,
        everything(product, arguments.users * arguments.each),
        spec,
        most_bytes=before + arguments.most_gb * GB,
    )
    seconds = time.perf_counter() - began
    gc.collect()
    figures = {
        "users": product.users,
        "interactions": interactions,
        "follows": product.follows,
        "state_gb": state.sizes.bytes / GB,
        "own_memory_gb": (own_memory() - before) / GB,
        "bytes_per_user": state.sizes.bytes / product.users,
        "bytes_per_interaction": state.sizes.bytes / max(interactions, 1),
        "seconds": seconds,
        **snapshot_seconds(state),
    }
    print(f"{product.users:,} people, {interactions:,} interactions, {seconds:.0f} s to fold")
    print(f"{'state':<34} {figures['state_gb']:>10.3f} GB")
    print(f"{'memory of the process beyond start':<34} {figures['own_memory_gb']:>10.3f} GB")
    print(f"{'state, each person':<34} {figures['bytes_per_user']:>10,.0f} bytes")
    print(f"{'state, each interaction':<34} {figures['bytes_per_interaction']:>10,.1f} bytes")
    print(f"{'snapshot, to write':<34} {figures['write_s']:>10.2f} s")
    print(f"{'snapshot, to load and verify':<34} {figures['load_s']:>10.2f} s")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def snapshot_seconds(state: State) -> dict[str, float]:
    """Seconds to write a snapshot to disk, and to load it from the system's cache of the disk."""
    origin = Origin(identity="benchmark", generation=1, max_future_ms=FUTURE_MS, last_event="")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "snapshot"
        _, write_s = timed(lambda: write_snapshot(state, directory, origin=origin))
        loaded, load_s = timed(lambda: load_snapshot(directory, state.layout, origin=origin))
    assert loaded.state.sizes == state.sizes
    return {"write_s": write_s, "load_s": load_s}


def everything(product: Product, interactions: int) -> Iterator[pl.DataFrame]:
    """People first, then what happens."""

    def unnumbered() -> Iterator[pl.DataFrame]:
        yield from population(product)
        yield from traffic(product, interactions=interactions)

    return numbered(unnumbered())


def warm_up(spec: FeatureSpec) -> None:
    """Compile, and let the allocators take what they keep."""
    little = Product(300_000, 1_000)
    fold_all(State(spec.layout), everything(little, 300_000), spec, most_bytes=math.inf)


def fold_all(
    state: State, frames: Iterator[pl.DataFrame], spec: FeatureSpec, *, most_bytes: float
) -> int:
    """Fold until the end, or until there is too much of it; how many interactions it held."""
    interactions = 0
    for frame in frames:
        state.fold(stream_of(frame, spec.layout, max_future_ms=FUTURE_MS))
        interactions += frame.filter(pl.col("event") == "interaction").height
        if own_memory() > most_bytes:
            print(f"stopped after {interactions:,} interactions: --most-gb does not allow for more")
            break
    return interactions


if __name__ == "__main__":
    main()
