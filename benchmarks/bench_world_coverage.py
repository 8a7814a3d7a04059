"""Does the report's 95 % interval hold the true effect? Many small worlds, each with its truth.

In each world people live some days on "most popular"; then the product's own assignment splits them
between that and a list that prefers the person's language, and the product's own report gives the
intervals. The truth is the same life, forked at the start of the test, with everybody on the one
or on the other policy. Three questions are asked of each interval:

these weeks     does it hold the difference between the two forks, with the luck of these weeks?
any weeks       does it hold the mean difference over lives of other luck, none of them that of the
                test, as an estimate of what the same people would do on average? The mean of few
                lives has luck of its own, so this asks more than it need.
other people    what if the test were repeated on people drawn (with replacement) from those of the
                world, with what each did in either fork? Many draws, without interference, by the
                report's statistics without covariates.

An interval for two independent samples of a large population is honest for the third question. For
the people of the world themselves it is too wide, if anything (Neyman 1923; Imbens and Rubin,
"Causal Inference", chapter 6), since a person's two outcomes are alike; so coverage of the first
two may be above 95 %, and must not be below.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from liverank.experiments.statistics.comparison import compare_ratios
from liverank.experiments.statistics.moments import Moments
from liverank.proof.results import METRIC_WORDS, METRICS
from liverank.proof.truth.counted import Counted
from world_experiment import (
    CONTROL,
    VARIANT,
    Begun,
    Setting,
    begun,
    differences,
    policies_of,
    reported,
    run_test,
    truth_of,
    world_of,
)

LOOKS = ("7d", "1d")
"""One look at the end, and a look each day, of which the last counts."""
DRAWS = 100
"""Tests repeated on other people, in each world."""
_SCALES = np.array([1.0, 1.0, 1.0, 60.0])
"""What the config's metrics are counted in, by the results' units."""


def main() -> None:
    """Run the worlds and print coverage with its interval."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--lucks", type=int, default=3, help="other lives in the mean")
    parser.add_argument("--people", type=int, default=Setting().people)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    setting = Setting(people=arguments.people)
    first = arguments.first_seed
    seeds = range(first, first + arguments.worlds)
    asked = [(seed, setting, arguments.lucks) for seed in seeds]
    with ProcessPoolExecutor(arguments.processes) as pool:
        worlds = list(pool.map(one_world, *zip(*asked, strict=True)))
    figures = summed_up(worlds)
    print_figures(figures)
    if arguments.out:
        arguments.out.write_text(json.dumps({"worlds": worlds, **figures}, indent=2) + "\n")


def one_world(seed: int, setting: Setting, lucks: int) -> dict[str, Any]:
    """The intervals and the truths of one world, in the results' units."""
    world = world_of(seed, setting)
    at = begun(world, setting, luck=seed)
    log, _, _ = run_test(at, shared=False)
    forks = forked(at)
    these = differences(*forks)
    others = (begun(world, setting, luck=seed + 100_000 * extra) for extra in range(1, lucks + 1))
    true = [differences(*forked(other)) for other in others]
    found: dict[str, Any] = {
        "seed": seed,
        "control": list(forks[0].values().values()),
        "these_weeks": these.tolist(),
        "any_weeks": np.mean(true, axis=0).tolist(),
        "luck_sd": np.std(true, axis=0, ddof=1).tolist() if lucks > 1 else None,
        "other_people": other_people(*forks, seed=seed),
    }
    for looks in LOOKS:
        metrics = reported(at, log, looks=looks).metrics
        effects = [metric.variants[0].effect for metric in metrics]
        found[looks] = {
            "difference": (np.array([one.difference for one in effects]) / _SCALES).tolist(),
            "low": (np.array([one.difference_ci[0] for one in effects]) / _SCALES).tolist(),
            "high": (np.array([one.difference_ci[1] for one in effects]) / _SCALES).tolist(),
        }
    return found


