"""liverank as its users run it: ``liverank automl``, then ``liverank predict``, each by itself.

Seconds are those of the whole command. Two latencies: of the scorer, which takes features, as
LightGBM's and CatBoost's do, and of all of the bundle, from lists of values.
"""

import importlib.metadata
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from liverank.automl.data.columns import read_columns
from liverank.bundle.table_bundle import load_table_bundle

BATCH, BATCHES = 55, 400


def main() -> None:
    """Search, answer, measure, and hand back."""
    task: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    bundle = Path(task["folder"]) / "model.bundle"
    words = ["automl", task["train"], "--target", task["target"], "--task", task["task"]]
    words += ["--budget", f"{task['budget_s']:g}s", "--seed", str(task["seed"])]
    words += ["--json", "--out", str(bundle)]
    for name in ("time", "group"):
        words += [f"--{name}", task[name]] if task[name] is not None else []
    began = time.monotonic()
    found = liverank(*words)
    seconds = time.monotonic() - began
    answered = Path(task["folder"]) / "answers.parquet"
    liverank("predict", str(bundle), task["test"], "--json", "--out", str(answered))
    report = json.loads((bundle / "report.json").read_text())
    asked = report["asked"]
    answers = pl.read_parquet(answered)
    np.save(task["answers"], in_order(answers, asked["classes"], task["classes"]))
    loss = "rmse" if task["task"] == "regression" else "log_loss"
    claim = found.get("claim") or {}
    told = {
        "seconds": seconds,
        "claimed": claim["value"] if claim.get("figure") == loss else found["validation"][loss],
        "size_mb": sum(file.stat().st_size for file in bundle.iterdir()) / 1e6,
        "version": importlib.metadata.version("liverank"),
        **latencies(bundle, pl.read_parquet(task["test"])),
        "details": {
            **{name: found[name] for name in ("families", "served", "validation", "warnings")},
            "claim": claim,
            "split": report["split"]["kind"],
            "served_loss": report["held_out"][loss],
            "teacher_loss": (report["served"]["teacher"] or {}).get(loss),
        },
    }
    Path(task["told"]).write_text(json.dumps(told))


def liverank(*words: str) -> dict[str, Any]:
    """What a command prints last. Raises SystemExit with its last words when it fails."""
    command = [sys.executable, "-m", "liverank", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"liverank {words[0]}: {done.stderr.strip()[-2000:]}")
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


def in_order(answers: pl.DataFrame, classes: list[str], wanted: list[str]) -> Any:
    """Probabilities of the classes wanted, float64[n, k], or values, float64[n]."""
    if not wanted:
        return answers["prediction"].to_numpy()
    ordered = np.zeros((answers.height, len(wanted)))
    for name in classes:
        ordered[:, wanted.index(name)] = answers[f"probability_{name}"].to_numpy()
    return ordered


def latencies(bundle: Path, test: pl.DataFrame) -> dict[str, float]:
    """Microseconds of a batch of 55 rows: the scorer's, and ``encoded_`` from values on."""
    loaded = load_table_bundle(bundle)
    rows = test.select([form.name for form in loaded.inputs])
    last = max(min(rows.height, BATCH * BATCHES) - BATCH + 1, 1)
    frames = [rows[first : first + BATCH] for first in range(0, last, BATCH)]
    encoder = loaded.predictor.encoder
    assert encoder is not None
    features = [encoder.transform(read_columns(frame, loaded.inputs)) for frame in frames]
    values = [frame.to_dict(as_series=False) for frame in frames]
    scored = [timed(loaded.predictor.answers, features[i % len(frames)]) for i in range(BATCHES)]
    whole = [timed(loaded.predict, values[i % len(frames)]) for i in range(BATCHES)]
    return {
        "batch_us": float(np.median(scored[5:])),
        "batch_p99_us": float(np.quantile(scored[5:], 0.99)),
        "encoded_us": float(np.median(whole[5:])),
        "encoded_p99_us": float(np.quantile(whole[5:], 0.99)),
    }


def timed(work: Any, batch: Any) -> float:
    """Microseconds."""
    began = time.perf_counter()
    work(batch)
    return (time.perf_counter() - began) * 1e6


if __name__ == "__main__":
    main()
