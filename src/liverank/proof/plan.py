"""What a proof is to do: how large a world, for how long, and which truths to look up."""

import msgspec

from liverank.errors import ConfigError, ProofError
from liverank.quantities import duration_ms
from liverank.simulator.world.world import START_MS


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A proof on one seed."""

    seed: int = 1
    people: int = 2000
    start_ms: int = START_MS
    """When the world begins, in Unix ms."""
    days_before: int = 14
    """Days on "most popular", whose log the model is trained on."""
    days_of_test: int = 14
    budget: str = "20s"
    """Of the search for a model, as in ``[training] budget``."""
    step_ms: int = 600_000
    """Simulated time between two moments at which lists are asked for. A shorter one costs more
    rounds with the server; a longer one holds back policies that go by the last minutes."""
    shown: int = 20
    """Rooms of a list."""
    truth_on_server: bool = True
    """Whether everybody on the control and everybody on the model are run through real servers;
    without it no truth of the model is known, and neither coverage nor shares are."""
    truth_in_process: bool = True
    """Whether random, the heuristics and the oracle are run; without it no share is known."""

    @property
    def days(self) -> int:
        """Days of the world."""
        return self.days_before + self.days_of_test


def checked(plan: Plan) -> Plan:
    """The plan, if it can be run. Raises ProofError.

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
