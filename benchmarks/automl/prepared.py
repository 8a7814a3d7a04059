"""A table made ready for all systems: rows to learn from in one file, rows to answer in another.

Invariant: the held-back target is in neither file.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from automl.scores import score
from automl.splits import split_drawn, split_newest
from automl.tables import Loaded, Table, load_table


class Prepared(NamedTuple):
    """Files for all systems, and what they are judged by.

    truth     float64[test rows], the class by number, or the value
    rows      to learn from
    columns   without the target
    constant  the loss of the answer that knows no column: the share, or mean, of the rows learned
    """

    table: Table
    is_chronological: bool
    task: str
    classes: tuple[str, ...]
    train: Path
    test: Path
    truth: NDArray[np.float64]
    rows: int
    columns: int
    constant: float


def prepare_table(table: Table, folder: Path, *, seed: int) -> Prepared:
    """Split a table and write its parts under the folder. Raises what ``load_table`` does."""
    loaded = load_table(table)
    if loaded.at_ms is not None:
        learn, holdout = split_newest(loaded.at_ms, loaded.groups)
    else:
        learn, holdout = split_drawn(
            loaded.target, loaded.groups, classes=len(loaded.classes), seed=seed
        )
    folder.mkdir(parents=True)
    train, test = folder / "train.parquet", folder / "test.parquet"
    loaded.frame[learn].write_parquet(train)
    loaded.frame[holdout].drop(table.ask.target).write_parquet(test)
    truth = loaded.target[holdout]
    return Prepared(
        table=table,
        is_chronological=loaded.at_ms is not None,
        task=loaded.task,
        classes=loaded.classes,
        train=train,
        test=test,
        truth=truth,
        rows=len(learn),
        columns=loaded.frame.width - 1,
        constant=_constant(loaded, learn, truth),
    )


def _constant(loaded: Loaded, learn: NDArray[np.int64], truth: NDArray[np.float64]) -> float:
    known = loaded.target[learn]
    if loaded.classes:
        shares = np.bincount(known.astype(np.int64), minlength=len(loaded.classes)) / len(known)
        return score(np.tile(shares, (len(truth), 1)), truth)["log_loss"]
    return score(np.full(len(truth), known.mean()), truth)["rmse"]
