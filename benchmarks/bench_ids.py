"""Ids as numbers and by their levels: our choice next to either forced, and to LightGBM's defaults.

Each made table of ``automl.id_tables`` is divided at random (three quarters train). On it run
``liverank automl`` as it is, with ``number`` and with ``category`` as the type of every id, and
LightGBM's defaults with ids as numbers. All see the same rows; a text id as a number is the number
at its end. Differences are paired by seed, against the better of the two forced ways on average.
Budgets are processor seconds of all threads, so that a busy machine changes little. The tables and
the search are both ours, so the benchmark is biased towards what we thought of.

    bench_ids.py --tables order,clicks --seeds 5 --budget 8
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from automl.id_tables import ID_TABLES, IdTable
from liverank import automl
from liverank.automl.result import Result
from liverank.models.encoder.columns import read_values

FORCED = ("number", "category")
BATCH, BATCHES = 55, 400


class Run(NamedTuple):
    """Log-loss and AUC of a system on the rows held out, and its microseconds of 55 rows."""

    loss: float
    auc: float
    p50_us: float = np.nan
    p99_us: float = np.nan
    encodings: Mapping[str, str] = MappingProxyType({})


def main() -> None:
    """Print the comparison as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", default=",".join(ID_TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--budget", type=float, default=8.0, help="processor seconds of each search"
    )
    arguments = parser.parse_args()
    print("| table | system | log-loss | AUC | loss - better forced | 55 rows, us | p99, us |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.tables.split(","):
        runs = [compared(ID_TABLES[name], s, arguments.budget) for s in range(arguments.seeds)]
        for line in lines_of(name, runs):
            print(line, flush=True)
        chosen = [json.dumps(dict(run["liverank"].encodings)) for run in runs]
        print(f"<!-- {name}: {' '.join(chosen)} -->", flush=True)


def compared(table: IdTable, seed: int, budget_s: float) -> dict[str, Run]:
    """Every system on one table."""
    rows = table.make(seed)
    is_test = np.random.default_rng([seed, 99]).random(rows.height) < 0.25
    runs = {"liverank": ours(rows, is_test, {}, budget_s)}
    for forced in FORCED:
        given = numbered(rows, table.ids) if forced == "number" else rows
        runs[forced] = ours(given, is_test, dict.fromkeys(table.ids, forced), budget_s)
    runs["lightgbm"] = peer(numbered(rows, table.ids), is_test)
    return runs


def ours(rows: pl.DataFrame, is_test: NDArray[Any], types: Any, budget_s: float) -> Run:
    """Our search, with the types that are forced."""
    target = rows.columns[-1]
    train, test = rows.filter(~pl.Series(is_test)), rows.filter(pl.Series(is_test))
    result = automl.fit(
        train, target=target, types=types, budget_s=budget_s, clock=time.process_time
    )
    figures = scored(test[target].to_numpy(), result.predict(test))
    return Run(*figures, *latency_us(result, test), dict(result.plan.encodings))


def peer(rows: pl.DataFrame, is_test: NDArray[Any]) -> Run:
    """LightGBM with its defaults."""
    x, y = rows[:, :-1].to_numpy(), rows[:, -1].to_numpy()
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    model = lightgbm.train(params, lightgbm.Dataset(x[~is_test], y[~is_test]), num_boost_round=100)
    return Run(*scored(y[is_test], model.predict(x[is_test])))


def numbered(rows: pl.DataFrame, ids: Sequence[str]) -> pl.DataFrame:
    """The rows with the number at the end of each text id in its stead."""
    texts = [name for name in ids if rows[name].dtype == pl.String]
    return rows.with_columns(pl.col(texts).str.extract(r"(\d+)$").cast(pl.Int64))


def scored(target: NDArray[Any], predicted: NDArray[np.float64]) -> tuple[float, float]:
    """Log-loss and AUC (Mann-Whitney)."""
    loss = -np.mean(np.log(np.clip(np.where(target == 1, predicted, 1 - predicted), 1e-15, 1)))
    hits = int(target.sum())
    above = rankdata(predicted)[target == 1].sum() - hits * (hits + 1) / 2
    return float(loss), float(above / hits / (len(target) - hits))


def latency_us(result: Result, test: pl.DataFrame) -> tuple[float, float]:
    """Median and 99th percentile of the processor time of 55 rows, from values to answers."""
    predictor = result.predictor
    assert predictor.encoder is not None
    forms = predictor.encoder.inputs
    values = {form.name: test[form.name].to_list() for form in forms}
    took = []
    for batch in range(BATCHES):
        begin = batch * BATCH % (test.height - BATCH)
        some = {name: column[begin : begin + BATCH] for name, column in values.items()}
        began = time.thread_time()
        predictor.predict({form.name: read_values(form, some[form.name]) for form in forms})
        took.append((time.thread_time() - began) * 1e6)
    return float(np.median(took[5:])), float(np.quantile(took[5:], 0.99))


def lines_of(name: str, runs: Sequence[dict[str, Run]]) -> list[str]:
    """A line of the table for each system."""
    losses = {system: np.array([run[system].loss for run in runs]) for system in runs[0]}
    better = min(FORCED, key=lambda forced: losses[forced].mean())
    lines = []
    for system, loss in losses.items():
        gap = loss - losses[better]
        error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.nan
        means = np.mean([[r[system].auc, r[system].p50_us, r[system].p99_us] for r in runs], axis=0)
        difference = "" if system == better else f"{gap.mean():+.4f} ± {error:.4f}"
        speed = "| |" if np.isnan(means[1]) else f"{means[1]:,.0f} | {means[2]:,.0f} |"
        label = f"--type {system}" if system in FORCED else system
        lines.append(
            f"| {name} | {label} | {loss.mean():.4f} | {means[0]:.4f} | {difference} | {speed}"
        )
    return lines


if __name__ == "__main__":
    main()
