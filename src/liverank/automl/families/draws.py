"""Random draws used by search spaces."""

import numpy as np


def log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform.

    >>> 1 <= log_uniform(np.random.default_rng(0), 1, 100) <= 100
    True
    """
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def log_integer(generator: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included, whose logarithm is about uniform.

    >>> sorted({log_integer(np.random.default_rng(seed), 1, 3) for seed in range(50)})
    [1, 2, 3]
    """
    return int(log_uniform(generator, low, high + 1 - 1e-9))
