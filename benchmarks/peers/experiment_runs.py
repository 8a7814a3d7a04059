"""How a peer's comparisons are measured: alike for all of them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

RUNS = 5


def print_measured(compare: Callable[[], dict[str, float]]) -> None:
    """Run it once to warm up, then take the median; print seconds, memory and lifts as JSON."""
    lifts = compare()
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        compare()
        seconds.append(time.perf_counter() - began)
    with Path("/proc/self/status").open() as status:
        (line,) = (line for line in status if line.startswith("VmHWM"))
    peak_mb = int(line.split()[1]) // 1024
    print(json.dumps({"seconds": round(median(seconds), 3), "peak_mb": peak_mb, "lifts": lifts}))
