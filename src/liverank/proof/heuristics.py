"""The heuristics that need no model, as policies in process: the rivals of every model."""

from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.popular import HOUR_MS, MostPopular, SuccessRate
from liverank.simulator.world.world import World

MINUTE_MS = 60_000


def heuristics(world: World) -> dict[str, Policy]:
    """Popularity over three windows, and the success rate over two, by name."""
    return {
        "popular 5m": MostPopular(world, half_life_ms=5 * MINUTE_MS),
        "popular 1h": MostPopular(world, half_life_ms=HOUR_MS),
        "popular 1d": MostPopular(world, half_life_ms=24 * HOUR_MS),
        "success rate 1h": SuccessRate(world, half_life_ms=HOUR_MS),
        "success rate 1d": SuccessRate(world, half_life_ms=24 * HOUR_MS),
    }
