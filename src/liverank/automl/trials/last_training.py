"""The last training, of the deployed model on all rows: planned for from the start of a search.

Invariant: it is skipped on purpose only where training one model takes more than half of the
budget, and the reason says what it would take.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from liverank.automl.families import FAMILIES, Family
from liverank.automl.trials.plan import Timing
from liverank.automl.trials.trial_result import TrialResult, expected_refit_s

_MOST_SHARE = 0.5
"""Share of the budget that training one model on all rows may take."""


@dataclass(frozen=True, kw_only=True)
class LastTraining:
    """The rows and the time of the last training.

    n_all     number of rows; 0 where nothing is trained again
    encode_s  expected seconds to encode them
    budget_s  budget of the whole search, in seconds
    """

    n_all: int = 0
    encode_s: float = 0.0
    budget_s: float = math.inf

    def expected_s(
        self,
        result: TrialResult,
        n_before: int,
        timings: Mapping[str, Timing],
        families: Mapping[str, Family] = FAMILIES,
    ) -> float:
        """Expected seconds of training a trial's model on all rows.

        ``n_before`` is the number of rows of the trials that use all training rows.
        """
        name = result.trial.family
        return expected_refit_s(result, families[name], n_before, self.n_all, timings.get(name))

    def is_too_long(self, seconds: float) -> bool:
        """Whether training one model takes more of the budget than it may.

        >>> last = LastTraining(n_all=1000, budget_s=60.0)
        >>> last.is_too_long(29.0), last.is_too_long(31.0)
        (False, True)
        """
        return seconds > _MOST_SHARE * self.budget_s


NO_LAST_TRAINING = LastTraining()
"""Nothing is trained again after the search."""
