"""One life of the simulated people on a real server, with faults, and looks of autopilot.

Invariant: a look sees all events and lists of the simulated time before it, and no later ones.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from liverank.simulator.faults import Fault, Faults
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.served_policy import ServedPolicy

OnShare = Callable[[float], None]
OnLook = Callable[[int], None]


def live_on_server(
    life: Life,
    project: Path,
    *,
    faults: Sequence[Fault],
    shown: int,
    seed: int,
    on_share: OnShare,
    look_ms: int | None = None,
    on_look: OnLook = lambda _at_ms: None,
    is_new: bool = True,
) -> int:
    """Live to the end on the server of a project; returns the number of lists.

    ``on_look`` is called every ``look_ms`` of simulated time, when the server has settled;
    ``is_new`` is false for a life that began earlier. Raises SimulatorError, ServingError.
    """
    broken = Faults(faults, seed=seed)
    began_ms, visited = life.at_ms, 0
    next_look_ms = life.at_ms if look_ms is None else life.at_ms + look_ms
    with (
        simulated_server(project) as address,
        ServedPolicy(address, shown=shown) as served,
    ):
        if is_new:
            served.observe(life.introduction())
        while not life.is_over:
            step = life.step()
            served.observe(broken.broken(step.events))
            if len(step.visits):
                life.react(step.visits, served.rank(step.visits))
                visited += len(step.visits)
            if look_ms is not None and life.at_ms >= next_look_ms:
                served.settle()
                on_look(int(life.at_ms))
                next_look_ms = life.at_ms + look_ms
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
