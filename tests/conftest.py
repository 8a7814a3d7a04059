"""Settings of every test."""

from hypothesis import settings

# The first example of a test may compile a kernel, so no example has a time limit of its own;
# pytest-timeout bounds the whole test.
settings.register_profile("liverank", deadline=None)
settings.load_profile("liverank")
