"""Yields the events of a world in time order, with a policy that ranks the lists.

Invariant: before each ranking the policy has observed exactly the events before it; the same world,
policy and seed give the same events.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from liverank.events.event import Event, Ranking
from liverank.events.wire import encode_event
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.world.world import World

SURFACE = "live_tab"
SHOWN = 20
"""Number of items of a list that are shown."""


def simulate(
    world: World, *, policy: Policy, seed: int, days: int | None = None, shown: int = SHOWN
) -> Iterator[Event]:
    """Yield all events of the world's first ``days`` (all of them by default), in time order.

    At each visit the policy orders the live items, its first ``shown`` items are the ranking, and
    the person reacts. Raises SimulatorError if the world does not last that long.

    >>> from liverank.simulator.policies.random_order import RandomOrder
    >>> from liverank.simulator.world.world import build_world
    >>> world = build_world(7, people=50, days=1)
    >>> first = next(simulate(world, policy=RandomOrder(world), seed=1))
    >>> first.user, sorted(first.fields)
    ('u0', ['country', 'language', 'time_zone'])
    """
    return play(Life(world, seed=seed, days=days, shown=shown), policy, shown=shown)


def play(life: Life, policy: Policy, *, shown: int = SHOWN) -> Iterator[Event]:
    """Yield all events of a life from its beginning to its end, like ``simulate``.

    For policies that read the life (oracles), and for callers that need its true counts.
    """
    introduction = life.introduction()
    policy.observe(introduction)
    yield from introduction
    del introduction
    while not life.is_over:
        step = life.step()
        policy.observe(step.events)
        yield from step.events
        visits = step.visits
        if len(visits) == 0:
            continue
        lists = policy.rank(visits)
        rankings = [
            Ranking(
                time=visits.at_ms, id=name, user=user, items=list(items[:shown]), surface=SURFACE
            )
            for name, user, items in zip(visits.rankings, visits.users, lists, strict=True)
        ]
        policy.observe(rankings)
        yield from rankings
        life.react(visits, lists)


def write_events(path: Path, events: Iterable[Event]) -> int:
    """Write events as canonical JSON lines and return their number."""
    number = 0
    with path.open("wb") as lines:
        for event in events:
            lines.write(encode_event(event))
            lines.write(b"\n")
            number += 1
    return number
