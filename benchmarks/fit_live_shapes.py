"""Fits the shapes of the simulated world: durations and starts of live streams, numbers of friends.

The data are not part of the project: 11,544 starts and ends of YouTube live streams (April to June
2024), and the friendships of English Twitch (``live_shapes`` in the folder of the data). What is
fitted stands in ``liverank.simulator.world.constants``; docs/world.md says what is taken over.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the fitted parameters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    folder = parser.parse_args().data / "live_shapes"
    if not folder.exists():
        print(f"{folder} is not there; --data names the folder of the data")
        return
    for name, value in {**streams(folder), **friends(folder)}.items():
        print(f"{name:<44}{value:>10.3f}")


def streams(folder: Path) -> dict[str, float]:
    """Two halves of a lognormal for durations; two harmonics for starts over the day."""
    table = pl.read_csv(folder / "youtube_live_durations.csv.gz")
    minutes = table["duration_in_minutes"].cast(pl.Float64, strict=False).drop_nulls()
    log = np.log(minutes.filter(minutes > 0).to_numpy())
    apart = log - np.median(log)
    began = table["actualStartTime"].str.to_datetime(time_zone="UTC")
    turns = 2j * np.pi * (began.dt.hour().to_numpy() + began.dt.minute().to_numpy() / 60) / 24
    days = np.bincount(began.dt.weekday().to_numpy() - 1, minlength=7)
    return {
        "streams": float(len(log)),
        "minutes, median": float(np.exp(np.median(log))),
        "log-sd below the median": float(np.sqrt((apart[apart < 0] ** 2).mean())),
        "log-sd above the median": float(np.sqrt((apart[apart > 0] ** 2).mean())),
        "starts: first harmonic": float(2 * abs(np.exp(-turns).mean())),
        "starts: second harmonic": float(2 * abs(np.exp(-2 * turns).mean())),
        "starts: busiest weekday over the mean": float(days.max() / days.mean()),
        "starts: quietest weekday over the mean": float(days.min() / days.mean()),
    }


def friends(folder: Path) -> dict[str, float]:
    """A lognormal for the number of friends."""
    table = pl.read_csv(folder / "twitch_engb_edges.csv.gz")
    ends = np.concatenate([table["from"].to_numpy(), table["to"].to_numpy()])
    degree = np.bincount(ends)
    degree = degree[degree > 0]
    return {
        "people": float(len(degree)),
        "friends, mean": float(degree.mean()),
        "friends, most": float(degree.max()),
        "log-mean of friends": float(np.log(degree).mean()),
        "log-sd of friends": float(np.log(degree).std()),
    }


if __name__ == "__main__":
    main()
