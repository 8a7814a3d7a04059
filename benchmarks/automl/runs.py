"""One run: a system learns from a table's rows in a process of its own, and is judged here."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.processes import Processes
from automl.records import Record
from automl.scores import score
from automl.splits import split_drawn, split_newest
from automl.systems import HERE, SYSTEMS, InstallError
from automl.tables import Loaded, Table, load_table

PATIENCE_S = 300.0
"""A run is ended when it takes this much longer than three budgets."""


@dataclass(frozen=True)
class Prepared:
    """A table that is split: files for all systems, and what they are judged by."""

    table: Table
    loaded: Loaded
    fingerprint: str
    train: Path
    test: Path
    truth: NDArray[np.float64]
    rows: int
    constant: float

    @property
    def is_chronological(self) -> bool:
        """Whether the newest rows judge."""
        return self.loaded.at_ms is not None


def prepare_table(table: Table, folder: Path, *, seed: int) -> Prepared:
    """Split a table and write its parts under the folder."""
    loaded = load_table(table)
    if loaded.at_ms is not None:
        learn, judge = split_newest(loaded.at_ms, loaded.groups)
    else:
        learn, judge = split_drawn(
            loaded.target, loaded.groups, classes=len(loaded.classes), seed=seed
        )
    folder.mkdir(parents=True, exist_ok=True)
    train, test = folder / "train.parquet", folder / "test.parquet"
    loaded.frame[learn].write_parquet(train)
    loaded.frame[judge].drop(table.ask.target).write_parquet(test)
    truth = loaded.target[judge]
    return Prepared(
        table=table,
        loaded=loaded,
        fingerprint=table.fingerprint,
        train=train,
        test=test,
        truth=truth,
        rows=len(learn),
        constant=_constant(loaded, learn, truth),
    )


def run_system(
    processes: Processes,
    name: str,
    python: Path | InstallError,
    prepared: Prepared,
    folder: Path,
    *,
    budget_s: float,
    seed: int,
    cores: int,
    commit: str,
) -> Record:
    """Run one system in an empty folder; a run that fails is a record that says why."""
    system = SYSTEMS[name]
    folder.mkdir(parents=True)
    ask, loaded = prepared.table.ask, prepared.loaded
    task = {
        "train": str(prepared.train),
        "test": str(prepared.test),
        "target": ask.target,
        "time": ask.time,
        "group": ask.group,
        "task": loaded.task,
        "classes": list(loaded.classes),
        "budget_s": budget_s,
        "seed": seed,
        "cores": cores,
        "folder": str(folder),
        "answers": str(folder / "answers.npy"),
        "told": str(folder / "told.json"),
        "started": time.monotonic(),
        "options": system.options,
    }
    (folder / "task.json").write_text(json.dumps(task))
    if isinstance(python, InstallError):
        failed: str | None = f"not installed: {python}"
    else:
        script = HERE / "adapters" / f"{system.script}.py"
        command = [str(python), str(script), str(folder / "task.json")]
        failed = processes.run(
            command, folder / "log.txt", cores=cores, most_s=3 * budget_s + PATIENCE_S
        )
    told: dict[str, Any] = {}
    scores: dict[str, float | None] = {}
    if failed is None:
        told = json.loads((folder / "told.json").read_text())
        try:
            found = score(np.load(folder / "answers.npy"), prepared.truth)
            scores = {name: value if np.isfinite(value) else None for name, value in found.items()}
        except ValueError as error:
            failed = str(error)
    return Record(
        table=prepared.table.name,
        fingerprint=prepared.fingerprint,
        system=name,
        budget_s=budget_s,
        seed=seed,
        cores=cores,
        split="chronological" if prepared.is_chronological else "shuffled",
        task=loaded.task,
        rows=prepared.rows,
        test_rows=len(prepared.truth),
        columns=loaded.frame.width - 1,
        commit=commit,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        failed=failed,
        scores=scores,
        constant=prepared.constant,
        **(told if failed is None else {}),
    )


def _constant(loaded: Loaded, learn: NDArray[np.int64], truth: NDArray[np.float64]) -> float:
    """The loss of the answer that knows no column."""
    known = loaded.target[learn]
    if loaded.classes:
        shares = np.bincount(known.astype(np.int64), minlength=len(loaded.classes)) / len(known)
        return score(np.tile(shares, (len(truth), 1)), truth)["log_loss"]
    return score(np.full(len(truth), known.mean()), truth)["rmse"]
