"""The list loss as a custom objective of LightGBM.

Log-loss, which calibrates the probability of a row, plus the softmax loss of which row of its list
succeeds, which improves their order (as in regression-compatible ranking losses; Bai et al., 2023).
Margins are log-odds without further calibration. Invariant: with ``SHARE`` 0 it is log-loss.
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
"""The value of the parameter ``loss`` that selects the list loss."""
SHARE = 1.0
"""Weight of the softmax loss of a list; log-loss has weight 1."""


class ListLoss:
    """The loss of one Matrix, whose margins are ``offset`` plus what is boosted.

    Raises TrainingError where there are no lists, rows have weights, or the target is not 0 or 1.
    """

    def __init__(self, matrix: Matrix, offset: float) -> None:
        if matrix.lists is None or matrix.task != "binary" or matrix.weight is not None:
            raise TrainingError(
                f'loss "{NAME}" needs a binary target, the list of each row and rows without '
                "weights; train by log-loss, or give the Matrix `lists`"
            )
        self._target, self._offset = matrix.target, offset
        self._offsets = list_offsets(matrix.lists)

    def gradients(
        self, scores: NDArray[np.float64], _: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """First and second derivatives, float64[n] each; scores hold the base, not the offset."""
        margins = scores + self._offset
        first, second = list_gradients_kernel(margins, self._target, self._offsets, SHARE)
        return first, second

    def evaluate(self, scores: NDArray[np.float64], _: Any) -> tuple[str, float, bool]:
        """The name of the loss, its mean, and that larger is not better, in LightGBM's form."""
        margins = scores + self._offset
        softmax = list_losses_kernel(margins, self._target, self._offsets)
        pointwise = row_losses(margins[:, None], self._target, "binary")
        return NAME, float((pointwise + SHARE * softmax).mean()), False
