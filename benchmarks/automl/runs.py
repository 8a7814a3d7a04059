"""One run: a system learns from a table's rows in a process of its own, and is judged here."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from automl.prepared import Prepared
from automl.processes import Processes
from automl.records import Key, Record
from automl.scores import score
from automl.systems import HERE, SYSTEMS, InstallError

PATIENCE_S = 300.0
"""A run is ended when it takes this much longer than three budgets."""


def run_system(
    key: Key,
    python: Path | InstallError,
    prepared: Prepared,
    folder: Path,
    processes: Processes,
    *,
    commit: str,
) -> Record:
    """Run one system in an empty folder; a run that fails is a record that says why."""
    told: dict[str, Any] = {}
    load = round(os.getloadavg()[0], 2)
    if isinstance(python, InstallError):
        failed: str | None = f"not installed: {python}"
    else:
        script = HERE / "adapters" / f"{SYSTEMS[key.system].script}.py"
        task = folder / "task.json"
        task.write_text(json.dumps(_task(key, prepared, folder)))
        failed = processes.run(
            [str(python), str(script), str(task)],
            folder / "log.txt",
            cores=key.cores,
            most_s=3 * key.budget_s + PATIENCE_S,
        )
    if failed is None:
        told = json.loads((folder / "told.json").read_text())
        try:
            figures = score(np.load(folder / "answers.npy"), prepared.truth)
            told["scores"] = {
                name: value if np.isfinite(value) else None for name, value in figures.items()
            }
        except ValueError as error:
            failed = str(error)
    return Record(
        **key._asdict(),
        split="chronological" if prepared.is_chronological else "shuffled",
        task=prepared.task,
        rows=prepared.rows,
        test_rows=len(prepared.truth),
        columns=prepared.columns,
        constant=prepared.constant,
        commit=commit,
        load=load,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        failed=failed,
        **(told if failed is None else {}),
    )


def _task(key: Key, prepared: Prepared, folder: Path) -> dict[str, Any]:
    """What the scripts are told; ``adapters/harness.py`` says what it means."""
    ask = prepared.table.ask
    return {
        "train": str(prepared.train),
        "test": str(prepared.test),
        "target": ask.target,
        "time": ask.time,
        "group": ask.group,
        "task": prepared.task,
        "classes": list(prepared.classes),
        "budget_s": key.budget_s,
        "seed": key.seed,
        "cores": key.cores,
        "folder": str(folder),
        "answers": str(folder / "answers.npy"),
        "told": str(folder / "told.json"),
        "options": SYSTEMS[key.system].options,
        "started": time.monotonic(),
    }
