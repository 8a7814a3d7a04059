"""One world and its lives under three policies, for several files of tests."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from liverank.events.event import Event, Interaction, Ranking
from liverank.simulator.life.life import Life
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play
from liverank.simulator.world.world import World, build_world

if TYPE_CHECKING:
    from liverank.simulator.policies.contract import Policy


@cache
def world() -> World:
    return build_world(11, people=800, days=4)


@cache
def life(policy: str = "random") -> tuple[Life, tuple[Event, ...]]:
    policies: dict[str, Callable[[Life], Policy]] = {
        "random": lambda life: RandomOrder(life.world, seed=1),
        "popular": lambda life: MostPopular(life.world, spread=1.0, seed=1),
        "oracle": Oracle,
    }
    life = Life(world(), seed=2, record_chances=policy == "random")
    return life, tuple(play(life, policies[policy](life)))


def events(policy: str = "random") -> tuple[Event, ...]:
    return life(policy)[1]


def interactions(kind: str, policy: str = "random") -> list[Interaction]:
    return [e for e in events(policy) if isinstance(e, Interaction) and e.type == kind]


def rankings(policy: str = "random") -> dict[str, Ranking]:
    return {e.id: e for e in events(policy) if isinstance(e, Ranking)}
