"""What separates a model from an oracle: how much of it is noise, unknowable, or left to learn.

Simulated worlds that rank by most popular; the lists of their last days are judged by the true
chance that each room, once examined, is joined (NDCG@10; the oracle has 1). The same forests
(LightGBM at plain settings; of one seed a difference below .003 may be luck) learn in several ways:

- without some features: the ablation
- without the estimate of what positions do, and without the rows below a join, at which people stop
- clicks, and joins of what was clicked, each by a model of its own
- the true chances in place of outcomes: what is missing then is not the noise of outcomes
- with latent causes as features: what knowing them would be worth

Beside them stands what anybody could know of people by the log: a posterior under the world's own
model with its true weights (``gap/known_people.py``). Intervals are 95 %, of the difference to the
model, bootstrapped over people.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from gap.known_people import Evidence, scores_by_evidence
from gap.world_log import Floats, WorldLog, log_world
from liverank.automl.evaluation.position_bias import position_effect
from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.metrics import mean_over_lists, true_ndcg_at
from liverank.features.kinds.context import POSITION_NAME

TOP = 10
MODEL, HEURISTIC, USERS, JOINS = "model", "best heuristic", "users", "joins"
SETTINGS = {
    "objective": "cross_entropy",
    "num_leaves": 8,
    "learning_rate": 0.07,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbose": -1,
    "num_threads": 1,
    "force_row_wise": True,
    "deterministic": True,
}
ROUNDS = 150
LARGER = {"num_leaves": 31, "min_data_in_leaf": 20}
FEW_ROWS = {"min_data_in_leaf": 20}
ABLATIONS = {
    "without personal features": (
        r"user_|same_|followed_|last_item_|recent_items_|country_item|language_item|time_zone_item"
        r"|local_"
    ),
    "without the graph": r"followed_",
    "without what followed hosts were about": r"followed_latest",
    "without real-time counters": r"audience|.*_(5m|1h)(_|$)|item_.*_ago_s|.*_momentum",
}
"""The beginnings of the names of the features that are left out, as regular expressions."""
PERSON, ROOM = [0, 1, 2, 3], [4, 5, 9]
"""Causes: taste, liking, language and words of a person; fame, quality and liveliness of a room."""
GROUPS = ((0, 1), (2, 5), (6, np.inf))
"""People by their joins before the lists to test on."""

Reached = dict[str, NDArray[Any]]
"""The true NDCG of each list by each way, float64[lists], with USERS and JOINS, int64[lists]."""
KNOWN = {
    "known people": (Evidence(), True),
    "known people, quality unknown": (Evidence(), False),
    "known people by choices alone, quality unknown": (Evidence(follows=False), False),
    "known people by follows alone, quality unknown": (Evidence(choices=False), False),
    "nobody known, quality unknown": (Evidence(choices=False, follows=False), False),
}
"""By what people are known, and whether the rooms' quality is."""


