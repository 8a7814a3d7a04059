"""What a forest gains by seeing lists: log-loss alone, with softmax beside it, and ranking losses.

The same forests with the same seeds learn from the same rows, on MIND, Globo and simulated worlds
whose truth is known; there, what a place does is an offset (the partial dependence of a first
forest). Softmax and lambdarank alone give scores, not log-odds, so all are brought to log-odds by a
slope and an offset fitted on the newest fifth of the lists, which also stops training early. Its
bias: one shape of forest, and no search. Intervals are of the difference to log-loss, bootstrapped
over people.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import FOREVER
from liverank.automl.data.matrix import Matrix
from liverank.automl.ensemble.calibration import fit_affine
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.ranking_data import whole_matrix
from liverank.automl.families import lightgbm as family
from liverank.automl.metrics.list_loss_kernel import list_gradients_kernel, list_losses_kernel
from liverank.automl.metrics.objective import find_objective
from liverank.autopilot.backtest import TRUE
from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.metrics import (
    list_auc,
    mean_over_lists,
    ndcg_at,
    true_ndcg_at,
)
from liverank.dataset.rows import Rows, list_offsets
from liverank.dataset.split import newest_from
from liverank.features.kinds.context import POSITION_NAME
from replayed import FOLDERS, Case, log_case, world_case

ROOT = Path(__file__).resolve().parent.parent
SETTING = dict(family.DEFAULTS)["few"]
LOSSES = ("log-loss", "log-loss + softmax", "softmax", "lambdarank")
CHOOSING = 0.2
MOST_ROUNDS, PATIENCE = 1500, 100
ALONE = 1e6
"""A share beside which log-loss is nothing."""

Floats = NDArray[np.float64]


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--only", choices=(*FOLDERS, "world"), help="one of them")
    parser.add_argument(
        "--seeds", type=int, default=2, help="of the forests; scores are their mean"
    )
    parser.add_argument("--rankings", type=int, default=4000, help="of Globo, to learn from")
    parser.add_argument("--lists", type=int, default=1000, help="of Globo, to test on")
    parser.add_argument("--worlds", type=int, nargs="*", default=[0, 1, 4], help="their seeds")
    parser.add_argument("--people", type=int, default=1500, help="of each world")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    for name, folder in FOLDERS.items():
        if asked.only not in (None, name):
            continue
        if not (asked.data / folder).is_dir():
            print(f"{name}: skipped, {asked.data / folder} is not there; see --data")
            continue
        case = log_case(name, asked.data, rankings=asked.rankings, test_rankings=asked.lists)
        figures[name] = compare(name, case, asked.seeds)
    for seed in asked.worlds if asked.only in (None, "world") else ():
        name = f"world {seed}"
        figures[name] = compare(name, world_case(seed, asked.people), asked.seeds)
    if asked.out:
        asked.out.write_text(json.dumps(figures, indent=2) + "\n")


def compare(name: str, case: Case, seeds: int) -> dict[str, Any]:
    """Print one data set's table and return its figures."""
    rows, features = prepared(case)
    labels, offsets, users = case.lists.labels, case.lists.reads.offsets, case.lists.reads.user
    print(f"\n{name}: {len(rows):,} rows of {len(rows.names)} features, {len(case.lists):,} lists")
    figures: dict[str, Any] = {}
    first: dict[str, Floats] = {}
    for loss in LOSSES:
        margins = np.mean([scores(loss, rows, features, seed) for seed in range(seeds)], axis=0)
        expected = labels if case.truth is None else case.truth
        found = {
            "list_auc": list_auc(margins, labels, offsets),
            "ndcg@10": ndcg_at(10, margins, labels, offsets),
        }
        if case.truth is not None:
            found[TRUE] = true_ndcg_at(10, margins, case.truth, offsets)
        first = first or found
        log_loss = float(np.mean(np.logaddexp(0, margins) - expected * margins))
        figures[loss] = {"log_loss": log_loss}
        cells = [f"log_loss {log_loss:.5f}"]
        for metric, values in found.items():
            low, high = bootstrap_difference(values, first[metric], users.view(np.int64))
            figures[loss][metric] = (mean_over_lists(values), low, high)
            cells.append(f"{metric} {mean_over_lists(values):.4f} ({low:+.4f} to {high:+.4f})")
        print(f"{loss:<20}" + "  ".join(cells), flush=True)
    return figures


