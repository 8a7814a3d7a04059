"""What it costs to compare the candidates of a list: differences to the mean, and ranks.

First the kernels that a read runs, on columns that lie as they do there; the copy of the same
columns tells how fast the machine is. Then whole reads of a made-up product (``made_events.py``):
all default features, those without comparisons, and forty of both. The clock is that of the
processor's time, the figures are medians of many turns, and ratios are those of one run.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled
from liverank.features.kernels import opcodes as op
from liverank.features.kernels.memory.pointers import moved, pointer_to
from liverank.features.kernels.read.listwise import compare
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
    spec_of,
    traffic,
)

COMPARISONS = {
    "above_mean, 60 columns": (op.ABOVE_MEAN, 60),
    "above_mean_sd, 60 columns": (op.ABOVE_MEAN_SD, 60),
    "rank, 20 columns": (op.RANK, 20),
    "gap, 20 columns": (op.GAP, 20),
}
SIZES = (12, 55, 250, 1500)
REPEATS, TURNS = 20, 300


def main() -> None:
    """Print microseconds a list, by comparison and by the number of candidates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {
        title: {size: measured(how, columns, size) for size in SIZES}
        for title, (how, columns) in COMPARISONS.items()
    }
    figures["copy, 60 columns"] = {size: measured(-1, 60, size) for size in SIZES}
    print("microseconds of processor time a list (nanoseconds a candidate and column)")
    print(f"{'':<28}" + "".join(f"{f'{size:,} candidates':>24}" for size in SIZES))
    for title, by_size in figures.items():
        columns = int(title.split(", ")[1].split()[0])
        cells = (f"{us:.2f} ({us * 1e3 / size / columns:.2f})" for size, us in by_size.items())
        print(f"{title:<28}" + "".join(f"{cell:>24}" for cell in cells))
    reads = {size: reads_of(size) for size in (55, 1500)}
    print("microseconds of processor time to read a list (ratio to those without comparisons)")
    for size, found in reads.items():
        least = found["without comparisons"]["us"]
        for what, of in found.items():
            name = f"{size:,} candidates, {of['features']} {what}"
            print(f"{name:<54}{of['us']:>10.1f} ({of['us'] / least:.2f})")
    figures["reads"] = reads
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def reads_of(size: int) -> dict[str, dict[str, float]]:
    """Microseconds of processor time to read a list of so many candidates, by what is read."""
    product = Product(20_000, 5_000)
    spec = spec_of(product)
    alone = {feature.name for feature in spec.features if feature.kind != "in_list"}
    some = set(random.Random(0).sample(spec.names, 40))
    state = State(spec.layout)
    for each in numbered([*population(product), *traffic(product, interactions=200_000)]):
        state.fold(stream_of(each, spec.layout, max_future_ms=FUTURE_MS))
    lists = lists_of_live_rooms(
        product,
        spec.layout,
        before=np.zeros(TURNS, np.int64),
        at=np.full(TURNS, product.end_ms - 60_000),
        size=size,
    )
    programs = {
        what: (kept.names, compile_spec(kept))
        for what, kept in {
            "by default": spec,
            "without comparisons": spec.keep(alone),
            "of both": spec.keep(some),
        }.items()
    }
    times: dict[str, list[float]] = {what: [] for what in programs}
    for turn in range(TURNS):
        for what, (_, program) in programs.items():
            times[what].append(processor_us(partial(read_list, state, program, lists, turn)))
    return {
        what: {"features": len(names), "us": statistics.median(times[what])}
        for what, (names, _) in programs.items()
    }


def measured(how: int, columns: int, size: int) -> float:
    """Microseconds of processor time to compare so many columns, the median of all turns.

    A third of the values of a column are equal, as counts are, and some are unknown.
    """
    generator = np.random.default_rng(0)
    values = generator.lognormal(size=(columns, size))
    values[generator.random(values.shape) < 0.3] = 0.0
    values[generator.random(values.shape) < 0.05] = np.nan
    out = np.empty_like(values)
    run(how, values, out, 1)
    return statistics.median(
        processor_us(lambda: run(how, values, out, REPEATS)) / REPEATS for _ in range(TURNS)
    )


@compiled
def run(how: int, values: NDArray[np.float64], out: NDArray[np.float64], repeats: int) -> None:
    """Compare each column, so many times; a negative comparison copies."""
    columns, n = values.shape
    source, target = pointer_to(values), pointer_to(out)
    for _ in range(repeats):
        for column in range(columns):
            its, to = moved(source, column * n), moved(target, column * n)
            if how >= 0:
                compare(how, its, n, to)
            else:
                for place in range(n):
                    to[place] = its[place]


def processor_us(work: Callable[[], object]) -> float:
    """Microseconds of this thread's processor time."""
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e3


if __name__ == "__main__":
    main()
