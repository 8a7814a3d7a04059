"""One life of the simulated people on a real server, with faults, and looks of autopilot.

Invariant: a look sees all events and lists of the simulated time before it, and no later ones.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from liverank.simulator.faults import Fault, Faults
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.served_policy import ServedPolicy

OnShare = Callable[[float], None]


class ServedWorld(NamedTuple):
    """A project that a server serves, and what breaks on the way to it."""

    project: Path
    faults: Sequence[Fault]
    seed: int
    shown: int
    """Number of rooms in a list."""


class Looks(NamedTuple):
    """What happens every ``every_ms`` of simulated time, when the server has settled."""

    every_ms: int
    on_look: Callable[[int], None]


def live_on_server(
    life: Life,
    served_world: ServedWorld,
    *,
    on_share: OnShare,
    looks: Looks | None = None,
    is_new: bool = True,
) -> int:
    """Live to the end on the server of a project; returns the number of lists.

    ``is_new`` is false for a life that began earlier. Raises SimulatorError, ServingError.
    """
    broken = Faults(served_world.faults, seed=served_world.seed)
    began_ms, visited = life.at_ms, 0
    next_look_ms = began_ms if looks is None else began_ms + looks.every_ms
    with (
        simulated_server(served_world.project) as address,
        ServedPolicy(address, shown=served_world.shown) as served,
    ):
        if is_new:
            served.observe(life.introduction())
        while not life.is_over:
            step = life.step()
            served.observe(broken.broken(step.events))
            if len(step.visits):
                life.react(step.visits, served.rank(step.visits))
                visited += len(step.visits)
            if looks is not None and life.at_ms >= next_look_ms:
                served.settle()
                looks.on_look(int(life.at_ms))
                next_look_ms = life.at_ms + looks.every_ms
            on_share((life.at_ms - began_ms) / max(life.until_ms - began_ms, 1))
        served.observe(broken.broken(life.remaining()))
    return visited


def live_in_process(life: Life, policy: Policy, *, on_share: OnShare) -> None:
    """Live to the end with a policy of the simulator; faults do not reach it."""
    began_ms = life.at_ms
    policy.observe(life.introduction())
    while not life.is_over:
        step = life.step()
        policy.observe(step.events)
        if len(step.visits):
            life.react(step.visits, policy.rank(step.visits))
        on_share((life.at_ms - began_ms) / max(life.until_ms - began_ms, 1))
