"""What it is worth to compare a candidate with the others of its list, and in which way.

Rows are replayed once; then the same forests, LightGBM at plain settings, learn from the default
features and one sort of comparison more: on MIND's impressions and Globo's clicks (see
``bench_backtest.py``), and in simulated worlds, whose lists are judged by the truth. Ways that are
no features of liverank are worked out here from the same columns (``tried_here``).

In the worlds the forests learn twice: with the position as a feature, and with what the position
does as a fixed offset that was estimated first. What people did favours what stood first when they
did it, and a rank of what the logged lists were sorted by tells a forest where an item stood.
Intervals are of the difference to no comparisons, bootstrapped over users.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from bench_ablation import METRICS, compared, joined
from liverank.autopilot.backtest import list_metrics
from liverank.features.kernels.read.listwise import rank_in_list
from liverank.features.kinds.context import POSITION_NAME
from replayed import FOLDERS, Case, log_case, world_case

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "verbosity": -1,
    "deterministic": True,
}
ROUNDS = 120
ENDS = {
    "above_mean": "_above_mean",
    "above_mean_sd": "_above_mean_sd",
    "rank": "_rank",
    "gap": "_gap",
}
MIXES = (("above_mean", "rank"), ("above_mean_sd", "rank"), ("above_mean", "rank", "gap"))
FEW = ("item_join_1h", "item_join_1d", "item_join_forever", "audience_now", "item_age_s",
       "item_click_1h", "item_click_1d", "item_click_forever")  # fmt: skip
"""Of these the ranks were derived before all were compared."""
TARGETS = {
    "above the least": ["item_age_s"],
    "share of the list's total": ["audience_now"],
    "the list's mean": ["item_join_1h", "item_click_1h"],
}
"""Single columns of these: time since the newest start, the share of the list's audience."""
AT_ONCE = 50_000
MOST_POSITIONS = 200

Columns = NDArray[np.float32]


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", choices=METRICS, help="one of them")
    parser.add_argument("--seeds", type=int, default=3, help="of the forests")
    parser.add_argument("--rankings", type=int, default=5_000, help="of Globo, to learn from")
    parser.add_argument("--lists", type=int, default=500, help="of Globo, to test on")
    parser.add_argument("--worlds", type=int, default=3, help="simulated worlds")
    parser.add_argument("--people", type=int, default=800, help="of each of them")
    parser.add_argument("--position", choices=("feature", "offset"), help="in the worlds: one way")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in METRICS:
        if arguments.only not in (None, name):
            continue
        if name == "world":
            cases = [world_case(seed, arguments.people) for seed in range(arguments.worlds)]
        elif (arguments.data / FOLDERS[name]).is_dir():
            size = {"rankings": arguments.rankings, "test_rankings": arguments.lists}
            cases = [log_case(name, arguments.data, **size)]
        else:
            print(f"{name}: skipped, {arguments.data / FOLDERS[name]} is not there; see --data")
            continue
        ways = ("feature", "offset") if name == "world" else ("feature",)
        for offset in (way == "offset" for way in ways if arguments.position in (None, way)):
            title = f"{name}, position as an offset" if offset else name
            figures[title] = table(title, METRICS[name], cases, arguments.seeds, offset=offset)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def table(
    title: str, metrics: tuple[str, ...], cases: list[Case], seeds: int, *, offset: bool
) -> dict[str, Any]:
    """Print what each sort of comparison is worth; returns the figures."""
    rows, lists = sum(len(case.rows) for case in cases), sum(len(case.lists) for case in cases)
    print(f"\n{title}: {rows:,} rows to learn from, {lists:,} lists to test on; {seeds} forests")
    heads = "".join(f"{metric:>13}{'less none, 95 %':>28}" for metric in metrics)
    print(f"{'comparisons':<32}{'features':>9}{heads}")
    figures: dict[str, Any] = {}
    none = None
    for choice in zip(*(choices(case) for case in cases), strict=True):
        what, names, more, _ = choice[0]
        number = len(names) + more.shape[1]
        values = joined(
            [
                tried(case, names, more, more_tests, seeds, offset=offset)
                for case, (_, names, more, more_tests) in zip(cases, choice, strict=True)
            ]
        )
        none = none or values
        figures[what] = compared(values, none, cases) | {"features": number}
        cells = ""
        for metric in metrics:
            of = figures[what][metric]
            interval = f"{of['difference']:+.4f} ({of['low']:+.4f} {of['high']:+.4f})"
            cells += f"{of['value']:>13.4f}{interval:>28}"
        print(f"{what:<32}{number:>9}{cells}", flush=True)
    return figures


