"""The backtest on public logs that no one here made: MIND's impressions and Globo's clicks.

What ``liverank backtest`` does, with the configs of ``examples/``. MIND trains on the first 2,500
impressions in time and tests on the rest; Globo trains on all but the last day and tests on that
day's clicks, each among the items that were clicked in the 24 hours before it.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import polars as pl

from liverank.autopilot.backtest import run_backtest
from liverank.config import load_config
from liverank.events.frame import in_import_order
from liverank.events.sources.read_events import read_all

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("list_auc", "ndcg@10", "mrr", "hit_rate@10", "log_loss")
DAY_MS = 86_400_000
MIND_TRAIN = 2_500


def main() -> None:
    """Run the backtests whose data is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for name, folder in (("mind", "mind_sample"), ("globo", "globo_news")):
        path = arguments.data / folder
        if not path.is_dir():
            print(f"{name}: skipped, {path} is not there; --data names the folder of the data")
            continue
        figures[name] = backtest(name, path)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def backtest(name: str, path: Path) -> dict[str, Any]:
    """Run one, print its table and return its figures."""
    config = load_config(ROOT / "examples" / name / "liverank.toml")
    began = time.perf_counter()
    frame = in_import_order(read_all([path], config.sources)[0])
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    test_from_ms = split_of(name, frame)
    found = run_backtest(lambda: frame.iter_slices(262_144), config, test_from_ms=test_from_ms)
    seconds = time.perf_counter() - began
    print(f"{name}: {frame.height:,} events, {found.rows:,} rows tested, {seconds:.0f} s")
    print(f"{'method':<14}" + "".join(f"{metric:>13}" for metric in METRICS) + f"{'lists':>8}")
    for method, values in found.methods.items():
        cells = (values.get(metric) for metric in METRICS)
        row = "".join(f"{'' if value is None else format(value, '.4f'):>13}" for value in cells)
        print(f"{method:<14}{row}{values['lists']:>8}")
    for metric, difference in found.differences.items():
        print(
            f"{metric}: model less {found.best_heuristic} {difference['value']:+.4f}, "
            f"95 % from {difference['low']:+.4f} to {difference['high']:+.4f}"
        )
    return {
        "methods": found.methods,
        "best_heuristic": found.best_heuristic,
        "differences": found.differences,
        "test_from_ms": test_from_ms,
        "seconds": seconds,
    }


def split_of(name: str, frame: pl.DataFrame) -> int:
    """Where the test period begins, in Unix ms."""
    if name == "mind":
        times = frame.filter(pl.col("event") == "ranking")["time"].sort()
        return int(times[MIND_TRAIN])
    return int(frame["time"].to_numpy().max()) - DAY_MS


if __name__ == "__main__":
    main()
