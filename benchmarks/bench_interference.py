"""What the two sides of an A/B test do to each other, and what counters for each variant change.

In each small world one test is run twice: with popularity that counts the joins of everybody, and
with popularity that counts for each variant those of its own people, as the server does. Since luck
does not depend on lists, the very same people can be looked at in the fork where everybody has
their variant: what they do otherwise in the test is interference, and nothing else. It comes by the
counters, and by company: friends in rooms, and the number of listeners, are of both sides.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from liverank.proof.results import METRIC_WORDS, METRICS
from world_experiment import (
    CONTROL,
    VARIANT,
    Setting,
    begun,
    policies_of,
    run_test,
    truth_of,
    world_of,
)

COUNTERS = {"of everybody": True, "of each variant": False}


def main() -> None:
    """Run the worlds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--people", type=int, nargs="+", default=[400, 1600])
    parser.add_argument("--worlds", type=int, nargs="+", default=[40, 16], help="of each size")
    parser.add_argument("--bonus", type=float, default=2.0, help="how unlike the variant is")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    figures = []
    for people, worlds in zip(arguments.people, arguments.worlds, strict=True):
        setting = Setting(people=people, bonus=arguments.bonus)
        asked = [(seed, setting) for seed in range(1, worlds + 1)]
        with ProcessPoolExecutor(arguments.processes) as pool:
            figures.append(summed_up(list(pool.map(one_world, *zip(*asked, strict=True)))))
        figures[-1] |= {"people": people}
    print_figures(figures)
    if arguments.out:
        arguments.out.write_text(json.dumps({"sizes": figures}, indent=2) + "\n")


def one_world(seed: int, setting: Setting) -> dict[str, Any]:
    """By counters: each side in the test, and the same people where all are on their variant."""
    at = begun(world_of(seed, setting), setting, luck=seed)
    policies = policies_of(at)
    alone = [truth_of(at, policies[name]) for name in (CONTROL, VARIANT)]
    found: dict[str, Any] = {"alone": {}, "all": [list(one.values().values()) for one in alone]}
    for counters, shared in COUNTERS.items():
        _, counted, arms = run_test(at, shared=shared)
        found[counters] = [list(counted.values(arms == arm).values()) for arm in (0, 1)]
        found["alone"] = [list(alone[arm].values(arms == arm).values()) for arm in (0, 1)]
    return found


def summed_up(worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over worlds, with standard errors: the shift of each side, and of the lift."""
    alone = np.array([world["alone"] for world in worlds])  # [n_worlds, 2, n_metrics]
    true = np.array([world["all"] for world in worlds]).mean(axis=0)
    found: dict[str, Any] = {"true_lift": (true[1] / true[0] - 1).tolist(), "worlds": len(worlds)}
    base = true[0]
    for counters in COUNTERS:
        in_test = np.array([world[counters] for world in worlds])
        shift = (in_test - alone) / base  # of the control's level
        lift = shift[:, 1] - shift[:, 0]
        found[counters] = {
            "control": _mean(shift[:, 0]),
            "variant": _mean(shift[:, 1]),
            "lift": _mean(lift),
        }
    return found


def _mean(values: np.ndarray) -> dict[str, list[float]]:
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return {"mean": values.mean(axis=0).tolist(), "se": error.tolist()}


def print_figures(figures: list[dict[str, Any]]) -> None:
    """A line for each size, kind of counters and metric, as Markdown."""
    print("Shifts are of the control's level, +/- a standard error")
    print("| people | counters | metric | true lift | control | variant | lift |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for size in figures:
        for counters in COUNTERS:
            for at, name in enumerate(METRICS):
                found = [size[counters][what] for what in ("control", "variant", "lift")]
                cells = [f"{one['mean'][at]:+.1%} +/- {one['se'][at]:.1%}" for one in found]
                lift = f"{size['true_lift'][at]:+.1%}"
                start = f"| {size['people']:,} in {size['worlds']} worlds | {counters}"
                print(f"{start} | {METRIC_WORDS[name]} | {lift} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
