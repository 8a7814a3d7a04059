"""What it costs to compare the candidates of a list: differences to the mean, and ranks.

The same kernels that a read runs, on columns that lie as they do there. The clock is that of the
processor's time, and the figures are medians of many turns. The copy of the same columns in the
same run tells how fast the machine's memory is.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.kernels.lists import compare
from liverank.features.kernels.pointers import moved, pointer_to

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
    figures = {
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
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def measured(how: int, columns: int, size: int) -> float:
    """Microseconds of processor time to compare so many columns, the median of all turns.

    A third of the values of a column are equal, as counts are, and some are unknown.
    """
    random = np.random.default_rng(0)
    values = random.lognormal(size=(columns, size))
    values[random.random(values.shape) < 0.3] = 0.0
    values[random.random(values.shape) < 0.05] = np.nan
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
