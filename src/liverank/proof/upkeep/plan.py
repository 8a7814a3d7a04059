"""The plan of a proof of upkeep: its world, its length, and what breaks in the middle of it."""

import msgspec

from liverank.errors import ConfigError, ProofError
from liverank.quantities import duration_ms
from liverank.simulator.faults import Fault, FaultKind
from liverank.simulator.world.world import DAY_MS, START_MS


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault by days since the start of the world."""

    kind: FaultKind
    from_day: float
    days: float

    def fault(self, start_ms: int) -> Fault:
        """The fault in simulated Unix ms."""
        from_ms = start_ms + int(self.from_day * DAY_MS)
        return Fault(kind=self.kind, from_ms=from_ms, to_ms=from_ms + int(self.days * DAY_MS))


class UpkeepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof of upkeep on one seed."""

    seed: int = 1
    people: int = 700
    days: int = 90
    start_ms: int = START_MS
    budget: str = "20s"
    """Time budget of each model search, as in ``[training] budget``."""
    retrain: str = "6d"
    judge_on: str = "2d"
    shadow: str = "3h"
    canary: str = "1d"
    canary_share: float = 0.2
    holdout: float = 0.1
    """Share of people on the heuristic, whom the letters compare with."""
    step_ms: int = 600_000
    look_ms: int = 3_600_000
    """Simulated time between two looks of autopilot."""
    shown: int = 20
    faults: tuple[PlannedFault, ...] = ()


def default_faults(days: int) -> tuple[PlannedFault, ...]:
    """Two faults in the middle of so many days.

    >>> [(fault.kind, fault.from_day) for fault in default_faults(90)]
    [('no_impressions', 38), ('bot', 52)]
    """
    return (
        PlannedFault(kind="no_impressions", from_day=round(0.42 * days), days=2),
        PlannedFault(kind="bot", from_day=round(0.58 * days), days=2),
    )


def checked(plan: UpkeepPlan) -> UpkeepPlan:
    """The plan, unless it is invalid: then raises ProofError.

    >>> checked(UpkeepPlan(days=5))
    Traceback (most recent call last):
    liverank.errors.ProofError: `days` is 5; a letter is about a week, so give 14 or more
    """
    if plan.days < 14:
        raise ProofError(f"`days` is {plan.days}; a letter is about a week, so give 14 or more")
    for name in ("budget", "retrain", "judge_on", "shadow", "canary"):
        try:
            duration_ms(getattr(plan, name))
        except ConfigError as error:
            raise ProofError(f"`{name}` is {error}") from None
    return plan


def config_of(plan: UpkeepPlan) -> str:
    """What the config of the simulated product has besides what ``liverank init`` proposes."""
    return f"""
[training]
budget = "{plan.budget}"

[autopilot]
retrain = "{plan.retrain}"
judge_on = "{plan.judge_on}"
shadow = "{plan.shadow}"
canary = "{plan.canary}"
canary_share = {plan.canary_share}
holdout = {plan.holdout}
"""
