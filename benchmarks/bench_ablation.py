"""What each kind of feature is worth: a model with all of them beside models without one kind.

All are the features that are derived by default, or every one there is (``--every``). Rows are
replayed once with every feature; then the same forests, with the same seeds, learn from the
columns that are left. On MIND's impressions and Globo's clicks (see ``bench_backtest.py``), and in
simulated worlds for kinds whose events those logs lack. There the truth is known, and lists are
judged by it: what people did favours whatever stood first when they did it, and with it models that
learn to repeat the places of the past. A kind takes its comparisons within the list along.

The search of ``liverank train`` is held by a clock, and a few features more or fewer would decide
what it has time for: forests of one size tell kinds apart far better. Intervals are of the
difference to all kinds, bootstrapped over users.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.ensemble.combine import terms_of
from liverank.automl.evaluation.ranking_data import whole_matrix
from liverank.automl.families import lightgbm
from liverank.autopilot.backtest import TRUE, list_metrics
from liverank.autopilot.gate import DECIDING
from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.metrics import mean_over_lists
from liverank.features.kinds.context import POSITION_NAME
from liverank.features.kinds.lifecycle import Age
from liverank.features.kinds.listwise import InList
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.simulator.truth import captured_lift
from replayed import FOLDERS, Case, log_case, world_case

ROOT = Path(__file__).resolve().parent.parent
METRICS = {
    "mind": ("list_auc", DECIDING),
    "globo": ("hit_rate@10", DECIDING),
    "world": (TRUE, DECIDING),
}
FIRST_KINDS = {
    *("attribute", "count", "rate", "recency", "momentum"),
    *("match", "next", "lifecycle", "context", "in_list"),
}
"""Those of the first version; its only feature of kind ``lifecycle`` was the age."""
AT_ONCE = 100_000
"""Rows scored at once."""
FORESTS = {"few": 300, "steady": 100}
"""Settings of LightGBM that the search tries early, and their rounds."""
THREADS = 1

Metrics = dict[str, NDArray[np.float64]]
"""Each metric of each list: float64[lists]."""


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--only", choices=METRICS, help="one of them")
    parser.add_argument(
        "--seeds", type=int, default=2, help="of the forests; scores are their mean"
    )
    parser.add_argument("--rankings", type=int, default=10_000, help="of Globo, to learn from")
    parser.add_argument("--lists", type=int, default=1000, help="of Globo, to test on")
    parser.add_argument("--worlds", type=int, default=3, help="simulated worlds")
    parser.add_argument("--people", type=int, default=1500, help="of each of them")
    parser.add_argument(
        "--every", action="store_true", help="also the features that are not derived by default"
    )
    parser.add_argument("--without", nargs="*", help="only these kinds are left out in turn")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in METRICS:
        if arguments.only not in (None, name):
            continue
        if name in FOLDERS and not (arguments.data / FOLDERS[name]).is_dir():
            print(f"{name}: skipped, {arguments.data / FOLDERS[name]} is not there; see --data")
            continue
        if name == "world":
            cases = [world_case(seed, arguments.people) for seed in range(arguments.worlds)]
        else:
            cases = [
                log_case(
                    name,
                    arguments.data,
                    rankings=arguments.rankings,
                    test_rankings=arguments.lists,
                )
            ]
        figures[name] = ablate(name, cases, arguments)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def ablate(name: str, cases: list[Case], arguments: argparse.Namespace) -> dict[str, Any]:
    """Print one data set's table and return its figures; lists of all its cases count alike."""
    metrics, seeds = METRICS[name], arguments.seeds
    rows, lists = sum(len(case.rows) for case in cases), sum(len(case.lists) for case in cases)
    print(
        f"\n{name}: {rows:,} rows to learn from, {lists:,} lists to test on; "
        f"the mean of {seeds * len(FORESTS)} forests"
    )
    heads = "".join(f"{metric:>13}{'less all, 95 %':>28}" for metric in metrics)
    print(f"{'features':<24}{'number':>7}{heads}{'':>4}share of oracle")
    figures: dict[str, Any] = {}
    whole: Metrics | None = None
    known: dict[bytes, Metrics] = {}
    for choice in zip(*(choices(case, every=arguments.every) for case in cases), strict=True):
        title, number = choice[0][0], int(choice[0][1].sum())
        named = arguments.without
        if named and title != "all" and title.removeprefix("without ") not in named:
            continue
        same = b"".join(keep.tobytes() for _, keep in choice)
        if same not in known:
            known[same] = joined(
                [tried(case, keep, seeds) for case, (_, keep) in zip(cases, choice, strict=True)]
            )
        values = known[same]
        whole = whole or values
        figures[title] = compared(values, whole, cases) | {"features": number}
        cells = "".join(_cell(figures[title][metric]) for metric in metrics)
        share = figures[title]["share_of_oracle"]
        print(
            f"{title:<24}{number:>7}{cells}{'' if share is None else format(share, '>19.1%')}",
            flush=True,
        )
    return figures


