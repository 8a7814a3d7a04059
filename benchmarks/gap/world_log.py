"""One simulated world as rows to learn from and lists to test on, with the truth about both.

The log is that of a product that ranks by most popular (a share of its lists in random order, where
that is asked for); features are those that ``liverank train`` derives.
Invariant: nothing here but ``causes`` and ``chances`` knows the latent truth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.backtest import TOP, heuristic_scores
from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import gather
from liverank.compiled import compiled
from liverank.config import Config, parse_config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.metrics import mean_over_lists, true_ndcg_at
from liverank.dataset.replay import replay, training_rows
from liverank.dataset.rows import Rows
from liverank.events.event import Event
from liverank.events.frame import frame_of, in_import_order
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.features.hashing import hash_ids
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.spec import FeatureSpec
from liverank.quantities import duration_ms
from liverank.simulator.life.appeal_kernel import count_ties, fill_causes
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play
from liverank.simulator.truth import true_scores
from liverank.simulator.world.world import DAY_MS, World, build_world

Floats = NDArray[np.float64]
TEST_DAYS = 1.5
N_CAUSES = 12
FRAME_EVENTS = 262_144
_MORE_CONFIG = """
[labels.click]
interaction = "click"
within = "1h"
[impressions]
seen = "all"
"""
"""Clicks are wanted as well, and all impressions: ways to choose among them are tried."""


@dataclass(frozen=True, eq=False)
class Side:
    """Rows of lists with their truth: those to learn from, or those to test on.

    ``features`` float32[k, f]; ``labels`` and ``clicks`` uint8[k]: joined, clicked; ``lists``
    int64[k]: the number of each row's list; ``positions`` int64[k]; ``at_ms`` float64[k];
    ``people`` and ``rooms`` int64[k]: rows of the world; ``chances`` float64[k]: the true chance
    that the room, once examined, is clicked and joined; ``causes`` float64[k, N_CAUSES] as
    ``appeal_kernel.weighed`` takes them; ``seen`` bool[k].
    """

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    clicks: NDArray[np.uint8]
    lists: NDArray[np.int64]
    positions: NDArray[np.int64]
    at_ms: Floats
    people: NDArray[np.int64]
    rooms: NDArray[np.int64]
    chances: Floats
    causes: Floats
    seen: NDArray[np.bool_]

    def examined(self) -> NDArray[np.bool_]:
        """Seen rows that do not stand below a join, at which people stop: bool[k]."""
        first = np.full(int(self.lists.max(initial=0)) + 1, np.iinfo(np.int64).max)
        joined = self.labels == 1
        np.minimum.at(first, self.lists[joined], self.positions[joined])
        above: NDArray[np.bool_] = self.seen & (self.positions <= first[self.lists])
        return above


@dataclass(frozen=True, eq=False)
class WorldLog:
    """A world, its log as rows, and the lists of its last days.

    ``offsets`` int64[lists + 1] and ``users`` uint64[lists] are of the lists to test on,
    ``heuristic`` float64[lists] is the true NDCG of the best heuristic.
    """

    world: World
    spec: FeatureSpec
    past: Side
    tests: Side
    offsets: NDArray[np.int64]
    users: NDArray[np.uint64]
    heuristic: Floats

    def rows(self) -> Rows:
        """The rows to learn from, as training takes them."""
        return Rows(
            features=self.past.features,
            labels=self.past.labels,
            rankings=self.past.lists,
            at_ms=self.past.at_ms.astype(np.int64),
            names=self.spec.names,
        )


class Explored:
    """By most popular, a share of the lists in random order; notes the causes of choices."""

    def __init__(self, life: Life, *, share: float, seed: int) -> None:
        self.causes: dict[tuple[int, int], tuple[NDArray[np.int64], Floats]] = {}
        self._life, self._share = life, share
        self._rng = np.random.default_rng(seed)
        self._usual: Policy = MostPopular(life.world, seed=seed)
        self._random: Policy = RandomOrder(life.world, seed=seed)

    def rank(self, visits: Visits) -> list[Sequence[str]]:
        """The lists of one step."""
        fixed, state = self._life._fixed, self._life._state  # the latent truth
        found = causes_of(fixed, state, visits.people, visits.live, visits.at_ms)
        order = np.argsort(visits.live)
        for person, causes in zip(visits.people.tolist(), found, strict=True):
            self.causes[person, visits.at_ms] = visits.live[order], causes[order]
        usual, shuffled = self._usual.rank(visits), self._random.rank(visits)
        explores = self._rng.random(len(visits)) < self._share
        return [
            other if explored else own
            for own, other, explored in zip(usual, shuffled, explores, strict=True)
        ]

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins."""
        self._usual.observe(events)

    def of(self, person: int, at_ms: int, rooms: NDArray[np.int64]) -> Floats:
        """The causes of a visit's choices among rooms that were live: float64[n, N_CAUSES]."""
        live, causes = self.causes[person, at_ms]
        found: Floats = causes[np.searchsorted(live, rooms)]
        return found


