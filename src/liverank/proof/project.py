"""The project folder of a proof: what a user's would hold, and copies of it for other truths.

The config is what ``liverank init`` proposes from a day of the app's events, with an experiment,
a metric and a budget appended, as a user would. Invariant: nothing in it comes from the truth.
"""

import shutil
from pathlib import Path

from liverank.proof.commands import run_command
from liverank.proof.plan import Plan
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import SURFACE, simulate, write_events
from liverank.simulator.world.world import World

EXPERIMENT, CONTROL, VARIANT = "tab", "popular", "model"
"""Names in the config."""
_CONFIG = "liverank.toml"
