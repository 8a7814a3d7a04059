"""Settings of every test."""

from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

from liverank.events import time_range

# The first example of a test may compile a kernel, so no example has a time limit of its own;
# pytest-timeout bounds the whole test.
settings.register_profile("liverank", deadline=None, max_examples=60)
# For a change that deserves more: `make test ARGS="--hypothesis-profile thorough tests/events"`
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("liverank")
# Where a line was broken on purpose (scripts/promises.py), the smallest example is not asked for.
settings.register_profile("promises", deadline=None, phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="module")
def any_time() -> Iterator[None]:
    """Events may come in with any time that the log holds, so that tests may count from 0."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_range, "FIRST_MS", 0)
        patch.setattr(time_range, "LAST_MS", 253_402_300_799_999)
        yield
