"""The start and the end of a fit of boosted trees, shared by the libraries that run the rounds.

Invariant: the returned forests are in the target's own scale and include the level that boosting
started from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.early_stopping import Stopping, most_rounds
from liverank.automl.families.preparation import (
    even_weight,
    level_of,
    scaled_target,
    start_scores,
)
from liverank.models.forest.forest import Forest


class BoostingData(NamedTuple):
    """The arrays that libraries take, n entries each; None for no weights or no base."""

    target: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    start: NDArray[np.float64] | None
    """Margins that boosting starts from."""


@dataclass(frozen=True, eq=False)
class BoostingRun:
    """One fit: its rows, when it stops, and the level of margins that it starts from."""

    train: Matrix
    validation: Matrix | None
    stopping: Stopping
    most_rounds: int
    level: float

    def data(self, matrix: Matrix) -> BoostingData:
        """Training or validation rows, the target in the scale of the training rows."""
        target = scaled_target(matrix, like=self.train).target
        return BoostingData(target, even_weight(matrix), start_scores(matrix, self.level))

    def kept(self, rounds_run: int) -> int:
        """Rounds to keep: the best by the validation rows, or all without them."""
        return self.stopping.best_rounds or rounds_run

    def fit(
        self, forests: Iterable[Forest], gains: NDArray[np.float64], *, kept: int, rounds_run: int
    ) -> Fit:
        """The trained model; ``forests`` have one margin each, ``gains`` are float64[f]."""
        _, scale, shift = scaled_target(self.train)
        return Fit(
            parts=tuple(forest.rescaled(scale, shift + self.level) for forest in forests),
            rounds=kept,
            rounds_run=rounds_run,
            out_of_time=self.stopping.out_of_time,
            gains=gains,
            losses=np.array(self.stopping.losses, np.float64),
        )


def start_boosting(
    train: Matrix,
    validation: Matrix | None,
    *,
    learning_rate: float,
    deadline: Deadline,
    rounds: int | None,
    level: float | None = None,
) -> BoostingRun:
    """Prepare a fit; ``level`` is for a loss whose average the library does not compute.

    Raises TrainingError where neither ``rounds`` nor validation rows end the fit.
    """
    return BoostingRun(
        train=train,
        validation=validation,
        stopping=Stopping(deadline, learning_rate),
        most_rounds=most_rounds(rounds, learning_rate, may_stop=validation is not None),
        level=level_of(train) if level is None else level,
    )