def choices(case: Case, *, every: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What to try: (title, which features, bool[features])."""
    spec = case.spec
    kinds = [feature.kind for feature in spec.features]
    usual = np.array([name in case.defaults for name in spec.names])
    whole = np.ones(len(usual), np.bool_) if every else usual
    yield "all", whole
    yield "by default", usual
    yield "first kinds", whole & _kept(spec, [_is_first(feature) for feature in spec.features])
    if POSITION_NAME in spec.names:
        yield "without position", whole & np.array([name != POSITION_NAME for name in spec.names])
    for left_out in dict.fromkeys(kind for kind, stays in zip(kinds, whole, strict=True) if stays):
        yield f"without {left_out}", whole & _kept(spec, [kind != left_out for kind in kinds])


def _is_first(feature: SpecFeature) -> bool:
    is_later = feature.kind == "lifecycle" and feature.expression != Age("started")
    return feature.kind in FIRST_KINDS and not is_later


def _kept(spec: FeatureSpec, wanted: list[bool]) -> NDArray[np.bool_]:
    """Which features stay, bool[features]: comparisons go with what they are of."""
    gone = {f.expression for f, stays in zip(spec.features, wanted, strict=True) if not stays}
    return np.array(
        [
            stays and not (isinstance(f.expression, InList) and f.expression.of in gone)
            for f, stays in zip(spec.features, wanted, strict=True)
        ]
    )


def tried(case: Case, keep: NDArray[np.bool_], seeds: int) -> Metrics:
    """Learn from some columns, and score the test lists by the mean margin of all forests."""
    rows, columns = whole_matrix(case.rows.keep_columns(keep.tolist())), np.flatnonzero(keep)
    settings = dict(lightgbm.DEFAULTS)
    fits = [
        lightgbm.fit(
            rows,
            None,
            settings[name],
            seed=seed,
            n_threads=THREADS,
            deadline=Deadline(np.inf, lambda: 0.0),
            rounds=rounds,
        )
        for seed in range(seeds)
        for name, rounds in FORESTS.items()
    ]
    (forest,) = (term.part for term in terms_of([(fit, 1 / len(fits)) for fit in fits]))
    scores = np.concatenate(
        [
            forest.margin(np.ascontiguousarray(case.features[start : start + AT_ONCE, columns]))
            for start in range(0, len(case.features), AT_ONCE)
        ]
    )
    return list_metrics(scores, case.lists, case.config.candidates is not None, case.truth)


def joined(parts: list[Metrics]) -> Metrics:
    """The lists of several cases, one after another."""
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}


def compared(values: Metrics, whole: Metrics, cases: list[Case]) -> dict[str, Any]:
    """Means of the metrics and their differences to those of all features."""
    users = np.concatenate([case.lists.reads.user for case in cases]).view(np.int64)
    figures: dict[str, Any] = {}
    for metric in values:
        low, high = bootstrap_difference(values[metric], whole[metric], users)
        figures[metric] = {
            "value": mean_over_lists(values[metric]),
            "difference": mean_over_lists(values[metric] - whole[metric]),
            "low": low,
            "high": high,
        }
    least = [case.least for case in cases if case.least is not None]
    figures["share_of_oracle"] = None
    if least:
        heuristic = mean_over_lists(np.concatenate(least))
        figures["share_of_oracle"] = captured_lift(figures[TRUE]["value"], heuristic, 1.0)
    return figures


def _cell(figure: dict[str, float]) -> str:
    interval = f"{figure['difference']:+.4f} ({figure['low']:+.4f} {figure['high']:+.4f})"
    return f"{figure['value']:>13.4f}{interval:>28}"


if __name__ == "__main__":
    main()
