"""The sample-ratio check: how often it is right, and how often it cries wolf."""

import numpy as np

from liverank.experiments.statistics.sample_ratio import (
    ALARM,
    sample_ratio,
    sequential_sample_ratio,
)

SHARES = (0.501, 0.505, 0.51, 0.52)
UNITS = (1_000, 10_000, 100_000, 1_000_000)


def split_power(*, draws: int, seed: int) -> dict[tuple[float, int], tuple[float, float]]:
    """For a variant's true share and a number of units, how often a broken split is seen.

    By one look at the end, and by 28 looks on the way, when half was planned.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for share in (0.5, *SHARES):
        for units in UNITS:
            once = looking = 0
            for _ in range(draws):
                counts = _daily(units, share, rng)
                once += sample_ratio(counts[-1].tolist(), [1, 1]) < ALARM
                looking += sequential_sample_ratio(counts, [1, 1])[-1] < ALARM
            found[share, units] = once / draws, looking / draws
    return found


def false_alarms(*, level: float, draws: int, seed: int, days: int = 28) -> tuple[float, float]:
    """How often a sound split falls below ``level`` on any day: the sequential check, the plain."""
    rng = np.random.default_rng(seed)
    ours = naive = 0
    for _ in range(draws):
        counts = _daily(50_000, 0.5, rng, days)
        ours += sequential_sample_ratio(counts, [1, 1])[-1] < level
        naive += min(sample_ratio(day.tolist(), [1, 1]) for day in counts) < level
    return ours / draws, naive / draws


def _daily(units: int, share: float, rng: np.random.Generator, days: int = 28) -> np.ndarray:
    """Totals of the arms by each day, ``int64[days, 2]``."""
    new = rng.multinomial(units, np.full(days, 1 / days))
    variant = rng.binomial(new, share)
    return np.cumsum(np.column_stack([new - variant, variant]), axis=0)
