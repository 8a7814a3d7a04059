"""Training: replay past lists into rows, find a model, keep only the features that it uses."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.fit_lists import fit, warm_up
from liverank.automl.report import TrainingReport
from liverank.autopilot.gather import Frames
from liverank.config import Config
from liverank.dataset.lists import Lists
from liverank.dataset.replay import training_rows
from liverank.features.spec import FeatureSpec
from liverank.models.model import Model
from liverank.quantities import duration_ms

OnProgress = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done."""

GOLDEN_ROWS = 64


class Trained(NamedTuple):
    """A model and the features it reads; ``golden`` float32[k, features] are some real rows."""

    spec: FeatureSpec
    model: Model
    report: TrainingReport
    golden: NDArray[np.float32]


def train_on(
    lists: Lists,
    frames: Frames,
    spec: FeatureSpec,
    config: Config,
    *,
    on_progress: OnProgress | None = None,
) -> Trained:
    """Train on these past lists. Raises TrainingError and DatasetError."""
    last_seq = int(lists.reads.before[-1])
    folded = 0

    def on_fold(events: int) -> None:
        nonlocal folded
        folded += events
        if on_progress is not None:
            on_progress("replaying", min(folded / max(last_seq, 1), 1.0))

    rows = training_rows(
        frames(),
        spec,
        lists,
        max_future_ms=duration_ms(config.features.max_future),
        on_progress=on_fold,
    )
    warm_up()
    fitted = fit(
        rows,
        budget_s=config.training.budget_s,
        seed=config.training.seed,
        validation=config.training.validation,
        on_progress=on_progress,
    )
    used = fitted.model.used
    if len(used) == 0:  # nothing tells rows apart: keep one column to score by
        used = np.zeros(1, np.int64)
    kept = spec.keep({spec.names[column] for column in used})
    golden = rows.features[np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(np.int64)]
    return Trained(
        kept,
        fitted.model.keep_columns(used),
        fitted.report,
        np.ascontiguousarray(golden[:, used]),
    )
