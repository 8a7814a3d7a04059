"""Models that could be deployed, and the limits of their scoring time and size."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liverank.automl.deployment.distillation import Shape
from liverank.models.predictor import Term

MOST_MB = 4.5
"""Largest size of the parts of a deployed model, in megabytes."""
_GROWTH = 1.4
"""Expected growth of time and size: retrained on all rows, a model has more trees, and some batches
take longer."""

Kind = Literal["full_ensemble", "fast_ensemble", "single", "student"]
"""The whole ensemble, a faster one, one trial's model, or a student of the ensemble."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a deployed model's scoring time and size."""

    us_per_row: float
    size_mb: float = MOST_MB

    def share(self, us_per_row: float, size_mb: float) -> float:
        """Share of the limits that a model will take once it is trained again on all rows.

        >>> round(Limits(us_per_row=20.0).share(10.0, 0.1), 3)
        0.7
        """
        return _GROWTH * max(us_per_row / self.us_per_row, size_mb / self.size_mb)


@dataclass(frozen=True, eq=False, kw_only=True)
class DeployOption:
    """A model that could be deployed, as it was trained on the last fold.

    weights       float64[trials], weights of the ensemble, or of the student's teacher
    terms         the weighted parts that are summed
    us_per_row    microseconds, in batches of 55 on one core
    loss          on the validation rows of the last fold
    teacher_loss  loss of the whole ensemble on the same rows
    shape         shape of a student; None for an ensemble
    rounds        number of rounds that the student kept
    distil_s      seconds that distilling the student took
    """

    kind: Kind
    weights: NDArray[np.float64]
    terms: tuple[Term, ...]
    us_per_row: float
    size_mb: float
    loss: float
    teacher_loss: float
    shape: Shape | None = None
    rounds: int | None = None
    distil_s: float = 0.0

    def fits(self, limits: Limits) -> bool:
        """Whether the final model will be within the limits; retraining does not enlarge a student.

        >>> option = DeployOption(
        ...     kind="single",
        ...     weights=np.ones(1),
        ...     terms=(),
        ...     us_per_row=9.0,
        ...     size_mb=0.1,
        ...     loss=0.3,
        ...     teacher_loss=0.3,
        ... )
        >>> option.fits(Limits(us_per_row=10.0)), option.fits(Limits(us_per_row=20.0))
        (False, True)
        """
        if self.shape is not None:
            return self.us_per_row <= limits.us_per_row and self.size_mb <= limits.size_mb
        return limits.share(self.us_per_row, self.size_mb) <= 1
