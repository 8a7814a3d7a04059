"""The plan of a proof: its size, its length, and the true values that it measures."""

import msgspec

from liverank.errors import ConfigError, ProofError
from liverank.quantities import duration_ms
from liverank.simulator.world.world import START_MS


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof on one seed."""

    seed: int = 1
    people: int = 2000
    start_ms: int = START_MS
    """Start of the world in Unix ms."""
    days_before: int = 14
    """Number of days on "most popular", whose log is the training data."""
    days_of_test: int = 14
    budget: str = "20s"
    """Time budget of the model search, as in ``[training] budget``."""
    step_ms: int = 600_000
    """Simulated time between two rounds of requests for lists. A shorter one takes more requests; a
    longer one is a disadvantage for policies that use the last minutes."""
    shown: int = 20
    """Number of rooms in a list."""
    truth_on_server: bool = True
    """Whether to run everybody on the control, and everybody on the model, on real servers.
    Otherwise the model's true values, the coverage and the oracle shares are unknown."""
    truth_in_process: bool = True
    """Whether to run random order, heuristics and oracles; otherwise oracle shares are unknown."""

    @property
    def days(self) -> int:
        """Number of days of the world."""
        return self.days_before + self.days_of_test


def checked(plan: Plan) -> Plan:
    """The plan, unless it is invalid: then raises ProofError.

    >>> checked(Plan(days_of_test=1))
    Traceback (most recent call last):
    liverank.errors.ProofError: `days_of_test` is 1; a metric by day needs 2 or more
    """
    if plan.days_of_test < 2:
        raise ProofError(f"`days_of_test` is {plan.days_of_test}; a metric by day needs 2 or more")
    if plan.days_before < 1:
        raise ProofError(f"`days_before` is {plan.days_before}; a model needs 1 or more to learn")
    try:
        duration_ms(plan.budget)
    except ConfigError as error:
        raise ProofError(f"`budget` is {error}") from None
    return plan
