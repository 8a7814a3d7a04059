"""Early stopping of boosting: by the loss on validation rows, or by the deadline."""

from dataclasses import dataclass, field

import numpy as np

from liverank.automl.budget import Deadline
from liverank.errors import TrainingError

_LEAST, _MOST = 500, 10_000
_PATIENCE = 30, 150


def most_rounds(rounds: int | None, learning_rate: float, *, may_stop: bool) -> int:
    """The number of rounds asked for or, with early stopping, enough for any table.

    Raises TrainingError without either.

    >>> most_rounds(7, 0.1, may_stop=False), most_rounds(None, 0.04, may_stop=True)
    (7, 1500)
    """
    if rounds is not None:
        return rounds
    if not may_stop:
        raise TrainingError("without validation rows, a fit needs the number of rounds to run")
    return int(np.clip(round(60 / learning_rate), _LEAST, _MOST))


def boosting_rounds(learning_rate: float) -> float:
    """Expected rounds with early stopping: about 10 / learning rate, plus the patience.

    >>> boosting_rounds(0.1)
    130.0
    """
    return 13.0 / learning_rate


@dataclass
class Stopping:
    """Early stopping: takes the loss after each round and decides whether to stop.

    >>> stopping = Stopping(Deadline(9.0, lambda: 4.0), learning_rate=0.1)
    >>> [stopping.is_over(loss) for loss in (0.6, 0.4, 0.5)], stopping.best_rounds
    ([False, False, False], 2)
    """

    deadline: Deadline
    learning_rate: float
    losses: list[float] = field(default_factory=list)
    out_of_time: bool = False

    def is_over(self, loss: float | None) -> bool:
        """Whether to stop after a round with this loss, which is None without validation rows."""
        if loss is not None:
            self.losses.append(loss)
        patience = int(np.clip(3 / self.learning_rate, *_PATIENCE))
        if self.losses and len(self.losses) - self.best_rounds > patience:
            return True
        self.out_of_time = self.deadline.expired()
        return self.out_of_time

    @property
    def best_rounds(self) -> int:
        """Rounds with the least loss; 0 without validation rows."""
        return int(np.argmin(self.losses)) + 1 if self.losses else 0
