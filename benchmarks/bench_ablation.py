"""What each kind of feature is worth: a model with all of them beside models without one kind.

Rows are replayed once with all features; then the same search, with the same seeds, learns from
the columns that are left. On MIND's impressions and Globo's clicks (see ``bench_backtest.py``), and
on simulated worlds for kinds whose events those logs lack. A kind takes its ranks and gaps within
the list along. Intervals are of the difference to all kinds, bootstrapped over users.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench_backtest import split_of
from liverank.automl.fit import fit, warm_up
from liverank.autopilot.backtest import DECIDING, heuristic_scores, list_metrics
from liverank.autopilot.gather import Frames, lists_to_test, lists_to_train, look_at
from liverank.config import Config, load_config, parse_config
from liverank.dataset.lists import Lists
from liverank.dataset.metrics import bootstrap_difference, mean_over_lists
from liverank.dataset.replay import replay, training_rows
from liverank.dataset.rows import Rows
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.events.profile import profile_events
from liverank.events.proposal import propose_config
from liverank.events.sources.reading import read_all
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.kinds.in_list import Gap, Rank
from liverank.features.kinds.lifecycle import Age
from liverank.features.spec import FeatureSpec, SpecFeature, derive_spec
from liverank.quantities import duration_ms
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.policies import MostPopular
from liverank.simulator.simulate import simulate
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world import DAY_MS, World, build_world

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"mind": "mind_sample", "globo": "globo_news"}
METRICS = {
    "mind": ("list_auc", DECIDING),
    "globo": ("hit_rate@10", DECIDING),
    "world": ("list_auc", DECIDING),
}
FIRST_KINDS = {
    *("attribute", "count", "rate", "recency", "momentum"),
    *("match", "next", "lifecycle", "context", "in_list"),
}
"""Those of the first version; its only feature of kind ``lifecycle`` was the age."""
WORLD_DAYS = 5
WORLD_TEST_SHARE = 0.3
FRAME_EVENTS = 262_144
SCORED_AT_ONCE = 100_000

Metrics = dict[str, NDArray[np.float64]]
"""Each metric of each list: float64[lists]."""


class Case(NamedTuple):
    """Rows to learn from, and lists to test on with float32[k, features]."""

    config: Config
    spec: FeatureSpec
    rows: Rows
    lists: Lists
    features: NDArray[np.float32]
    least: float | None
    """The deciding metric of the best heuristic in a simulated world; an oracle has ``most``."""
    most: float | None


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--only", choices=METRICS, help="one of them")
    parser.add_argument("--budget", type=float, default=12.0, help="processor seconds of a search")
    parser.add_argument("--seeds", type=int, default=2, help="searches to average over")
    parser.add_argument("--rankings", type=int, default=10_000, help="of Globo, to learn from")
    parser.add_argument("--lists", type=int, default=1000, help="of Globo, to test on")
    parser.add_argument("--people", type=int, default=1500, help="of the simulated world")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    warm_up()
    for name in METRICS:
        if arguments.only not in (None, name):
            continue
        if name in FOLDERS and not (arguments.data / FOLDERS[name]).is_dir():
            print(f"{name}: skipped, {arguments.data / FOLDERS[name]} is not there; see --data")
            continue
        case = world_case(arguments.people) if name == "world" else log_case(name, arguments)
        figures[name] = ablate(name, case, arguments.budget, arguments.seeds)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def ablate(name: str, case: Case, budget_s: float, seeds: int) -> dict[str, Any]:
    """Print one data set's table and return its figures."""
    metrics = METRICS[name]
    print(
        f"\n{name}: {len(case.rows):,} rows to learn from, {len(case.lists):,} lists to test on; "
        f"{seeds} searches of {budget_s:g} s each"
    )
    heads = "".join(f"{metric:>13}{'less all, 95 %':>28}" for metric in metrics)
    print(f"{'features':<24}{'number':>7}{heads}{'share of oracle' if case.most else ''}")
    figures: dict[str, Any] = {}
    whole: Metrics | None = None
    for title, keep in choices(case.spec):
        values = tried(case, keep, budget_s, seeds)
        whole = whole or values
        figures[title] = compared(values, whole, case) | {"features": int(keep.sum())}
        cells = "".join(_cell(figures[title][metric]) for metric in metrics)
        share = figures[title]["share_of_oracle"]
        print(
            f"{title:<24}{keep.sum():>7}{cells}{'' if share is None else format(share, '>15.1%')}",
            flush=True,
        )
    return figures


