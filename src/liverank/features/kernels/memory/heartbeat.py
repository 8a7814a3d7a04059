"""The kernel that tells readers who wait for a batch to end that it is still being folded."""

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import HEADER, VERSION

_STEPS = (1 << 18) - 1


@compiled
def go_on_waiting(store, step):
    """Every so many steps of a long kernel: a version that changed, and is odd still."""
    if step & _STEPS == _STEPS:
        store[HEADER][VERSION] += 2
