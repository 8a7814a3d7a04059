"""Advances a life with a policy: passes events to the policy, and its lists to the people.

Invariant: the policy observes every event before it ranks at a later time; the same life and a
policy that returns the same lists give the same events.
"""

from collections.abc import Callable

from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.server.served_policy import ServedPolicy


def drive(
    life: Life,
    policy: Policy,
    *,
    until_ms: int | None = None,
    on_step: Callable[[int, int], None] = lambda _at_ms, _visits: None,
) -> int:
    """Advance by steps until the simulated time ``until_ms``, or the end of the life.

    Returns the number of visits; ``on_step`` is called with the time of each step, Unix ms, and its
    visits. A served policy has settled on return. If the life goes on later, the events after the
    last lists have not been observed yet.
    """
    visited = 0
    while not life.is_over and (until_ms is None or life.at_ms < until_ms):
        step = life.step()
        policy.observe(step.events)
        if len(step.visits):
            life.react(step.visits, policy.rank(step.visits))
            visited += len(step.visits)
        on_step(life.at_ms, len(step.visits))
    if life.is_over:
        policy.observe(life.remaining())
    if isinstance(policy, ServedPolicy):
        policy.settle()
    return visited
