"""Settings of every test."""

from hypothesis import Phase, settings

# The first example of a test may compile a kernel, so no example has a time limit of its own;
# pytest-timeout bounds the whole test.
settings.register_profile("liverank", deadline=None)
settings.load_profile("liverank")
# Where a line was broken on purpose (scripts/promises.py), the smallest example is not asked for.
settings.register_profile("promises", deadline=None, phases=[Phase.explicit, Phase.generate])
