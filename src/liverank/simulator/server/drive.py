"""Lets a life go on behind a policy: events to the policy, its lists to the people.

Invariant: the policy observes every event before it ranks at a later time; the same life and a
policy that answers alike give the same events.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liverank.simulator.life.life import Life
    from liverank.simulator.policies.contract import Policy


def drive(
    life: "Life",
    policy: "Policy",
    *,
    until_ms: int,
    on_step: Callable[[int, int], None] = lambda _at_ms, _visits: None,
) -> int:
    """Let steps pass until the simulated time ``until_ms``, Unix ms; returns the number of visits.

    ``on_step`` is told the time of each step and its visits. What happened after the last step's
    lists is observed by whoever drives on, or is in ``Life.remaining`` when the world ends.
    """
    visited, at_ms = 0, 0
    while at_ms < until_ms:
        step = life.step()
        at_ms = step.visits.at_ms
        policy.observe(step.events)
        if step.visits.users:
            life.react(step.visits, policy.rank(step.visits))
            visited += len(step.visits.users)
        on_step(at_ms, len(step.visits.users))
    return visited
