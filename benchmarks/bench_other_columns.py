"""More ways to compare a candidate, and what each adds to the default features.

The method of ``bench_comparisons.py``: rows are replayed once, then the same forests, LightGBM at
plain settings, learn from the default features (differences to the list's mean and ranks among
them) and a few columns more, worked out here. Compared are the numbers that vary within a list.

- the list's mean of each, as a column
- the difference to what the person usually chooses: the mean over what they chose in earlier lists
- the difference to what they chose last
- the difference to the host's usual: the mean over earlier lists that showed an item of the host
- the share of what is live: of the audience, and of the item's recent successes
- the time since the newest start in the list
- the difference in standard deviations of the list (a feature that may be asked for)

In the worlds lists are judged by the truth, and what a place does is an offset, as in training.
Intervals are of the difference to the default features, bootstrapped over users.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench_ablation import METRICS, compared, joined
from bench_comparisons import ENDS, Columns, tried, tried_here
from replayed import FOLDERS, Case, log_case, world_case

ROOT = Path(__file__).resolve().parent.parent
OF_AUDIENCE = ("audience_now", "item_join_1h", "item_click_1h")


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", choices=METRICS, help="one of them")
    parser.add_argument("--seeds", type=int, default=3, help="of the forests")
    parser.add_argument("--rankings", type=int, default=5_000, help="of Globo, to learn from")
    parser.add_argument("--lists", type=int, default=300, help="of Globo, to test on")
    parser.add_argument("--worlds", type=int, nargs="*", default=[0, 1], help="their seeds")
    parser.add_argument("--people", type=int, default=600, help="of each world")
    parser.add_argument("--bag", type=int, default=8, help="more seeds of the same forests, or 0")
    parser.add_argument("--ways", nargs="*", help="only those whose name holds one of these")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in METRICS:
        if arguments.only not in (None, name):
            continue
        if name == "world":
            cases = [world_case(seed, arguments.people) for seed in arguments.worlds]
        elif (arguments.data / FOLDERS[name]).is_dir():
            size = {"rankings": arguments.rankings, "test_rankings": arguments.lists}
            cases = [log_case(name, arguments.data, **size)]
        else:
            print(f"{name}: skipped, {arguments.data / FOLDERS[name]} is not there; see --data")
            continue
        figures[name] = table(name, cases, arguments)
        if arguments.out:
            arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def table(name: str, cases: list[Case], arguments: argparse.Namespace) -> dict[str, Any]:
    """Print what each way adds; returns the figures."""
    rows, lists = sum(len(case.rows) for case in cases), sum(len(case.lists) for case in cases)
    print(f"\n{name}: {rows:,} rows to learn from, {lists:,} lists; {arguments.seeds} forests")
    heads = "".join(f"{metric:>13}{'less the default, 95 %':>28}" for metric in METRICS[name])
    print(f"{'more columns':<40}{'features':>9}{heads}")
    figures: dict[str, Any] = {}
    default = None
    for choice in zip(*(choices(case, arguments) for case in cases), strict=True):
        what, seeds, names, more, _ = choice[0]
        wanted = arguments.ways is None or any(part in what for part in arguments.ways)
        if default is not None and not wanted:
            continue
        values = joined(
            [
                tried(case, names, more, more_tests, seeds, offset=name == "world", alone=True)
                for case, (_, _, names, more, more_tests) in zip(cases, choice, strict=True)
            ]
        )
        default = default or values
        number = len(names) + more.shape[1]
        figures[what] = compared(values, default, cases) | {"features": number}
        cells = ""
        for metric in METRICS[name]:
            of = figures[what][metric]
            interval = f"{of['difference']:+.4f} ({of['low']:+.4f} {of['high']:+.4f})"
            cells += f"{of['value']:>13.4f}{interval:>28}"
        print(f"{what:<40}{number:>9}{cells}", flush=True)
    return figures


Choice = tuple[str, int, list[str], Columns, Columns]


def choices(case: Case, arguments: argparse.Namespace) -> Iterator[Choice]:
    """What to try: (title, forests, names of features, more columns of rows and of tests)."""
    spec, seeds = case.spec, arguments.seeds
    base = [name for name in spec.names if name in case.defaults]
    n = len(case.rows)
    none = np.empty((n, 0), np.float32), np.empty((len(case.features), 0), np.float32)
    absolute = [
        feature.name
        for feature in spec.features
        if feature.name in case.defaults and f"{feature.name}_above_mean" in spec.names
    ]
    yield "nothing (the default features)", seeds, base, *none
    noise = np.random.default_rng(0).normal(size=(n + len(case.features), 1)).astype(np.float32)
    yield "noise: the luck of forests", seeds, base, noise[:n], noise[n:]
    if arguments.bag:
        yield f"nothing, {arguments.bag} forests", arguments.bag, base, *none
    both = both_of(case, absolute)
    offsets = list_starts(case)

    def split(columns: NDArray[np.float64]) -> tuple[Columns, Columns]:
        narrow = columns.astype(np.float32)
        return np.ascontiguousarray(narrow[:n]), np.ascontiguousarray(narrow[n:])

    def of_lists(title: str, names: list[str]) -> tuple[Columns, Columns]:
        places = [absolute.index(name) for name in names]
        ways = [tried_here(both[:, place].astype(np.float64), offsets)[title] for place in places]
        return split(np.column_stack(ways))

    yield "the list's mean", seeds, base, *of_lists("the list's mean", absolute)
    yield "less the person's usual choice", seeds, base, *split(less_chosen(case, both, last=False))
    yield "less the person's last choice", seeds, base, *split(less_chosen(case, both, last=True))
    if case.hosts:
        yield "less the host's usual", seeds, base, *split(less_hosts_usual(case, both))
    live = [name for name in OF_AUDIENCE if name in absolute]
    if live:
        yield "share of what is live", seeds, base, *of_lists("share of the list's total", live)
    if "item_age_s" in absolute:
        newest = of_lists("above the least", ["item_age_s"])
        yield "time since the list's newest", seeds, base, *newest
    deviations = [name + ENDS["above_mean_sd"] for name in absolute]
    yield "in standard deviations", seeds, base + deviations, *none


def both_of(case: Case, names: list[str]) -> NDArray[np.float32]:
    """Features of the rows and of the tests behind them, float32[rows + tests, names]."""
    columns = [case.spec.names.index(name) for name in names]
    return np.vstack([case.rows.features[:, columns], case.features[:, columns]])


def list_starts(case: Case) -> NDArray[np.int64]:
    """Where the lists of the rows and those of the tests begin, and the number of all rows."""
    begins = np.flatnonzero(np.diff(case.rows.rankings, prepend=-1))
    return np.concatenate([begins, len(case.rows) + case.lists.reads.offsets])


def less_chosen(case: Case, both: NDArray[np.float32], *, last: bool) -> NDArray[np.float64]:
    """How far values are above those of what the person chose before: their mean, or the last.

    float64[rows + tests, columns]; NaN where they had chosen nothing in an earlier list.
    """
    offsets = list_starts(case)
    users = np.concatenate(
        [case.past.reads.user[np.unique(case.rows.rankings)], case.lists.reads.user]
    ).tolist()
    labels = np.concatenate([case.rows.labels, case.lists.labels])
    usual: dict[int, NDArray[np.float64]] = {}
    chosen: dict[int, list[NDArray[np.float64]]] = {}
    out = np.full(both.shape, np.nan)
    for user, (start, stop) in zip(users, pairwise(offsets.tolist()), strict=True):
        if user in usual:
            out[start:stop] = both[start:stop] - usual[user]
        for row in start + np.flatnonzero(labels[start:stop]):
            before = chosen.setdefault(user, [])
            before.append(both[row].astype(np.float64))
            usual[user] = before[-1] if last else mean_of_known(np.array(before))
    return out


def less_hosts_usual(case: Case, both: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far values are above their mean over earlier lists with an item of the same host.

    float64[rows + tests, columns]; NaN where there was none.
    """
    items = np.concatenate([case.past.reads.items[case.past.seen], case.lists.reads.items])
    hosts = [case.hosts.get(item) for item in items.tolist()]
    sums: dict[int, NDArray[np.float64]] = {}
    counts: dict[int, NDArray[np.float64]] = {}
    out = np.full(both.shape, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for start, stop in pairwise(list_starts(case).tolist()):
            for row in range(start, stop):
                host = hosts[row]
                if host in sums:
                    out[row] = both[row] - sums[host] / counts[host]
            for row in range(start, stop):
                host = hosts[row]
                if host is not None:
                    known = ~np.isnan(both[row])
                    sums[host] = sums.get(host, 0.0) + np.where(known, both[row], 0.0)
                    counts[host] = counts.get(host, 0.0) + known
    return out


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each column of float64[n, columns] without what is NaN; NaN where all is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


if __name__ == "__main__":
    main()
