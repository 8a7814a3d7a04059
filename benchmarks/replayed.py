"""Cases to try models on: rows of a log to learn from, and rows of later lists, replayed once.

Invariant: a case is what ``liverank backtest`` would train and test on.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench_backtest import split_of
from liverank.autopilot.backtest import TOP, heuristic_scores
from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import lists_to_test, lists_to_train, look_at
from liverank.config import Config, load_config, parse_config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.metrics import mean_over_lists, true_ndcg_at
from liverank.dataset.replay import replay, training_rows
from liverank.dataset.rows import Rows
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.events.sources.read_events import read_all
from liverank.features.hashing import hash_column
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.quantities import duration_ms
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import play
from liverank.simulator.truth import true_scores
from liverank.simulator.world.world import DAY_MS, World, build_world

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"mind": "mind_sample", "globo": "globo_news"}
WORLD_DAYS = 5
WORLD_TEST_SHARE = 0.3
FRAME_EVENTS = 262_144


class Case(NamedTuple):
    """Rows to learn from, and lists to test on with float32[k, features]."""

    config: Config
    spec: FeatureSpec
    """All features that there are."""
    defaults: frozenset[str]
    """Those that are derived by default."""
    rows: Rows
    lists: Lists
    features: NDArray[np.float32]
    truth: NDArray[np.float64] | None
    """Of a simulated world: each candidate's true chance of a success, once it is examined."""
    least: NDArray[np.float64] | None
    """The true NDCG of each list by the best heuristic."""
    past: Lists
    """Whose seen items the rows are, in their order."""
    hosts: dict[int, int]
    """Hashes of the hosts of items, by hashes of the items; empty where items have no `host`."""


def log_case(name: str, data: Path, *, rankings: int, test_rankings: int) -> Case:
    """MIND or Globo, split in time as by ``bench_backtest.py``; of Globo so many lists at most."""
    config = load_config(ROOT / "examples" / name / "liverank.toml")
    if config.candidates is not None:
        few = msgspec.structs.replace(
            config.candidates,
            max_rankings=rankings,
            max_test_rankings=test_rankings,
        )
        config = msgspec.structs.replace(config, candidates=few)
    frame = in_import_order(read_all([data / FOLDERS[name]], config.sources)[0])
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    return _case(frame, config, split_of(name, frame))


def world_case(
    seed: int,
    people: int,
    policy_of: Callable[[World], Policy] | None = None,
    told: Callable[[Event], Event] = lambda event: event,
) -> Case:
    """The world of ``liverank demo``, with the truth about it.

    Lists are logged by the policy that ``policy_of`` makes for the world, and ``told`` adds what it
    knows of them to their events.
    """
    world = build_world(seed, people=people, days=WORLD_DAYS)
    life = Life(world, seed=seed, record_chances=True)
    policy = MostPopular(world, spread=1.0, seed=seed) if policy_of is None else policy_of(world)
    frame = in_import_order(frame_of([told(event) for event in play(life, policy)]))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    config = parse_config(propose_config(profile_events([frame])))
    until_ms = world.start_ms + WORLD_DAYS * DAY_MS
    case = _case(frame, config, until_ms - int(WORLD_TEST_SHARE * WORLD_DAYS * DAY_MS))
    return _with_truth(case, _frames_of(frame), life)


def _with_truth(case: Case, frames: Frames, life: Life) -> Case:
    truth = true_scores(life, case.lists)
    offsets = case.lists.reads.offsets
    reached = [
        true_ndcg_at(TOP, scores, truth, offsets)
        for scores in heuristic_scores(frames, case.lists, case.spec.layout, case.config).values()
    ]
    return case._replace(truth=truth, least=max(reached, key=mean_over_lists))


def _case(frame: pl.DataFrame, config: Config, test_from_ms: int) -> Case:
    """Replay the rows to learn from, and those to test on."""
    frames = _frames_of(frame)
    schema = look_at(frames, config, before_ms=test_from_ms)
    defaults = frozenset(derive_spec(schema, config).names)
    every = msgspec.structs.replace(config.features, on=("*",))
    config = msgspec.structs.replace(config, features=every)
    spec = derive_spec(schema, config)
    past = lists_to_train(frames, spec.layout, config, before_ms=test_from_ms)
    lists = lists_to_test(frames, spec.layout, config, from_ms=test_from_ms)
    limit_ms = duration_ms(config.features.max_future)
    rows = training_rows(frames(), spec, past, max_future_ms=limit_ms)
    first = replace(lists.reads, positions=np.full(len(lists.labels), SERVED_POSITION))
    features = np.empty((len(lists.labels), len(spec.features)), np.float32)
    for chunk in replay(frames(), spec, first, max_future_ms=limit_ms, bounds=lists.bounds):
        features[chunk.rows] = chunk.features
    if not lists.served.all():  # else spare the memory of a copy
        features = features[lists.served]
    seen = lists.only_served()
    return Case(config, spec, defaults, rows, seen, features, None, None, past, _hosts_of(frame))


def _hosts_of(frame: pl.DataFrame) -> dict[int, int]:
    told = frame.filter((pl.col("event") == "item") & pl.col("fields").is_not_null())
    hosts = told.select("item", host=pl.col("fields").str.json_path_match("$.host")).drop_nulls()
    return dict(
        zip(hash_column(hosts["item"]).tolist(), hash_column(hosts["host"]).tolist(), strict=True)
    )


def _frames_of(frame: pl.DataFrame) -> Frames:
    return lambda: frame.iter_slices(FRAME_EVENTS)
