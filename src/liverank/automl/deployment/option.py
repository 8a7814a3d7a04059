"""Models that could be deployed, and the limits that they must keep."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liverank.automl.deployment.distillation import Shape
from liverank.models.predictor import Term

MOST_MB = 4.5
"""Megabytes that the parts of a deployed model may take."""
_GROWTH = 1.4
"""A model that is trained again on all rows has more trees, and some batches take longer."""

Kind = Literal["full_ensemble", "fast_ensemble", "single", "student"]
"""The whole ensemble, a faster one, one trial's model, or a student of the ensemble."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What scoring a deployed model may cost."""

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

    weights       float64[trials], of the ensemble, or of the one that taught the student
    terms         the parts that are summed
    us_per_row    microseconds, in batches of 55 on one core
    loss          on the validation rows of the last fold
    teacher_loss  of the whole ensemble on the same rows
    shape         of a student; None for an ensemble
    rounds        that the student kept
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

    def fits(self, limits: Limits) -> bool:
        """Whether it will keep the limits; a student's size does not change when it is retrained.

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
