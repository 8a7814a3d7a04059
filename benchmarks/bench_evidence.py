"""Are the statistics of experiments right? Thousands of experiments without an effect, and with.

A log without any treatment is split at random, again and again, and each split is analysed by the
code of the report: false alarms over 28 looks, p-values, intervals around effects that were put
in, the sample-ratio check and the planner's promise. Beside it stands what a naive analysis does.

    python benchmarks/bench_evidence.py --draws 2000 --plots docs/images
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from evidence import draws as drawing
from evidence.logs import DAY_MS, PRE_DAYS, START_MS, globo_log, made_log
from evidence.plots import Axes, Line, write_plot
from evidence.splits import SHARES, UNITS, false_alarms, split_power
from evidence.tables import Population, metrics_over, population
from liverank.experiments.statistics.power import users_needed
from liverank.experiments.statistics.sequential import crossing_probabilities, spending

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
LIFTS = (0.0, 0.02, 0.1, 0.5)
PLANNED_LIFT = 0.02
PLANNED = ("participation", "ratio", "mean")
"""Metrics whose planned users are tried."""


def main() -> None:
    """Print the tables, and write figures and plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2_000, help="A/A experiments a metric")
    parser.add_argument("--users", type=int, default=4_000, help="people of the made log")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plots", type=Path, help="folder for the plots of docs/statistics.md")
    arguments = parser.parse_args()
    began = time.perf_counter()
    made = _made(arguments.users)
    result: dict[str, Any] = {}
    with ProcessPoolExecutor(arguments.processes) as pool:
        share = partial(_drawn_in, pool)
        nulls = share(made, arguments.draws)
        result["made"] = _tell_nulls(made, nulls)
        if (SHARED / "globo_news").exists():
            real = _globo()
            result["globo"] = _tell_nulls(real, share(real, max(arguments.draws // 4, 50)))
        result["coverage"] = _tell_coverage(made, pool, 5 * arguments.draws)
        result["power"] = _tell_power(made, pool, arguments.draws)
    result["splits"] = _tell_splits(arguments.draws)
    result["seconds"] = round(time.perf_counter() - began)
    print(f"\nin {result['seconds']} s")
    if arguments.plots is not None:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        _plot(arguments.plots, made, nulls, result)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


def _made(users: int) -> Population:
    log = made_log(users=users, days=28, seed=1)
    start = START_MS + PRE_DAYS * DAY_MS
    return population(
        "a made log of 28 days", log, metrics=metrics_over(28), from_ms=start, days=28,
        looks_per_day=1,
    )  # fmt: skip


def _globo() -> Population:
    log = globo_log(SHARED, users=6_000, seed=1)
    start = int(log["time"].min()) + DAY_MS  # type: ignore[arg-type]
    return population(
        "clicks on a news portal, 6 days", log, metrics=metrics_over(6), from_ms=start, days=6,
        looks_per_day=4,
    )  # fmt: skip


def _drawn_in(
    pool: ProcessPoolExecutor, of: Population, count: int
) -> dict[str, drawing.NullDraws]:
    """A/A experiments of all metrics, shared out over processes."""
    treated = np.random.default_rng(7).random((count, of.units)) < 0.5
    pieces = np.array_split(treated, max(count // 50, 1))
    found = {}
    for metric in of.metrics:
        parts = list(pool.map(partial(drawing.null_draws, of, metric), pieces))
        names = drawing.NullDraws.__dataclass_fields__
        found[metric.name] = drawing.NullDraws(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
        )
    return found


def _tell_nulls(of: Population, nulls: dict[str, drawing.NullDraws]) -> dict[str, Any]:
    count = len(next(iter(nulls.values())).p)
    noise = (0.05 * 0.95 / count) ** 0.5
    print(
        f"\n{of.name}: {of.units:,} units, {count:,} A/A experiments a metric, {len(of.clock)} "
        f"looks each; share with a false alarm (chance: .05 within {1.96 * noise:.3f})"
    )
    print(
        f"{'metric':<15}{'boundary':>10}{'always valid':>14}{'peeking':>9}{'last look':>11}"
        f"{'KS p':>7}{'by impression':>15}{'CUPED saves':>13}"
    )
    told: dict[str, Any] = {}
    for name, one in nulls.items():
        known = one.p[~np.isnan(one.p)]
        told[name] = {
            "boundary": float(np.mean(one.ours >= 0)),
            "always_valid": float(np.mean(one.always >= 0)),
            "peeking": float(np.mean(one.peeking >= 0)),
            "last_look": float(np.mean(known < drawing.ALPHA)),
            "ks_p": drawing.uniform_p(one.p),
            "by_impression": float(np.nanmean(one.impressions_p < drawing.ALPHA))
            if np.isfinite(one.impressions_p).any()
            else None,
            "saved": float(np.nanmean(one.saved)),
        }
        row = told[name]
        naive = "" if row["by_impression"] is None else f"{row['by_impression']:.3f}"
        print(
            f"{name:<15}{row['boundary']:>10.3f}{row['always_valid']:>14.3f}{row['peeking']:>9.3f}"
            f"{row['last_look']:>11.3f}{row['ks_p']:>7.2f}{naive:>15}{row['saved']:>13.0%}"
        )
    family = drawing.family_alarms(np.column_stack([one.p for one in nulls.values()]))
    print(f"any metric significant at the last look, after Holm: {family:.3f}")
    return {"units": of.units, "draws": count, "metrics": told, "holm": family}


def _tell_coverage(of: Population, pool: ProcessPoolExecutor, draws: int) -> dict[str, Any]:
    print(f"\nintervals at 95 %: share that holds the lift that was put in, of {draws:,} each")
    print(f"{'metric':<15}" + "".join(f"{f'{lift:+.0%}':>16}" for lift in LIFTS))
    cells = [(metric, lift) for metric in of.metrics for lift in LIFTS]
    jobs = [
        pool.submit(drawing.coverage, of, metric, lift=lift, draws=draws, seed=11)
        for metric, lift in cells
    ]
    told: dict[str, Any] = {metric.name: {} for metric in of.metrics}
    for (metric, lift), job in zip(cells, jobs, strict=True):
        difference, relative = job.result()
        told[metric.name][str(lift)] = {"difference": difference, "lift": relative}
    for name, row in told.items():
        print(
            f"{name:<15}"
            + "".join(f"{one['difference']:>8.3f}{one['lift']:>8.3f}" for one in row.values())
        )
    print("(of each pair: the interval of the difference, that of the lift)")
    return told


def _tell_power(of: Population, pool: ProcessPoolExecutor, draws: int) -> dict[str, Any]:
    print(
        f"\nthe planner's promise: power 80 %. Users for +{PLANNED_LIFT:.0%} and one look; and the "
        "lift that this log's own units should show over 28 looks"
    )
    told: dict[str, Any] = {}
    treated = np.random.default_rng(13).random((max(draws // 4, 50), of.units)) < 0.5
    for metric in of.metrics:
        if metric.name not in PLANNED:
            continue
        value, variance = drawing.unit_variance(of, metric)
        users = users_needed(PLANNED_LIFT * value, variance)
        lift = _lift_seen(of, value, variance)
        once = partial(
            drawing.power_at_end, of, metric, lift=PLANNED_LIFT, users=users, draws=draws // 8 + 5
        )
        ends = [pool.submit(once, seed=seed) for seed in range(8)]
        looking = partial(drawing.power_of_looks, of, metric, lift=lift)
        parts = list(pool.map(looking, np.array_split(treated, 8)))
        row = {
            "users": users,
            "power": float(np.mean([end.result() for end in ends])),
            "lift_over_looks": lift,
            "power_over_looks": float(np.mean(parts)),
        }
        told[metric.name] = row
        print(
            f"{metric.name:<15}{users:>9,} users {row['power']:>7.3f}"
            f"{lift:>+9.1%} {row['power_over_looks']:>7.3f}"
        )
    return told


def _lift_seen(of: Population, value: float, variance: float) -> float:
    """The lift that 28 looks at these units find with a power of 80 %."""
    bounds = spending(drawing.ALPHA, of.clock)

    def missing(drift: float) -> float:
        return float(crossing_probabilities(bounds, of.clock, drift).sum()) - 0.8

    drift = optimize.brentq(missing, 1.0, 6.0)
    return float(drift * np.sqrt(4 * variance / of.units) / value)


def _tell_splits(draws: int) -> dict[str, Any]:
    print("\nthe sample-ratio check, alarm at p < .001: how often a split is called broken")
    print(f"{'true share':<12}" + "".join(f"{f'{units:,} units':>18}" for units in UNITS))
    seen = split_power(draws=draws, seed=3)
    for share in (0.5, *SHARES):
        cells = [seen[share, units] for units in UNITS]
        print(f"{share:<12}" + "".join(f"{once:>10.3f}{looking:>8.3f}" for once, looking in cells))
    print("(of each pair: one look at the end, and the check that may look every day)")
    ours, naive = false_alarms(level=0.05, draws=draws, seed=5)
    print(f"a sound split below .05 on any of 28 days: {ours:.3f}; the plain test: {naive:.3f}")
    power = {f"{share} of {units}": pair for (share, units), pair in seen.items()}
    return {"power": power, "false_alarms": ours, "plain_test": naive}


def _plot(
    folder: Path, of: Population, nulls: dict[str, drawing.NullDraws], result: dict[str, Any]
) -> None:
    days = list(range(1, len(of.clock) + 1))

    def lines(first: str) -> list[NDArray[np.float64]]:
        return [drawing.alarms_by_look(getattr(one, first), len(days)) for one in nulls.values()]

    ours, peeking = (np.mean(lines(first), axis=0) for first in ("ours", "peeking"))
    always = np.mean(lines("always"), axis=0)
    alarms: list[Line] = [
        ("boundary", days, ours),
        ("peeking at p < .05", days, peeking),
        ("always valid", days, always),
    ]
    axes = Axes("day of the A/A experiment", "false alarms so far", (0, 0.4), level=0.05)
    write_plot(folder / "peeking.svg", alarms, axes)
    shares = np.linspace(0, 1, 101)
    ordered: list[Line] = [
        (name, shares, [float(np.mean(one.p <= share)) for share in shares])
        for name, one in nulls.items()
    ]
    axes = Axes("p at the last look of A/A experiments", "experiments below", (0, 1))
    write_plot(folder / "p_values.svg", ordered, axes)
    held: list[Line] = [
        (name, [100 * lift for lift in LIFTS], [row[str(lift)]["lift"] for lift in LIFTS])
        for name, row in result["coverage"].items()
    ]
    axes = Axes("lift that was put in, %", "intervals that hold it", (0.93, 0.97), level=0.95)
    write_plot(folder / "coverage.svg", held, axes, only_points=True)


if __name__ == "__main__":
    main()
