"""Lets a life go on behind a policy: events to the policy, its lists to the people.

Invariant: the policy observes every event before it ranks at a later time; the same life and a
policy that answers alike give the same events.
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
    """Let steps pass until the simulated time ``until_ms``, or to the end of the life.

    Returns the number of visits; ``on_step`` is called with the time of each step, Unix ms, and its
    visits. A served policy has settled when this returns. A life that goes on later has events that
    follow from the last lists yet to be observed.
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