@compiled
def causes_of(fixed, state, people, rooms, at_ms):  # type: ignore[no-untyped-def]
    """Causes of people's choices among rooms, float64[n_people, n_rooms, N_CAUSES]."""
    causes = np.zeros((len(people), len(rooms), N_CAUSES))
    counts = np.empty((4, len(rooms)), np.int64)
    for row in range(len(people)):
        count_ties(fixed, state, people[row], rooms, counts)
        for place in range(len(rooms)):
            own = causes[row, place]
            fill_causes(fixed, state, people[row], rooms[place], at_ms, own)
            own[6], own[7] = counts[0, place], math.log1p(counts[1, place])
            own[10], own[11] = math.log1p(counts[2, place]), math.log1p(counts[3, place])
    return causes


def log_world(seed: int, *, people: int, days: int, explored: float = 0.0) -> WorldLog:
    """Let a world live, and replay its log into rows; the last TEST_DAYS are to test on."""
    world = build_world(seed, people=people, days=days)
    life = Life(world, seed=seed, record_chances=True)
    policy = Explored(life, share=explored, seed=seed)
    frame = in_import_order(frame_of(list(play(life, policy))))
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    frames: Frames = lambda: frame.iter_slices(FRAME_EVENTS)  # noqa: E731
    proposed = propose_config(profile_events([frame]))
    config = parse_config(proposed + _MORE_CONFIG)
    test_from_ms = world.start_ms + int((days - TEST_DAYS) * DAY_MS)
    gathered = gather(frames, config, test_from_ms=test_from_ms)
    spec, tests = gathered.spec, gathered.tests
    assert tests is not None
    limit_ms = duration_ms(config.features.max_future)
    rows = training_rows(frames(), spec, gathered.lists, max_future_ms=limit_ms)
    first = replace(tests.reads, positions=np.full(len(tests.labels), SERVED_POSITION))
    features = np.empty((len(tests.labels), len(spec.features)), np.float32)
    for chunk in replay(frames(), spec, first, max_future_ms=limit_ms, bounds=tests.bounds):
        features[chunk.rows] = chunk.features
    every = np.ones(len(tests.labels), np.bool_)
    side = _side(tests, every, features, life, policy)
    return WorldLog(
        world=world,
        spec=spec,
        past=_side(gathered.lists, gathered.lists.seen, rows.features, life, policy),
        tests=side,
        offsets=tests.reads.offsets,
        users=tests.reads.user,
        heuristic=_best_heuristic(frames, tests, spec, config, side.chances),
    )


def _best_heuristic(
    frames: Frames, tests: Lists, spec: FeatureSpec, config: Config, chances: Floats
) -> Floats:
    """The true NDCG of each list by the heuristic that has most of it on average."""
    scores = heuristic_scores(frames, tests, spec.layout, config)
    reached = [true_ndcg_at(TOP, each, chances, tests.reads.offsets) for each in scores.values()]
    return max(reached, key=mean_over_lists)


def _side(
    lists: Lists,
    kept: NDArray[np.bool_],
    features: NDArray[np.float32],
    life: Life,
    policy: Explored,
) -> Side:
    """Some items of lists (``kept`` bool[k]) with what is true of them."""
    reads, world = lists.reads, life.world
    number = np.repeat(np.arange(len(lists)), lists.sizes)
    people = _rows_of(world.people.ids, reads.user)
    rooms = _rows_of(world.rooms.ids, reads.items)
    causes = np.empty((len(rooms), N_CAUSES))
    for row, person in enumerate(people.tolist()):
        start, stop = reads.offsets[row : row + 2]
        causes[start:stop] = policy.of(person, int(reads.at[row]), rooms[start:stop])
    return Side(
        features=features,
        labels=lists.labels[kept],
        clicks=lists.others["click"].labels[kept],
        lists=number[kept],
        positions=(np.arange(len(rooms)) - reads.offsets[number])[kept],
        at_ms=reads.at[number][kept],
        people=people[number][kept],
        rooms=rooms[kept],
        chances=true_scores(life, lists)[kept],
        causes=causes[kept],
        seen=lists.seen[kept],
    )


def _rows_of(ids: tuple[str, ...], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where the ids with these hashes stand."""
    known = hash_ids(ids)
    order = np.argsort(known)
    return order[np.searchsorted(known, hashes, sorter=order)].astype(np.int64)
