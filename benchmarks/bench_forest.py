"""Scoring a forest: our kernels beside LightGBM, CatBoost and ONNX Runtime, one thread each.

The same trees on the same rows, in turns, in one process; every turn scores rows that nobody has
scored before, and all margins are compared. It leans our way where lists are short: the others
check their input at each call and are built for many rows at once; a ranking is one call with few.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnxruntime

from liverank.bundle.onnx_graph import ML, Graph
from liverank.bundle.onnx_models import forest_attributes
from liverank.models.forest.forest import Forest
from liverank.models.importers.catboost import forests_from_catboost
from liverank.models.importers.lightgbm import forest_from_lightgbm

TREES, LEAVES, DEPTH, FEATURES = 500, 63, 6, 60
LIST_SIZES = (1, 8, 55, 1500)
TURNS = 60
Score = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Train once, then time all on lists of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--turns", type=int, default=TURNS, help="how often each scores a list")
    arguments = parser.parse_args()

    x, y = a_table()
    figures = []
    for name, make in (("leaf-wise", leaf_wise), ("symmetric", symmetric)):
        forest, library, theirs = make(x, y)
        contestants = {"liverank": forest.margin, library: theirs, "onnx": onnx_runtime(forest)}
        print(f"\n{name}: {forest.n_trees} trees, {FEATURES} features, median microseconds")
        print(f"{'rows':>6}" + "".join(f"{each:>12}" for each in contestants) + "  times as fast")
        for size in LIST_SIZES:
            check_agreement(contestants, size)
            times = in_turns(contestants, size, arguments.turns)
            ratios = {each: times[each] / times["liverank"] for each in list(times)[1:]}
            shown = ", ".join(f"{each} {ratio:.1f}" for each, ratio in ratios.items())
            print(f"{size:>6}" + "".join(f"{us:>12,.0f}" for us in times.values()) + f"  {shown}")
            figures.append({"forest": name, "rows": size, "us": times, "ratios": ratios})
    if arguments.out:
        arguments.out.write_text(json.dumps({"scoring": figures}, indent=2) + "\n")


def a_table() -> tuple[np.ndarray, np.ndarray]:
    """Noise in the labels keeps all leaves in use; some values are unknown."""
    generator = np.random.default_rng(0)
    x = rows_of(generator, 20_000)
    known = np.nan_to_num(x)
    signal = known[:, 0] + np.sin(known[:, 1]) * known[:, 2]
    return x, signal + generator.normal(size=len(x)) > 0


def rows_of(generator: np.random.Generator, n: int) -> np.ndarray:
    """Rows, float32[n, FEATURES], of which one value in twenty is NaN."""
    rows = generator.normal(size=(n, FEATURES)).astype(np.float32)
    rows[generator.random(rows.shape) < 0.05] = np.nan
    return rows


def leaf_wise(x: np.ndarray, y: np.ndarray) -> tuple[Forest, str, Score]:
    """Trees as LightGBM grows them, and its own prediction."""
    parameters = {"objective": "binary", "num_leaves": LEAVES, "verbosity": -1, "seed": 0}
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y), num_boost_round=TREES)

    def theirs(rows: np.ndarray) -> np.ndarray:
        return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))

    return forest_from_lightgbm(booster.model_to_string()), "lightgbm", theirs


def symmetric(x: np.ndarray, y: np.ndarray) -> tuple[Forest, str, Score]:
    """Trees as CatBoost grows them, and its own prediction."""
    model = catboost.CatBoost(
        {
            "loss_function": "Logloss",
            "iterations": TREES,
            "depth": DEPTH,
            "logging_level": "Silent",
            "allow_writing_files": False,
        }
    )
    model.fit(x, y.astype(np.float64))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        (forest,) = forests_from_catboost(path.read_bytes())

    def theirs(rows: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(rows, prediction_type="RawFormulaVal", thread_count=1))

    return forest, "catboost", theirs


def onnx_runtime(forest: Forest) -> Score:
    """The same trees as one operation on float32, which is ONNX Runtime's fastest form of them."""
    attributes = forest_attributes([forest])
    for name in ("nodes_values", "target_weights"):
        attributes[name] = attributes.pop(f"{name}_as_tensor").astype(np.float32).tolist()
    graph = Graph()
    rows = graph.input("rows", np.float32, ("n", FEATURES))
    margins = graph.add("TreeEnsembleRegressor", rows, domain=ML, **attributes)
    graph.output("margin", margins, np.float32, ("n", 1))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph.to_bytes(), options, providers=["CPUExecutionProvider"]
    )
    return lambda rows: np.asarray(session.run(None, {"rows": rows})[0]).ravel()


def check_agreement(contestants: dict[str, Score], size: int) -> None:
    """ONNX Runtime adds in float32, the others as we do."""
    rows = rows_of(np.random.default_rng(size), size)
    ours, theirs, onnx = (score(rows) for score in contestants.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours, onnx, rtol=1e-4, atol=1e-4)


def in_turns(contestants: dict[str, Score], size: int, turns: int) -> dict[str, float]:
    """Median microseconds of each, one after another in every turn, on the turn's own rows."""
    generator = np.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(turns):
        rows = rows_of(generator, size)
        for name, score in contestants.items():
            began = time.perf_counter()
            score(rows)
            times[name].append((time.perf_counter() - began) * 1e6)
    return {name: statistics.median(each) for name, each in times.items()}


if __name__ == "__main__":
    main()