def choices(case: Case) -> Iterator[tuple[str, list[str], Columns, Columns]]:
    """What to try: (title, names of features, and columns beside them of rows and of tests)."""
    absolute = [
        feature.name
        for feature in case.spec.features
        if feature.kind != "in_list" and feature.name in case.defaults
    ]
    none = np.empty((len(case.rows), 0), np.float32), np.empty((len(case.features), 0), np.float32)
    names = set(case.spec.names)

    def of(*sorts: str, among: list[str] = absolute) -> list[str]:
        ends = [ENDS[sort] for sort in sorts]
        return [name + end for end in ends for name in among if name + end in names]

    yield "none", absolute, *none
    few = of("rank", among=[name for name in absolute if name in FEW])
    if few:
        yield "ranks of item's own successes", absolute + few, *none
    for sort in ENDS:
        if of(sort):
            yield sort, absolute + of(sort), *none
    for mix in MIXES:
        if all(of(sort) for sort in mix):
            yield " and ".join(mix), absolute + of(*mix), *none
    compared_names = [name for name in absolute if f"{name}_above_mean" in names]
    base = absolute + of("above_mean")
    for title in tried_here(np.zeros(1), np.array([0, 1])):
        few = {title: TARGETS[title]} if title in TARGETS else {}
        for what, among in {"": compared_names, **few}.items():
            wanted = [name for name in among if name in names]
            if wanted:
                rows = beside(case.rows.features, case, _offsets(case.rows.rankings), title, wanted)
                tests = beside(case.features, case, case.lists.reads.offsets, title, wanted)
                only = f" of {', '.join(wanted)}" if what else ""
                yield f"above_mean and {title}{only}", base, rows, tests


def beside(
    features: Columns, case: Case, offsets: NDArray[np.int64], title: str, names: list[str]
) -> Columns:
    """The columns of one way to compare that is no feature of ours: float32[rows, names]."""
    columns = [case.spec.names.index(name) for name in names]
    out = np.empty((len(features), len(columns)), np.float32)
    for place, column in enumerate(columns):
        out[:, place] = tried_here(features[:, column].astype(np.float64), offsets)[title]
    return out


def tried_here(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> dict[str, Any]:
    """Ways to compare the candidates of lists that begin at ``offsets``, float64[rows] each."""
    sizes, starts = np.diff(offsets), offsets[:-1]
    known = np.nan_to_num(values, nan=0.0)

    def of_list(how: np.ufunc, fill: float) -> NDArray[np.float64]:
        filled = np.where(np.isnan(values), fill, values)
        return np.repeat(how.reduceat(filled, starts), sizes)

    total = np.repeat(np.add.reduceat(np.abs(known), starts), sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "above the least": values - of_list(np.minimum, np.inf),
            "below the most": of_list(np.maximum, -np.inf) - values,
            "share of the list's total": np.where(total > 0, values / total, values * 0.0),
            "the list's mean": (values - values)
            + np.repeat(
                np.add.reduceat(known, starts) / np.add.reduceat(~np.isnan(values), starts), sizes
            ),
            "rank within what is sampled": _ranks(values, offsets),
        }


def _ranks(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.empty(len(values))
    for start, stop in pairwise(offsets):
        rank_in_list(values[start:stop].copy(), out[start:stop])
    return out


def _offsets(rankings: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where lists begin among rows, and the number of rows."""
    begins = np.flatnonzero(np.diff(rankings, prepend=rankings[0] - 1))
    return np.append(begins, len(rankings))


def tried(
    case: Case,
    names: list[str],
    more: Columns,
    more_tests: Columns,
    seeds: int,
    *,
    offset: bool,
    alone: bool = False,
) -> dict[str, NDArray[np.float64]]:
    """Learn from some columns, and score the test lists by the mean margin of all forests.

    ``alone`` estimates what a position does without what compares an item with its list, as
    training does.
    """
    chosen = [case.spec.names.index(name) for name in names]
    is_apart = offset and POSITION_NAME in names
    kept = [place for place in chosen if not is_apart or case.spec.names[place] != POSITION_NAME]
    rows = np.hstack([case.rows.features[:, kept], more])
    compare = {feature.name for feature in case.spec.features if feature.kind == "in_list"}
    own = [place for place in chosen if not alone or case.spec.names[place] not in compare]
    start = position_effect(case, own) if is_apart else None
    scores = np.zeros(len(case.features))
    forests = [forest_of(rows, case.rows.labels, seed, start) for seed in range(seeds)]
    for begin in range(0, len(scores), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        tests = np.hstack([case.features[part][:, kept], more_tests[part]])
        for forest in forests:
            scores[part] += forest.predict(tests, raw_score=True, num_threads=1)
    return list_metrics(scores, case.lists, case.config.candidates is not None, case.truth)


def forest_of(
    rows: Columns, labels: NDArray[np.uint8], seed: int, start: NDArray[np.float64] | None
) -> lightgbm.Booster:
    """A forest of plain settings, on top of the margins ``start`` if given."""
    data = lightgbm.Dataset(rows, labels, init_score=start, params={"verbosity": -1})
    return lightgbm.train(PLAIN | {"seed": seed}, data, num_boost_round=ROUNDS)


def position_effect(case: Case, columns: list[int]) -> NDArray[np.float64]:
    """The log-odds that a row's position adds, beside the first: float64[rows].

    The partial dependence of a forest on the position, over a sample of the rows.
    """
    rows = np.ascontiguousarray(case.rows.features[:, columns])
    place = columns.index(case.spec.names.index(POSITION_NAME))
    forest = forest_of(rows, case.rows.labels, 0, None)
    position = np.minimum(rows[:, place], MOST_POSITIONS).astype(np.int64)
    sample = rows[:: max(len(rows) // 2000, 1)].copy()
    margins = np.empty(position.max() + 1)
    for number in range(len(margins)):
        sample[:, place] = number
        margins[number] = forest.predict(sample, raw_score=True, num_threads=1).mean()
    shares = case.rows.labels.mean()
    effect: NDArray[np.float64] = (margins - margins[0])[position] + np.log(shares / (1 - shares))
    return effect


if __name__ == "__main__":
    main()
