"""What training rows have in addition to columns: the target, and what limits who may see it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TrainingTarget:
    """The target of n rows, with the times, groups and weights of the rows.

    values   float64[n], class numbers where there are several classes
    classes  how many margins a row has: the number of classes for multiclass, else 1
    at_ms    float64[n], Unix milliseconds, for targets that become known in time; None otherwise
    gap_ms   how long a target takes to become known
    groups   int64[n], rows that must not see each other's targets; None where each is separate
    weight   float64[n]; None where all rows weigh 1
    """

    values: NDArray[np.float64]
    classes: int = 1
    at_ms: NDArray[np.float64] | None = None
    gap_ms: float = 0.0
    groups: NDArray[np.int64] | None = None
    weight: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.values)