def forked(at: Begun) -> tuple[Counted, Counted]:
    """Everybody on the control, and everybody on the variant."""
    policies = policies_of(at)
    return truth_of(at, policies[CONTROL]), truth_of(at, policies[VARIANT])


def other_people(control: Counted, variant: Counted, *, seed: int) -> list[int]:
    """In how many of ``DRAWS`` repeated tests each metric's interval holds the truth."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(control.came & variant.came)
    held = []
    for name in METRICS:
        first, second = (np.column_stack(one.columns()[name])[rows] for one in (control, variant))
        true = second[:, 0].sum() / second[:, 1].sum() - first[:, 0].sum() / first[:, 1].sum()
        hits = 0
        for _ in range(DRAWS):
            drawn = rng.integers(0, len(rows), len(rows))
            is_variant = rng.random(len(rows)) < 0.5
            arms = (first[drawn[~is_variant]], second[drawn[is_variant]])
            low, high = compare_ratios(*map(Moments.of, arms)).difference_ci
            hits += int(low <= true <= high)
        held.append(hits)
    return held


def summed_up(worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage of each question, metric and kind of look."""
    coverage: dict[str, Any] = {}
    for looks in LOOKS:
        low, high = (np.array([world[looks][end] for world in worlds]) for end in ("low", "high"))
        said = np.array([world[looks]["difference"] for world in worlds])
        for question in ("these_weeks", "any_weeks"):
            true = np.array([world[question] for world in worlds])
            held = (low <= true) & (true <= high)
            coverage[f"{question}, looks {looks}"] = {
                "held": held.sum(axis=0).tolist(),
                "of": len(worlds),
                "interval": [wilson(int(hits), len(worlds)) for hits in held.sum(axis=0)],
                "all": wilson(int(held.sum()), held.size),
                "all_held": int(held.sum()),
                "all_of": held.size,
                "mean_error_in_half_widths": (
                    np.mean((said - true) / ((high - low) / 2), axis=0).tolist()
                ),
                "sd_of_error_by_standard_error": (
                    np.std((said - true) / ((high - low) / 2 / 1.96), axis=0).tolist()
                ),
            }
    hits = np.array([world["other_people"] for world in worlds])
    coverage["other_people, one look"] = {
        "held": hits.sum(axis=0).tolist(),
        "of": DRAWS * len(worlds),
        "interval": [wilson(int(one), DRAWS * len(worlds)) for one in hits.sum(axis=0)],
        "all_held": int(hits.sum()),
        "all_of": int(hits.size * DRAWS),
        "all": wilson(int(hits.sum()), int(hits.size * DRAWS)),
    }
    control = np.array([world["control"] for world in worlds]).mean(axis=0)
    true = np.array([world["any_weeks"] for world in worlds]).mean(axis=0)
    return {"metrics": list(METRICS), "true_lift": (true / control).tolist(), "coverage": coverage}


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927).

    >>> [round(end, 3) for end in wilson(38, 40)]
    [0.835, 0.986]
    """
    z, share = 1.959964, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return float(middle - half), float(middle + half)


def print_figures(figures: dict[str, Any]) -> None:
    """A line for each question and metric, as Markdown."""
    print("| question | metric | mean true lift | held | share, 95 % | bias | sd of error |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for question, found in figures["coverage"].items():
        for at, metric in enumerate(figures["metrics"]):
            low, high = found["interval"][at]
            bias, spread = ("", "")
            if "mean_error_in_half_widths" in found:
                bias = f"{1.96 * found['mean_error_in_half_widths'][at]:+.2f} se"
                spread = f"{found['sd_of_error_by_standard_error'][at]:.2f} se"
            print(
                f"| {question} | {METRIC_WORDS[metric]} | {figures['true_lift'][at]:+.1%} | "
                f"{found['held'][at]:,} of {found['of']:,} | {low:.1%} to {high:.1%} | "
                f"{bias} | {spread} |"
            )


if __name__ == "__main__":
    main()
