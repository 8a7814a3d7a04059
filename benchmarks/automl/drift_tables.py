"""Tables whose rows change as time passes, made up: inputs, base rate and concept, in several ways.

Invariant: the same seed makes the same bytes; rows are in the order of their time, ``at``.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS = 15_000
_FIRST_MS = 1_577_836_800_000
_HOUR_MS = 3_600_000


def prior_gradual(seed: int, n: int = ROWS) -> pl.DataFrame:
    """The base rate rises from 6 % to 25 % and more, for reasons that no column knows.

    >>> table = prior_gradual(1, 1000)
    >>> float(table["y"][:500].mean()) < float(table["y"][500:].mean())
    True
    """
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6))
    share = np.linspace(0, 1, n)
    level = -3.4 + 2.6 * share**2 + _walk(generator, n, 0.6)
    margin = level + 0.9 * x[:, 0] - 0.6 * x[:, 1] + 0.5 * (x[:, 2] > 0.5)
    return _table(generator, x, margin)


def covariate_sudden(seed: int, n: int = ROWS) -> pl.DataFrame:
    """Inputs move to other values in steps, and a column counts on; the effect is a curve."""
    generator = np.random.default_rng(seed)
    step = np.arange(n) * 8 // n
    centre = generator.normal(0, 1.6, (8, 5))[step]
    x = centre + generator.normal(size=(n, 5))
    margin = 1.2 * np.sin(x[:, 0]) + 0.7 * np.tanh(x[:, 1]) - 0.4 * x[:, 2] * (x[:, 3] > 0)
    return _table(generator, x, margin, counter=np.arange(n) * 1.0)


def concept_sudden(seed: int, n: int = ROWS) -> pl.DataFrame:
    """The sum of two inputs decides, by a threshold that jumps; some labels are wrong (SEA)."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 10, (n, 3))
    threshold = np.array([8.0, 9.5, 7.0, 9.0, 6.5, 10.0, 8.5])[np.arange(n) * 7 // n]
    margin = np.where(x[:, 0] + x[:, 1] <= threshold, 2.2, -2.2)
    return _table(generator, x, margin)


def concept_gradual(seed: int, n: int = ROWS) -> pl.DataFrame:
    """The direction that decides turns round slowly (a rotating hyperplane)."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6))
    angle = np.linspace(0, 1.3 * np.pi, n)
    margin = 1.8 * (np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1]) + 0.5 * x[:, 2]
    return _table(generator, x, margin)


def concept_returning(seed: int, n: int = ROWS) -> pl.DataFrame:
    """Two concepts take turns, ten times; the past is worth as much as yesterday."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6))
    sign = np.where(np.arange(n) * 10 // n % 2 == 0, 1.0, -1.0)
    margin = 1.4 * sign * x[:, 0] + 0.8 * x[:, 1] - 0.6 * np.abs(x[:, 2])
    return _table(generator, x, margin)


def regimes(seed: int, n: int = 3 * ROWS) -> pl.DataFrame:
    """A market: prices wander, the outcome is whether a price is above its recent mean.

    Neighbouring rows are alike, levels of prices can be learned by heart, and do not hold later; a
    column counts the days.
    """
    generator = np.random.default_rng(seed)
    hour = np.arange(n) % 48
    day = np.arange(n) // 48
    season = np.sin(2 * np.pi * hour / 48)
    level = _walk(generator, n, 1.6)
    demand = 0.8 * season + 0.5 * _walk(generator, n, 1.0) + 0.3 * _noise(generator, n, 0.9)
    price = level + 0.9 * demand + 0.5 * _noise(generator, n, 0.8)
    over = 1.6 * (price - _recent_mean(price, 48 * 7))
    other = price * 0.7 + _walk(generator, n, 1.5)
    x = np.column_stack([price, demand, other, season, hour / 48, day % 7])
    return _table(generator, x, over, counter=day / (n / 48))


def levels_churn(seed: int, n: int = ROWS) -> pl.DataFrame:
    """Shops come and go, and what a shop does changes half-way of its life."""
    generator = np.random.default_rng(seed)
    share = np.linspace(0, 1, n)
    shop = (generator.zipf(1.4, n) % 60 + (share * 12).astype(int) * 15).astype(int)
    early, late = generator.normal(0, 1.2, (2, 400))
    x = generator.normal(size=(n, 4))
    born = (shop // 15) / 12
    effect = np.where(share - born < 0.25, early[shop], late[shop])
    table = _table(generator, x, effect + 0.7 * x[:, 0] - 0.8)
    return table.with_columns(pl.Series("shop", [f"s{each}" for each in shop]))


def steady(seed: int, n: int = ROWS) -> pl.DataFrame:
    """Nothing changes."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6))
    margin = 1.1 * x[:, 0] - 0.8 * x[:, 1] * (x[:, 2] > 0) + 0.4 * np.sin(2 * x[:, 3]) - 0.6
    return _table(generator, x, margin)


MAKERS: dict[str, Callable[[int], pl.DataFrame]] = {
    "prior_gradual": prior_gradual,
    "covariate_sudden": covariate_sudden,
    "concept_sudden": concept_sudden,
    "concept_gradual": concept_gradual,
    "concept_returning": concept_returning,
    "regimes": regimes,
    "levels_churn": levels_churn,
    "steady": steady,
}


def _table(
    generator: np.random.Generator, x: Floats, margin: Floats, counter: Floats | None = None
) -> pl.DataFrame:
    n = len(x)
    at = (_FIRST_MS + np.arange(n) * _HOUR_MS).astype(np.int64)
    columns: dict[str, object] = {"at": pl.Series(at).cast(pl.Datetime("ms"))}
    columns |= {f"x{i}": x[:, i].round(4) for i in range(x.shape[1])}
    if counter is not None:
        columns["count"] = counter.round(6)
    y = (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    return pl.DataFrame({**columns, "y": y})


def _walk(generator: np.random.Generator, n: int, size: float) -> Floats:
    """A random walk from 0 whose last value has about the standard deviation ``size``."""
    walk: Floats = np.cumsum(generator.normal(size=n)) * size / np.sqrt(n)
    return walk


def _noise(generator: np.random.Generator, n: int, memory: float) -> Floats:
    """Noise of variance 1 that remembers (an autoregression)."""
    out = np.empty(n)
    last = 0.0
    for i, step in enumerate(generator.normal(size=n) * np.sqrt(1 - memory**2)):
        last = out[i] = memory * last + step
    return out


def _recent_mean(values: Floats, window: int) -> Floats:
    """Mean of the ``window`` values before and at each."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - window, 0)
    means: Floats = (sums[ends] - sums[begins]) / (ends - begins)
    return means
