"""What the scripts beside this one have in common: what they are told, and what they hand back.

Runs in the environment of a peer, so it needs only NumPy, and pandas to read rows. A script is
called with the path of a task (JSON) and leaves two files: ``answers`` (.npy) and ``told`` (JSON).
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 55
_MOST_BATCHES = 400
_LONGEST_S = 4.0


@dataclass(frozen=True)
class Task:
    """What a script is told.

    task     binary, multiclass or regression
    classes  names of the classes in the order of the answers' columns
    train    a Parquet file with the column ``target``; ``test`` is one without it
    time     its column, by which the rows of both are in order; or None
    group    rows that stay together; or None
    started  ``time.monotonic`` before this process began
    options  which of the system's settings, where it has several
    """

    train: str
    test: str
    target: str
    time: str | None
    group: str | None
    task: str
    classes: list[str]
    budget_s: float
    seed: int
    cores: int
    folder: str
    answers: str
    told: str
    started: float
    options: dict[str, Any] = field(default_factory=dict)

    def seconds(self) -> float:
        """How long the script has run, imports included."""
        return time.monotonic() - self.started


@dataclass(frozen=True)
class Fitted:
    """What a system has made.

    predict     rows in the form that it takes: float[n, k] for ``classes``, or float[n] of values
    prepare     a table (pandas) to that form
    size_bytes  of what must be kept to predict
    claimed     its own validation loss (log-loss, or root of the mean squared error)
    details     anything else worth keeping
    """

    predict: Callable[[Any], Any]
    prepare: Callable[[Any], Any]
    classes: list[str]
    size_bytes: int
    claimed: float | None
    version: str
    details: dict[str, Any] = field(default_factory=dict)


def compete(fit: Callable[[Task, Any], Fitted]) -> None:
    """Fit, answer, measure, and hand back."""
    task = Task(**json.loads(Path(sys.argv[1]).read_text()))
    train = read_rows(task.train)
    fitted = fit(task, train)
    seconds = task.seconds()
    test = read_rows(task.test)
    if task.group is not None:
        test = test.drop(columns=task.group)
    rows = fitted.prepare(test)
    answers = np.asarray(fitted.predict(rows), np.float64)
    np.save(task.answers, in_order(answers, fitted.classes, task.classes))
    told = {
        "seconds": seconds,
        "claimed": fitted.claimed,
        "size_mb": fitted.size_bytes / 1e6,
        "version": fitted.version,
        "details": fitted.details,
        **latency(fitted.predict, rows),
    }
    Path(task.told).write_text(json.dumps(told))


def read_rows(path: str) -> Any:
    """A table (pandas); lists, which no peer takes, become text."""
    import pandas as pd

    frame = pd.read_parquet(path)
    for name in frame.columns:
        if frame[name].map(lambda value: isinstance(value, np.ndarray)).any():
            frame[name] = frame[name].map("|".join, na_action="ignore")
    return frame


def in_order(answers: Any, classes: list[str], wanted: list[str]) -> Any:
    """Columns in the order of the classes wanted; one that was never seen gets nothing.

    Two classes may come as the share of the second alone.
    """
    if not wanted:
        return answers.reshape(-1)
    if answers.ndim == 1:
        answers = np.column_stack([1 - answers, answers])
    ordered = np.zeros((len(answers), len(wanted)))
    for place, name in enumerate(classes):
        ordered[:, wanted.index(name)] = answers[:, place]
    return ordered


def hold_back(task: Task, rows: int, group: Any = None, share: float = 0.2) -> tuple[Any, Any]:
    """Places of the rows that train and of those that stop training early, 20 %.

    The newest where rows have a time, else drawn; whole groups.
    """
    names = np.arange(rows) if group is None else np.asarray(group)
    _, first, codes = np.unique(names, return_index=True, return_inverse=True)
    begin = (1 - share) * rows
    if task.time is not None:
        held = first[codes] >= first[codes[min(int(begin), rows - 1)]]
    else:
        drawn = np.random.default_rng(task.seed).permutation(len(first))
        upto = np.cumsum(np.bincount(codes)[drawn])
        held = np.isin(codes, drawn[upto > begin])
    return np.flatnonzero(~held), np.flatnonzero(held)


def latency(predict: Callable[[Any], Any], rows: Any) -> dict[str, float]:
    """Microseconds of a batch of 55 rows: median and 99th percentile."""
    take = rows.iloc if hasattr(rows, "iloc") else rows
    batches = [take[first : first + BATCH] for first in range(0, len(rows) - BATCH + 1, BATCH)]
    if not batches:
        batches = [rows]
    for batch in batches[:5]:
        predict(batch)
    took = []
    began = time.perf_counter()
    for turn in range(_MOST_BATCHES):
        before = time.perf_counter()
        predict(batches[turn % len(batches)])
        took.append(time.perf_counter() - before)
        if time.perf_counter() - began > _LONGEST_S:
            break
    return {
        "batch_us": float(np.median(took)) * 1e6,
        "batch_p99_us": float(np.quantile(took, 0.99)) * 1e6,
    }