def main() -> None:
    """Print the table of each world as it is done, then that of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--worlds", type=int, nargs="*", default=[1, 2, 3], help="their seeds")
    parser.add_argument("--people", type=int, default=800)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--explored", type=float, default=0.0, help="share of random lists")
    parser.add_argument("--forests", type=int, default=1, help="whose mean scores; by seeds")
    parser.add_argument("--folder", type=Path, help="keeps each world's figures, and reads them")
    parser.add_argument("--only", nargs="*", help="only ways whose name holds one of these")
    asked = parser.parse_args()
    found: list[Reached] = []
    for seed in asked.worlds:
        kept = None if asked.folder is None else asked.folder / f"world-{seed}.npz"
        if kept is None or not kept.exists():
            log = log_world(seed, people=asked.people, days=asked.days, explored=asked.explored)
            found.append(reached_in(seed, log, asked.forests, wanted(asked.only)))
            if kept is not None:
                np.savez(kept, **found[-1])  # type: ignore[arg-type]
        else:
            with np.load(kept) as values:
                found.append(dict(values))
    figures = table(found)
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=2) + "\n")


def reached_in(
    seed: int, log: WorldLog, n_forests: int, is_wanted: Callable[[str], bool]
) -> Reached:
    """What each way reaches in one world."""
    users = log.users.view(np.int64) ^ seed
    reached: Reached = {USERS: users, JOINS: joins_before(log), HEURISTIC: log.heuristic}
    print(f"world {seed}: {len(log.past.labels):,} rows, {len(users):,} lists to test on")
    for name, scores in ways(log, n_forests, is_wanted):
        reached[name] = true_ndcg_at(TOP, scores, log.tests.chances, log.offsets)
        print(f"world {seed}: {name:<48}{mean_over_lists(reached[name]):.4f}", flush=True)
    return reached


def wanted(only: list[str] | None) -> Callable[[str], bool]:
    """Whether a way is asked for; the model always is."""
    return lambda name: only is None or name == MODEL or any(part in name for part in only)


def ways(
    log: WorldLog, n_forests: int, is_wanted: Callable[[str], bool]
) -> Iterator[tuple[str, Floats]]:
    """Each way to score the rows to test on that is wanted: (name, float64[k])."""
    past, forest = log.past, Forest(log, n_forests)
    examined = past.examined()

    def clicks_and_joins() -> Floats:
        clicked = examined & (past.clicks == 1)
        joined = forest.scores(rows=clicked, has_base=False, settings=FEW_ROWS)
        click = forest.scores(past.clicks.astype(np.float64), rows=examined)
        return -np.logaddexp(0, -click) - np.logaddexp(0, -joined)

    tried: dict[str, Callable[[], Floats]] = {
        MODEL: forest.scores,
        "positions not told": lambda: forest.scores(has_base=False),
        "rows below a join left out": lambda: forest.scores(rows=examined),
        "clicks, and joins of what was clicked": clicks_and_joins,
        "larger forest": lambda: forest.scores(settings=LARGER),
        "true chances as the label": lambda: forest.scores(past.chances, has_base=False),
        "person's latent causes told": lambda: forest.scores(causes=PERSON),
        "room's latent causes told": lambda: forest.scores(causes=ROOM),
    }
    for title, pattern in ABLATIONS.items():
        kept = np.array([re.match(pattern, name) is None for name in log.spec.names])
        tried[title] = partial(forest.scores, columns=kept)
    for title, (evidence, quality) in KNOWN.items():
        tried[title] = partial(
            scores_by_evidence, log.world, past, log.tests, evidence, quality_known=quality
        )
    for name, score in tried.items():
        if is_wanted(name):
            yield name, score()


class Forest:
    """Forests that learn from one world's log, and score its rows to test on."""

    def __init__(self, log: WorldLog, n_forests: int) -> None:
        self._log, self._forests = log, n_forests
        self._usual = np.array([name != POSITION_NAME for name in log.spec.names])
        self._every = np.ones(len(log.past.labels), np.bool_)
        self._base = places_of(log)

    def scores(
        self,
        label: Floats | None = None,
        *,
        columns: NDArray[np.bool_] | None = None,
        rows: NDArray[np.bool_] | None = None,
        has_base: bool = True,
        causes: Sequence[int] = (),
        settings: Mapping[str, int] = MappingProxyType({}),
    ) -> Floats:
        """Margins of the rows to test on, float64[k].

        ``label`` float64[n] stands for the outcomes, ``columns`` bool[f] and ``rows`` bool[n] are
        learned from, and ``causes`` are told as features; without a base positions do nothing.
        """
        past, tests = self._log.past, self._log.tests
        label = past.labels.astype(np.float64) if label is None else label
        rows = self._every if rows is None else rows
        kept = self._usual if columns is None else self._usual & columns
        shown = list(causes)
        train = np.hstack([past.features[:, kept], past.causes[:, shown].astype(np.float32)])
        test = np.hstack([tests.features[:, kept], tests.causes[:, shown].astype(np.float32)])
        base = self._base[rows] if has_base and self._base is not None else None
        data = lightgbm.Dataset(train[rows], label[rows], init_score=base)
        margins = np.zeros(len(test))
        for seed in range(self._forests):
            forest = lightgbm.train({**SETTINGS, "seed": seed, **settings}, data, ROUNDS)
            margins += np.asarray(forest.predict(test, raw_score=True)) / self._forests
        return margins


def places_of(log: WorldLog) -> Floats | None:
    """What each row's position adds, in log-odds, as training estimates it."""
    alone = np.array([feature.kind != "in_list" for feature in log.spec.features])
    effect = position_effect(log.rows(), alone=alone, propensities=None, seed=0)
    return None if effect is None else effect.of(log.past.positions.astype(np.float64))


def table(found: list[Reached]) -> dict[str, Any]:
    """Print what each way reaches over all worlds, and by how well people are known."""
    all_of = {name: np.concatenate([of[name] for of in found]) for name in found[0]}
    users, joins = all_of.pop(USERS), all_of.pop(JOINS)
    heuristic = mean_over_lists(all_of[HEURISTIC])
    groups = [(joins >= low) & (joins <= high) for low, high in GROUPS]
    print(f"\n{len(found)} worlds, {len(users):,} lists to test on")
    heads = "".join(f"{f'{low}-{high} joins':>14}" for low, high in GROUPS)
    print(f"{'':<48}{'NDCG@10':>9}{'of lift':>9}{'less the model, 95 %':>28}{heads}")
    print(f"{'lists':<94}" + "".join(f"{int(group.sum()):>14,}" for group in groups))
    figures: dict[str, Any] = {}
    for name, values in all_of.items():
        low, high = bootstrap_difference(values, all_of[MODEL], users)
        mean, difference = mean_over_lists(values), mean_over_lists(values - all_of[MODEL])
        by_group = [mean_over_lists(values[group]) for group in groups]
        lift = (mean - heuristic) / (1 - heuristic)
        figures[name] = {"value": mean, "lift": lift, "low": low, "high": high, "groups": by_group}
        interval = f"{difference:+.4f} ({low:+.4f} {high:+.4f})"
        cells = "".join(f"{value:>14.4f}" for value in by_group)
        print(f"{name:<48}{mean:>9.4f}{lift:>9.1%}{interval:>28}{cells}")
    return figures


def joins_before(log: WorldLog) -> NDArray[np.int64]:
    """Joins of each list's person before the lists to test on, int64[lists]."""
    past, tests = log.past, log.tests
    number = len(log.world.people.ids)
    count = np.bincount(past.people[past.labels == 1], minlength=number)
    return np.asarray(count[tests.people[log.offsets[:-1]]])


if __name__ == "__main__":
    main()
