"""Feature state: how fast it folds, from arrays and from the log's segments, and how fast it reads.

A made-up product (``made_events.py``) with all features that its schema derives: one that tells
much of its rooms and people, or with ``--fields plain`` one that tells little. One thread, but for
reading segments. Kernels are compiled before the clock starts.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from liverank.events.log import Log
from liverank.features.spec import FeatureSpec, compile_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from made_events import (
    FUTURE_MS,
    PLAIN_FIELDS,
    Product,
    lists_of_live_rooms,
    numbered,
    population,
    read_list,
    spec_of,
    traffic,
)
from measuring import microseconds, quantile, timed

LIST_SIZES = (55, 1_500)
READS = 400


def main() -> None:
    """Fold twice over, once from arrays and once from disk, and read lists of two sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--interactions", type=int, default=2_000_000)
    parser.add_argument("--fields", choices=("all", "plain"), default="all")
    arguments = parser.parse_args()

    product = Product(arguments.users, arguments.items)
    if arguments.fields == "plain":
        product = replace(product, fields=PLAIN_FIELDS)
    spec = spec_of(product)
    compile_kernels(spec, product)
    people = list(numbered(population(product)))
    first = people[-1]["seq"][-1]
    happened = [
        each.with_columns(pl.col("seq") + first)
        for each in numbered(traffic(product, interactions=arguments.interactions))
    ]
    print(
        f"{product.users:,} people who follow {product.follows} each, {product.items:,} rooms, "
        f"{sum(each.height for each in happened):,} events of rooms; {len(spec.names)} features"
    )
    state, folded = fold_arrays(spec, people, happened)
    figures: dict[str, Any] = {"features": len(spec.names), "fold": folded}
    everything = [*people, *happened]
    no_follows = [each.filter(pl.col("event") != "edge") for each in everything]
    figures["from_segments"] = fold_segments(spec, product, everything, "from segments on disk")
    figures["from_segments_without_follows"] = fold_segments(
        spec, product, [each for each in no_follows if each.height], "the same without follows"
    )
    figures["read"] = [
        read_lists(spec, state, product, size, title=f"read a list of {size:,}")
        for size in LIST_SIZES
    ]
    figures["read_by_kind"] = read_kinds(spec, state, product)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def compile_kernels(spec: FeatureSpec, product: Product) -> None:
    """Run all that is timed later, on a little product."""
    little = replace(product, users=500, items=200)
    frames = [*numbered([*population(little), *traffic(little, interactions=5_000)])]
    state = State(spec.layout)
    for each in frames:
        state.fold(stream_of(each, spec.layout, max_future_ms=FUTURE_MS))
    read_lists(spec, state, little, 10)


def fold_arrays(
    spec: FeatureSpec, people: list[pl.DataFrame], happened: list[pl.DataFrame]
) -> tuple[State, dict[str, float]]:
    """Fold arrays that are ready: the kernel alone, growth of the state with it."""
    state = State(spec.layout)
    streams = [stream_of(each, spec.layout, max_future_ms=FUTURE_MS) for each in happened]
    for each in people:
        state.fold(stream_of(each, spec.layout, max_future_ms=FUTURE_MS))

    def fold() -> None:
        for stream in streams:
            state.fold(stream)

    _, seconds = timed(fold)
    interactions = sum(each.filter(pl.col("event") == "interaction").height for each in happened)
    rate = interactions / seconds
    print(f"{'fold, the kernel':<34} {rate:>12,.0f} interactions/s  ({seconds:.2f} s)")
    print(f"{'state':<34} {state.sizes.bytes / 1e6:>12,.0f} MB in {state.sizes.rows:,} rows")
    return state, {
        "interactions_per_s": rate,
        "seconds": seconds,
        "state_bytes": state.sizes.bytes,
        "state_rows": state.sizes.rows,
    }


def fold_segments(
    spec: FeatureSpec, product: Product, frames: Iterable[pl.DataFrame], title: str
) -> dict[str, float]:
    """Fold the log from its Parquet segments, ids as text: all that a start without snapshot is."""
    with tempfile.TemporaryDirectory() as name, Log.open(Path(name)) as log:
        events = 0
        for each in frames:
            events += log.import_frame(each, arrived_ms=product.end_ms).accepted

        def fold() -> None:
            state = State(spec.layout)
            for each in log.read():
                state.fold(stream_of(each, spec.layout, max_future_ms=FUTURE_MS))

        _, seconds = timed(fold)
    rate = events / seconds
    print(f"{f'fold, {title}':<34} {rate:>12,.0f} events/s  ({seconds:.2f} s)")
    return {"events_per_s": rate, "seconds": seconds, "events": events}


def read_kinds(spec: FeatureSpec, state: State, product: Product) -> dict[str, dict[str, float]]:
    """Read the features of one kind alone: what each kind costs."""
    found = {}
    for kind in dict.fromkeys(feature.kind for feature in spec.features):
        names = {feature.name for feature in spec.features if feature.kind == kind}
        title = f"  {LIST_SIZES[0]} items, {len(names)} of kind {kind}"
        found[kind] = read_lists(spec.keep(names), state, product, LIST_SIZES[0], title=title)
    return found


def read_lists(
    spec: FeatureSpec, state: State, product: Product, size: int, *, title: str = ""
) -> dict[str, float]:
    """Read lists of the newest rooms at the end, each for another person; ids are hashes."""
    program = compile_spec(spec)
    at = np.full(READS, product.end_ms - 60_000, np.int64)
    lists = lists_of_live_rooms(
        product, spec.layout, before=np.zeros(READS, np.int64), at=at, size=size
    )
    turn = iter(range(READS))
    times = microseconds(lambda: read_list(state, program, lists, next(turn)), turns=READS - 1)
    found = {name: quantile(times, share) for name, share in (("p50", 0.5), ("p90", 0.9))}
    rate = size / found["p50"] * 1e6
    if title:
        print(
            f"{title:<34} {rate:>12,.0f} rows/s  "
            f"(p50 {found['p50']:,.0f} us, p90 {found['p90']:,.0f} us)"
        )
    return {"items": size, "rows_per_s": rate, "p50_us": found["p50"], "p90_us": found["p90"]}


if __name__ == "__main__":
    main()
