"""Compiles the kernels of experiments, or loads them from the cache, before requests need them."""

import numpy as np

from liverank.features.state.state import State
from liverank.features.state.user_fields import UserFields
from liverank.serving.experiments.arm_table import ArmTable


def warm_up_experiments(state: State) -> None:
    """Run each kernel of experiments once, on discarded data."""
    table = ArmTable(half_life_ms=1000.0)
    one = np.ones(1, np.uint64)
    table.add(one, one, np.zeros(1))
    table.read(1, one, at_ms=0.0)
    table.close()
    UserFields(state, ()).of("-")
