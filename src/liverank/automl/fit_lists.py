"""From rows to a model, by itself, within a time budget.

    rows -> blocks of time -> trials -> blend -> calibration -> refit on all rows -> model, report

Invariant: nothing that is kept was chosen by rows it was trained on; with the same seed and enough
time the model is the same.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from liverank.automl.choice import Choice, cautious_model, choose_model
from liverank.automl.deadline import Clock, Deadline
from liverank.automl.logistic import fit_logistic
from liverank.automl.redundant import redundant_columns
from liverank.automl.report import Span, TrainingReport, installed_versions
from liverank.automl.trials import run_trials, split_blocks
from liverank.dataset.metrics import list_auc, ndcg_at
from liverank.dataset.rows import Rows
from liverank.errors import TrainingError
from liverank.models.forest import Forest, leaf_arrays, merge
from liverank.models.linear import Linear
from liverank.models.model import Model
from liverank.models.scoring import compile_kernels

Progress = Callable[[str, float], None]
"""Told what was just finished and the share of the budget used so far, 0 to 1."""

SEARCH_SHARE = 0.6
"""Of the budget; the rest is for training the chosen models again on all rows."""


@dataclass(frozen=True)
class Fitted:
    """A model and how it came to be."""

    model: Model
    report: TrainingReport


def fit(
    rows: Rows,
    *,
    budget_s: float,
    seed: int,
    validation: float = 0.2,
    on_progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> Fitted:
    """Find a model of P(label = 1) for rows in time order.

    ``budget_s`` is wall time, refit included. ``validation`` is the newest share of the rows, of
    which one half chooses between models and the other judges the result. Raises TrainingError
    when the rows do not hold both successes and failures.

    >>> generator = np.random.default_rng(0)
    >>> features = generator.normal(size=(300, 2)).astype(np.float32)
    >>> rows = Rows(
    ...     features=features,
    ...     labels=(features[:, 0] > 0).astype(np.uint8),
    ...     rankings=np.arange(300),
    ...     at_ms=np.arange(300),
    ...     names=("taste", "noise"),
    ... )
    >>> fitted = fit(rows, budget_s=1, seed=0)
    >>> fitted.model.probability(np.array([[2, 0], [-2, 0]], np.float32)).round().tolist()
    [1.0, 0.0]
    >>> next(iter(fitted.report.importance))
    'taste'
    """
    began = clock()
    deadline = Deadline(began + budget_s, clock)
    _check_classes(rows)
    redundant = redundant_columns(rows)
    kept = np.array([name not in redundant for name in rows.names])
    narrow = _columns(rows, kept)
    blocks = split_blocks(narrow, validation)
    if blocks is None:
        found = cautious_model(narrow)
    else:
        trials = []
        for trial in run_trials(blocks, seed=seed, deadline=deadline.share(SEARCH_SHARE)):
            trials.append(trial)
            if on_progress is not None:
                on_progress(trial.name, min((clock() - began) / budget_s, 1.0))
        found = choose_model(trials, blocks, narrow, deadline)
    if on_progress is not None:
        on_progress("refit", 1.0)
    columns = np.flatnonzero(kept)
    model = _assemble(found, columns, len(rows.names))
    used = tuple(rows.names[column] for column in model.used)
    shares = found.gains / found.gains.sum() if found.gains.sum() > 0 else found.gains
    order = np.argsort(-shares, kind="stable")
    report = TrainingReport(
        rows=len(rows),
        positives=rows.positives,
        seed=seed,
        budget_s=budget_s,
        seconds=clock() - began,
        fit=_span(narrow if blocks is None else blocks.fit),
        choose=None if blocks is None else _span(blocks.choose),
        judge=None if blocks is None else _span(blocks.judge),
        candidates=found.candidates,
        blend=found.members,
        calibration=found.calibration,
        scores=found.scores,
        used_features=used,
        dropped_features={
            name: redundant.get(name, "unused") for name in rows.names if name not in used
        },
        importance={narrow.names[i]: float(shares[i]) for i in order if shares[i] > 0},
        notes=found.notes,
        versions=installed_versions(),
    )
    return Fitted(model, report)


def warm_up() -> None:
    """Compile the kernels that a search runs, so that the first on a machine keeps its budget."""
    features = np.array([[0.0], [1.0], [np.nan]], np.float32)
    labels = np.array([0, 1, 0], np.uint8)
    model = Model(
        forest=Forest.from_arrays(leaf_arrays(0.0), n_features=1),
        linear=fit_logistic(features, labels, l2=1.0),
    )
    scores = model.probability(features)
    compile_kernels()
    list_auc(scores, labels, np.array([0, 3]))
    ndcg_at(10, scores, labels, np.array([0, 3]))


def _assemble(found: Choice, columns: NDArray[np.int64], n_features: int) -> Model:
    """One model that reads all columns, in the order of serving."""
    forests = [part for part in found.parts if isinstance(part, Forest)]
    linears = [part for part in found.parts if isinstance(part, Linear)]
    forest = merge(forests, [1.0] * len(forests)) if forests else None
    linear = linears[0] if linears else None
    return Model(
        forest=forest.on_columns(columns, n_features) if forest else None,
        linear=linear.on_columns(columns, n_features) if linear else None,
        slope=found.calibration.slope,
        offset=found.calibration.offset,
    )


def _span(rows: Rows) -> Span:
    return Span(
        rows=len(rows),
        positives=rows.positives,
        from_ms=int(rows.at_ms[0]),
        to_ms=int(rows.at_ms[-1]),
    )


def _check_classes(rows: Rows) -> None:
    if not 0 < rows.positives < len(rows):
        raise TrainingError(
            f"{len(rows)} rows hold {rows.positives} successes and "
            f"{len(rows) - rows.positives} failures; a model needs both: check [label] in "
            "liverank.toml and that interactions name their item and ranking"
        )


def _columns(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    if keep.all():
        return rows
    return Rows(
        features=np.ascontiguousarray(rows.features[:, keep]),
        labels=rows.labels,
        rankings=rows.rankings,
        at_ms=rows.at_ms,
        names=tuple(compress(rows.names, keep)),
        directions=tuple(compress(rows.directions, keep)),
    )