def prepared(case: Case) -> tuple[Rows, NDArray[np.float32]]:
    """Rows of the features by default, and those to test on; what a place does is their base."""
    kept = np.array([name in case.defaults for name in case.spec.names])
    rows, features = case.rows.keep_columns(kept.tolist()), case.features[:, kept]
    if POSITION_NAME in rows.names:
        others = np.array([name != POSITION_NAME for name in rows.names])
        base = place_effect(rows) if case.truth is not None else None
        rows = replace(rows.keep_columns(others.tolist()), base=base)
        features = features[:, others]
    return rows, np.ascontiguousarray(features)


def place_effect(rows: Rows) -> Floats:
    """Log-odds that each row's place adds to those of the first, float64[n]."""
    fitted = family.fit(
        whole_matrix(rows), None, SETTING, seed=0, n_threads=1, deadline=FOREVER, rounds=200
    )
    column = rows.names.index(POSITION_NAME)
    places = np.unique(rows.features[:, column])
    some = rows.features[:: max(len(rows) // 1000, 1)].copy()
    levels = []
    for place in places:
        some[:, column] = place
        levels.append(float(fitted.margins(some).mean()))
    return np.interp(rows.features[:, column], places, np.array(levels) - levels[0])


def scores(loss: str, rows: Rows, features: NDArray[np.float32], seed: int) -> Floats:
    """Log-odds of the rows to test on, float64[n]."""
    cut = newest_from(rows, CHOOSING)
    train, validation = (
        whole_matrix(rows.take(part)) for part in (slice(0, cut), slice(cut, None))
    )
    if loss in LOSSES[:2]:
        params = SETTING if loss == LOSSES[0] else {**SETTING, "loss": "lists"}
        fitted = family.fit(
            train, validation, params, seed=seed, n_threads=1, deadline=FOREVER, rounds=None
        )
        raw, test = (fitted.margins(each) for each in (validation.features, features))
    else:
        booster = ranked(loss, train, validation, seed)
        raw, test = (
            booster.predict(each, raw_score=True)[:, None]
            for each in (validation.features, features)
        )
    held = EvalRows(
        validation.target,
        None,
        validation.lists,
        find_objective(None, "binary"),
        "sigmoid",
        validation.base,
    )
    return np.asarray(fit_affine(raw, held).apply(test)[:, 0])


def ranked(loss: str, train: Matrix, validation: Matrix, seed: int) -> lightgbm.Booster:
    """A forest that learns the order of lists alone."""
    sets: list[lightgbm.Dataset] = []
    for matrix in (train, validation):
        sizes = np.diff(offsets_of(matrix))
        more = {"reference": sets[0]} if sets else {}
        sets.append(
            lightgbm.Dataset(
                matrix.features, matrix.target, group=sizes, init_score=matrix.base, **more
            )
        )
    params = {
        **SETTING,
        "bagging_freq": 1,
        "monotone_constraints": train.directions,
        "min_sum_hessian_in_leaf": 1.0,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed,
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
    }
    if loss == "softmax":

        def gradients(margins: Floats, _: Any) -> tuple[Floats, Floats]:
            both = list_gradients_kernel(margins, train.target, offsets_of(train), ALONE)
            return both[0] / ALONE, both[1] / ALONE

        def which(margins: Floats, _: Any) -> tuple[str, float, bool]:
            losses = list_losses_kernel(margins, validation.target, offsets_of(validation))
            return "which", float(losses.mean()), False

        params |= {"objective": gradients, "metric": "None"}
    return lightgbm.train(
        params,
        sets[0],
        MOST_ROUNDS,
        valid_sets=sets[1:],
        feval=which if loss == "softmax" else None,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )


def offsets_of(matrix: Matrix) -> NDArray[np.int64]:
    """Where the lists of a Matrix begin."""
    assert matrix.lists is not None
    return list_offsets(matrix.lists)


if __name__ == "__main__":
    main()
