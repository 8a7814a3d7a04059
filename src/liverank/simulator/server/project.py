"""Creates the project of a simulated world, with the config that ``liverank init`` proposes.

Invariant: the config depends only on the events' fields, not on the simulated truth.
"""

from pathlib import Path

from liverank.errors import SimulatorError
from liverank.events.frame import frame_of
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import simulate
from liverank.simulator.world.world import build_world

CONFIG_NAME = "liverank.toml"
_PEOPLE, _DAYS = 300, 2
"""Size of the small world from which the config is proposed: all worlds have the same fields."""


def make_project(folder: Path, *, seed: int = 0, more: str = "") -> Path:
    """Create a folder with a liverank.toml in it, and return the path of that file.

    ``more`` is appended to the file: experiments, a training budget. Raises SimulatorError if the
    folder cannot be created, or is not empty.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_used = any(folder.iterdir())
    except OSError as error:
        raise SimulatorError(f"{folder}: cannot be made: {error.strerror}") from None
    if is_used:
        raise SimulatorError(f"{folder}: is not empty; give a new folder")
    config = folder / CONFIG_NAME
    config.write_text(proposed_config(seed=seed) + more, encoding="utf-8")
    return config


def proposed_config(*, seed: int = 0) -> str:
    """The text of the liverank.toml that ``liverank init`` proposes for a simulated world."""
    world = build_world(seed, people=_PEOPLE, days=_DAYS)
    events = list(simulate(world, policy=MostPopular(world), seed=seed))
    return propose_config(profile_events([frame_of(events)]))