def choices(spec: FeatureSpec) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What to try: (title, which features, bool[features])."""
    kinds = [feature.kind for feature in spec.features]
    yield "all", _kept(spec, [True] * len(kinds))
    yield "first kinds", _kept(spec, [_is_first(feature) for feature in spec.features])
    for left_out in dict.fromkeys(kinds):
        yield f"without {left_out}", _kept(spec, [kind != left_out for kind in kinds])


def _is_first(feature: SpecFeature) -> bool:
    is_later = feature.kind == "lifecycle" and feature.expression != Age("started")
    return feature.kind in FIRST_KINDS and not is_later


def _kept(spec: FeatureSpec, wanted: list[bool]) -> NDArray[np.bool_]:
    """Which features stay, bool[features]: ranks and gaps go with what they are of."""
    gone = {f.expression for f, stays in zip(spec.features, wanted, strict=True) if not stays}
    return np.array(
        [
            stays and not (isinstance(f.expression, Rank | Gap) and f.expression.of in gone)
            for f, stays in zip(spec.features, wanted, strict=True)
        ]
    )


def tried(case: Case, keep: NDArray[np.bool_], budget_s: float, seeds: int) -> Metrics:
    """Learn from some of the columns and score the test lists; metrics are means over seeds."""
    rows = Rows(
        features=np.ascontiguousarray(case.rows.features[:, keep]),
        labels=case.rows.labels,
        rankings=case.rows.rankings,
        at_ms=case.rows.at_ms,
        names=tuple(compress(case.rows.names, keep)),
        directions=tuple(compress(case.rows.directions, keep)),
    )
    columns = np.flatnonzero(keep)
    found = []
    for seed in range(seeds):
        model = fit(
            rows,
            budget_s=budget_s,
            seed=seed,
            validation=case.config.training.validation,
            clock=time.process_time,
        ).model
        used = model.used if len(model.used) else np.zeros(1, np.int64)
        narrow = model.keep_columns(used)
        scores = np.concatenate(
            [
                narrow.probability(
                    np.ascontiguousarray(
                        case.features[start : start + SCORED_AT_ONCE, columns[used]]
                    )
                )
                for start in range(0, len(case.features), SCORED_AT_ONCE)
            ]
        )
        found.append(list_metrics(scores, case.lists, case.config.candidates is not None))
    return {metric: np.mean([values[metric] for values in found], axis=0) for metric in found[0]}


def compared(values: Metrics, whole: Metrics, case: Case) -> dict[str, Any]:
    """Means of the metrics and their differences to those of all features."""
    users = case.lists.reads.user.view(np.int64)
    figures: dict[str, Any] = {}
    for metric in values:
        low, high = bootstrap_difference(values[metric], whole[metric], users)
        figures[metric] = {
            "value": mean_over_lists(values[metric]),
            "difference": mean_over_lists(values[metric] - whole[metric]),
            "low": low,
            "high": high,
        }
    figures["share_of_oracle"] = None
    if case.least is not None and case.most is not None:
        figures["share_of_oracle"] = captured_lift(
            figures[DECIDING]["value"], case.least, case.most
        )
    return figures


def _cell(figure: dict[str, float]) -> str:
    interval = f"{figure['difference']:+.4f} ({figure['low']:+.4f} {figure['high']:+.4f})"
    return f"{figure['value']:>13.4f}{interval:>28}"


def log_case(name: str, arguments: argparse.Namespace) -> Case:
    """MIND or Globo, split in time as by ``bench_backtest.py``."""
    config = load_config(ROOT / "examples" / name / "liverank.toml")
    if config.candidates is not None:
        few = msgspec.structs.replace(
            config.candidates,
            max_rankings=arguments.rankings,
            max_test_rankings=arguments.lists,
        )
        config = msgspec.structs.replace(config, candidates=few)
    frame = in_import_order(read_all([arguments.data / FOLDERS[name]], config.sources)[0])
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    return _case(frame, config, split_of(name, frame))


def world_case(people: int) -> Case:
    """The world of ``liverank demo``, with what the best heuristic and the truth reach in it."""
    world = build_world(1, people=people, days=WORLD_DAYS)
    chronicle = Chronicle(world)
    made = _noted(simulate(world, policy=MostPopular(spread=1.0, seed=1), seed=1), chronicle)
    frame = in_import_order(frame_of(list(made)))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))
    until_ms = world.start_ms + WORLD_DAYS * DAY_MS
    case = _case(frame, config, until_ms - int(WORLD_TEST_SHARE * WORLD_DAYS * DAY_MS))
    return _with_bounds(case, _frames_of(frame), world, chronicle)


def _noted(events: Iterator[Event], chronicle: Chronicle) -> Iterator[Event]:
    for event in events:
        chronicle.observe(event)
        yield event


def _with_bounds(case: Case, frames: Frames, world: World, chronicle: Chronicle) -> Case:
    scores = heuristic_scores(frames, case.lists, case.spec.layout, case.config)
    reached = {
        name: mean_over_lists(list_metrics(values, case.lists, False)[DECIDING])
        for name, values in (scores | {"oracle": true_scores(world, case.lists, chronicle)}).items()
    }
    most = reached.pop("oracle")
    return case._replace(least=max(reached.values()), most=most)


def _case(frame: pl.DataFrame, config: Config, test_from_ms: int) -> Case:
    """Replay the rows to learn from, and those to test on."""
    frames = _frames_of(frame)
    spec = derive_spec(look_at(frames, config, before_ms=test_from_ms), config)
    past = lists_to_train(frames, spec.layout, config, before_ms=test_from_ms)
    lists = lists_to_test(frames, spec.layout, config, from_ms=test_from_ms)
    limit_ms = duration_ms(config.features.max_future)
    rows = training_rows(frames(), spec, past, max_future_ms=limit_ms)
    first = replace(lists.reads, positions=np.full(len(lists.labels), SERVED_POSITION))
    features = np.empty((len(lists.labels), len(spec.features)), np.float32)
    for chunk in replay(frames(), spec, first, max_future_ms=limit_ms):
        start, stop = first.offsets[[chunk.first, chunk.last]]
        features[start:stop] = chunk.features
    if not lists.served.all():
        features = features[lists.served]
    return Case(config, spec, rows, lists.only_served(), features, None, None)


def _frames_of(frame: pl.DataFrame) -> Frames:
    return lambda: frame.iter_slices(FRAME_EVENTS)


if __name__ == "__main__":
    main()
