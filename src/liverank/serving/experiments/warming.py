"""Compiling what experiments run, or loading it from the cache, before anybody waits for it."""

import numpy as np

from liverank.features.state.state import State
from liverank.features.state.user_fields import UserFields
from liverank.serving.experiments.arm_table import ArmTable


def warm_up_experiments(state: State) -> None:
    """Count, read and look somebody up once; nothing is kept."""
    table = ArmTable(half_life_ms=1000.0)
    one = np.ones(1, np.uint64)
    table.add(one, one, np.zeros(1))
    table.read(1, one, at_ms=0.0)
    table.close()
    UserFields(state, ()).of("-")
