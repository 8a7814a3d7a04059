"""Options of a search, the same for tables and rankings."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from liverank.automl.budget import Clock, Deadline, StopToken
from liverank.automl.data.horizon import Horizon
from liverank.automl.deployment.option import Limits
from liverank.automl.search.search import OnTrial
from liverank.automl.trials.plan import Plan

SERVING_US = 20.0
"""Default limit of a deployed model's scoring time, in microseconds a row."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Options of a search.

    budget_s      seconds of wall time, everything included
    serving_us    microseconds that a row may take, in batches of 55 on one core
    validation    share of the rows, the newest where they have a time, that is not trained on: one
                  half chooses between models and the other evaluates the result
    gap_ms        how long after a row its label is known
    horizon       how far ahead the model will be used; None for the length of the holdout
    seed          seed of all random draws
    families      names of the families to try; None for all
    plan          plan of an earlier search, to run again
    memory_bytes  memory that the search may use; None for all that is free
    on_trial      called after each trial
    clock         seconds that only rise
    stop          ends the search early, with the best so far
    started_s     reading of the clock from which the budget counts; None for the start of the call
    after_s       seconds of the budget that are left to the caller, to write the result
    """

    budget_s: float = 60.0
    serving_us: float = SERVING_US
    validation: float = 0.2
    gap_ms: float = 0.0
    horizon: Horizon | None = None
    seed: int = 0
    families: Sequence[str] | None = None
    plan: Plan | None = None
    memory_bytes: int | None = None
    on_trial: OnTrial | None = None
    clock: Clock = time.monotonic
    stop: StopToken = field(default_factory=StopToken)
    started_s: float | None = None
    after_s: float = 0.0

    @property
    def limits(self) -> Limits:
        """Limits of the deployed model's scoring time and size."""
        return Limits(us_per_row=self.serving_us)

    def deadline(self, at_s: float) -> Deadline:
        """A deadline on the clock of the search; the stop token of the search ends it."""
        return Deadline(at_s, self.clock, self.stop)
