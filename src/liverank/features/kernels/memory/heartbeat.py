"""The kernel that shows waiting readers that a batch is still being folded."""

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import HEADER_VERSION

_STEPS = (1 << 18) - 1


@compiled
def show_progress(store, step):
    """Change the version every 2**18 steps of a long kernel; it stays odd."""
    if step & _STEPS == _STEPS:
        store.header[HEADER_VERSION] += 2
