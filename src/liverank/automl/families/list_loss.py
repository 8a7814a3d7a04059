"""The objective that sees lists, as LightGBM asks for it.

Log-loss, which fixes how likely a row is, and beside it the softmax loss of which row of its list
succeeds, which fixes their order (as in regression-compatible ranking losses; Bai et al., 2023). So
margins are log-odds without any further step. Invariant: with ``share`` 0 it is log-loss.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.matrix import Matrix
from liverank.automl.metrics.figures import row_losses
from liverank.automl.metrics.list_loss_kernel import list_gradients_kernel, list_losses_kernel
from liverank.dataset.rows import list_offsets
from liverank.errors import TrainingError

NAME = "lists"
"""The value of ``loss`` that asks for it."""
SHARE = 1.0
"""Weight of which row of a list succeeds, beside log-loss."""


class ListLoss:
    """The loss of one Matrix, whose rows begin ``beside`` what is boosted.

    Raises TrainingError where there are no lists, rows weigh differently, or the target is not 0
    or 1.
    """

    def __init__(self, matrix: Matrix, beside: float) -> None:
        if matrix.lists is None or matrix.task != "binary" or matrix.weight is not None:
            raise TrainingError(
                f'loss "{NAME}" needs a binary target, the list of each row and rows that weigh '
                "alike; train by log-loss, or give the Matrix `lists`"
            )
        self._target, self._beside = matrix.target, beside
        self._offsets = list_offsets(matrix.lists)

    def gradients(
        self, scores: NDArray[np.float64], _: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Derivatives at scores that hold the base but not ``beside``: float64[n] each."""
        margins = scores + self._beside
        first, second = list_gradients_kernel(margins, self._target, self._offsets, SHARE)
        return first, second

    def evaluate(self, scores: NDArray[np.float64], _: Any) -> tuple[str, float, bool]:
        """The mean loss of the same, named, and that larger is not better."""
        margins = scores + self._beside
        which = list_losses_kernel(margins, self._target, self._offsets)
        pointwise = row_losses(margins[:, None], self._target, "binary")
        return NAME, float((pointwise + SHARE * which).mean()), False
