"""What propensities and lists without a success are worth to training on one's own rankings.

Made worlds whose truth is known: lists are logged by recent joins, and a share of them in random
order, with the propensity of each place. The same forests, LightGBM at plain settings, learn from
the default features in several ways; lists are judged by the true chance of a join of every item
(NDCG@10), and scores by their log-loss against those chances, less that of the chances themselves.
Intervals are of the difference to how ``liverank train`` would learn from the same log without
propensities, bootstrapped over users.

The last rows tell what it costs to learn from fewer lists, beside what comparisons within the list
are worth: rankings that do not name all that was scored can only be learned from without those.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
from numpy.typing import NDArray

from bench_ablation import compared, joined
from bench_comparisons import PLAIN, ROUNDS
from liverank.automl.evaluation import position_bias
from liverank.automl.evaluation.position_bias import PositionEffect, position_effect
from liverank.autopilot.backtest import TRUE, list_metrics
from liverank.events.event import Event, Ranking
from liverank.features.kinds.context import POSITION_NAME
from liverank.features.spec import depends_on_list
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.world.constants import Choices
from liverank.simulator.world.world import World, build_world
from replayed import Case, world_case

LEAST_CHANCE = 0.05
"""Propensities below this count as this in weights of rows."""


class Explored:
    """By recent joins, but a share of the lists in random order; tells the propensities."""

    def __init__(self, world: World, *, share: float, seed: int) -> None:
        self._popular, self._share = MostPopular(world, seed=seed), share
        self._rng = np.random.default_rng(seed)
        self._chances: dict[tuple[str, int], dict[str, float]] = {}

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live by joins, or shuffled."""
        usual = self._popular.rank(visits)
        return [
            self._list(user, items, visits.at_ms)
            for user, items in zip(visits.users, usual, strict=True)
        ]

    def _list(self, user: str, usual: list[str], at_ms: int) -> list[str]:
        order = usual
        if self._rng.random() < self._share:
            order = [usual[place] for place in self._rng.permutation(len(usual)).tolist()]
        even = self._share / max(len(usual), 1)
        self._chances[user, at_ms] = {
            item: even + (1 - self._share) * (item == best)
            for item, best in zip(order, usual, strict=True)
        }
        return order

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins."""
        self._popular.observe(events)

    def told(self, event: Event) -> Event:
        """The event, with propensities if it is a ranking."""
        if not isinstance(event, Ranking):
            return event
        chances = self._chances[event.user, event.at_ms]
        return msgspec.structs.replace(event, propensities=[chances[i] for i in event.items])


class Way(NamedTuple):
    """How to learn: features and rows by masks, what places do, and weights of rows."""

    columns: NDArray[np.bool_]
    rows: NDArray[np.bool_]
    places: PositionEffect | None
    weights: NDArray[np.float64] | None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--seeds", type=int, default=2, help="of the forests")
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--people", type=int, default=800, help="of each world")
    parser.add_argument("--share", type=float, default=0.2, help="of the lists, in random order")
    parser.add_argument("--ways", type=int, nargs="*", help="numbers of rows, the first is 0")
    parser.add_argument(
        "--only-places", action="store_true", help="only how well places are estimated"
    )
    arguments = parser.parse_args()
    cases = [
        explored_case(seed, arguments.people, arguments.share) for seed in range(arguments.worlds)
    ]
    figures: dict[str, Any] = {
        "errors of places": [
            errors_of_places(case, build_world(seed, people=arguments.people, days=1))
            for seed, case in enumerate(cases)
        ]
    }
    for seed, errors in enumerate(figures["errors of places"]):
        told = ", ".join(f"{name} {error:.3f}" for name, error in errors.items())
        print(f"world {seed}, error of what places do, in log-odds: {told}")
    if not arguments.only_places:
        figures |= table(cases, arguments.seeds, arguments.ways)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def explored_case(seed: int, people: int, share: float) -> Case:
    """A world whose lists were explored; their events tell the propensities."""
    made: list[Explored] = []

    def policy_of(world: World) -> Explored:
        made.append(Explored(world, share=share, seed=seed))
        return made[0]

    return world_case(seed, people, policy_of, lambda event: made[0].told(event))


def table(cases: list[Case], seeds: int, wanted: list[int] | None) -> dict[str, Any]:
    """Print what each way is worth; returns the figures."""
    rows, lists = sum(len(case.rows) for case in cases), sum(len(case.lists) for case in cases)
    print(f"{len(cases)} worlds: {rows:,} rows to learn from, {lists:,} lists; {seeds} forests")
    print(f"{'way':<50}{'rows':>9}{'true NDCG@10':>14}{'less the first, 95 %':>30}{'log-loss':>10}")
    figures: dict[str, Any] = {}
    first = None
    for number, choice in enumerate(zip(*(ways(case) for case in cases), strict=True)):
        title = choice[0][0]
        if wanted and number not in (0, *wanted):
            continue
        found = [learned(case, way, seeds) for case, (_, way) in zip(cases, choice, strict=True)]
        values = joined([metrics for metrics, _ in found])
        first = first or values
        used = int(sum(way.rows.sum() for _, way in choice))
        loss = float(np.mean([excess for _, excess in found]))
        figures[title] = compared(values, first, cases) | {"rows": used, "log_loss": loss}
        of = figures[title][TRUE]
        interval = f"{of['difference']:+.4f} ({of['low']:+.4f} {of['high']:+.4f})"
        print(f"{title:<50}{used:>9,}{of['value']:>14.4f}{interval:>30}{loss:>10.4f}", flush=True)
    return figures


def ways(case: Case) -> Iterator[tuple[str, Way]]:
    """What to try, with its name."""
    spec, rows = case.spec, case.rows
    usual = np.array([name in case.defaults and name != POSITION_NAME for name in spec.names])
    guessed, known = places_of(case)
    assert case.past.chances is not None
    chances = case.past.chances[case.past.seen]
    weights = 1 / np.maximum(chances, LEAST_CHANCE)
    weights /= weights.mean()
    every = np.ones(len(rows), np.bool_)
    succeeded = np.bincount(rows.rankings, rows.labels)[rows.rankings] > 0
    yield "places by partial dependence", Way(usual, every, guessed, None)
    yield "places by propensities", Way(usual, every, known, None)
    yield "places unknown", Way(usual, every, None, None)
    yield "rows by inverse propensities, places unknown", Way(usual, every, None, weights)
    yield "rows and places by inverse propensities", Way(usual, every, known, weights)
    yield "without lists that have no success", Way(usual, succeeded, guessed, None)
    own = np.array([not depends_on_list(feature) for feature in spec.features])
    yield "nothing compared within lists", Way(usual & own, every, guessed, None)
    for parts in (2, 4):
        some = rows.rankings % parts == 0
        yield f"one list in {parts}", Way(usual, some, guessed, None)


def places_of(case: Case) -> tuple[PositionEffect | None, PositionEffect | None]:
    """What places do by partial dependence, and by propensities, however unsure that is."""
    spec, rows = case.spec, case.rows
    alone = np.array(
        [feature.kind != "in_list" and feature.name in case.defaults for feature in spec.features]
    )
    assert case.past.chances is not None
    chances = case.past.chances[case.past.seen]
    position_bias.LARGEST_ERROR = np.inf
    guessed = position_effect(rows, alone=alone, propensities=None, seed=0)
    return guessed, position_effect(rows, alone=alone, propensities=chances, seed=0)


def examined(world: World, positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of people who examine a position (from 0) of those whose app showed its screen.

    This leaves out that some stop because they joined or clicked above.
    """
    keep_on = 1 - 1 / world.people.patience
    deepest = np.arange(int(positions.max()) + 1)
    reached = (keep_on[:, None] ** deepest).mean(axis=0)
    shares: NDArray[np.float64] = reached / reached[deepest // Choices().screen * Choices().screen]
    return shares[positions]


def errors_of_places(case: Case, world: World) -> dict[str, float]:
    """Root mean square over rows of the error in log-odds, but for what all places share."""
    positions = case.rows.features[:, case.spec.names.index(POSITION_NAME)].astype(np.int64)
    true = np.log(examined(world, positions))
    guessed, known = places_of(case)
    assert guessed is not None
    assert known is not None
    tables = {"no table": np.zeros(len(true))}
    tables |= {of.method: of.of(positions) for of in (guessed, known)}
    return {name: float((values - true).std()) for name, values in tables.items()}


def learned(case: Case, way: Way, seeds: int) -> tuple[dict[str, NDArray[np.float64]], float]:
    """Metrics of each list by the mean margin of the forests; and log-loss beyond the truth's."""
    data = np.ascontiguousarray(case.rows.features[way.rows][:, way.columns])
    labels = case.rows.labels[way.rows]
    share = labels.mean()
    start = np.full(len(labels), np.log(share / (1 - share)))
    if way.places is not None:
        positions = case.rows.features[way.rows, case.spec.names.index(POSITION_NAME)]
        start += way.places.of(positions) - way.places.of(positions).mean()
    weights = None if way.weights is None else way.weights[way.rows]
    margins = np.zeros(len(case.features))
    tests = np.ascontiguousarray(case.features[:, way.columns])
    for seed in range(seeds):
        rows = lightgbm.Dataset(
            data, labels, init_score=start, weight=weights, params={"verbosity": -1}
        )
        forest = lightgbm.train(PLAIN | {"seed": seed}, rows, num_boost_round=ROUNDS)
        margins += forest.predict(tests, raw_score=True, num_threads=1) / seeds
    assert case.truth is not None
    first = start.mean() - (0.0 if way.places is None else way.places.of(positions).mean())
    return list_metrics(margins, case.lists, False, case.truth), excess(margins + first, case.truth)


def excess(margins: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Mean log-loss of margins against true chances, less that of the chances themselves."""
    chances = np.clip(truth, 1e-9, 1 - 1e-9)
    loss = np.logaddexp(0, margins) - chances * margins
    least = -chances * np.log(chances) - (1 - chances) * np.log1p(-chances)
    return float((loss - least).mean())


if __name__ == "__main__":
    main()
