"""Tables that are made up, so that the comparison runs where no data is. Each has one difficulty.

Invariant: the same seed makes the same bytes, and nothing but noise limits a perfect model.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from automl.drift_tables import MAKERS as DRIFTING
from automl.tables import Ask, Table

DAY_MS = 86_400_000
FIRST_MS = 1_577_836_800_000
SEED = 5


Maker = Callable[[int], pl.DataFrame]


def made_tables(folder: Path) -> list[Table]:
    """Write them to the folder, where they are not there yet."""
    makers: dict[str, tuple[Maker, Ask]] = {
        "made_drift": (made_drift, Ask(target="joined", time="at")),
        "made_mixed": (made_mixed, Ask(target="plan")),
        "made_prices": (made_prices, Ask(target="price")),
    }
    return _written(folder, makers)


def drifting_tables(folder: Path) -> list[Table]:
    """Write the tables of ``drift_tables`` to the folder, where they are not there yet."""
    ask = Ask(target="y", time="at")
    return _written(folder, {f"drift_{name}": (make, ask) for name, make in DRIFTING.items()})


def _written(folder: Path, makers: Mapping[str, tuple[Maker, Ask]]) -> list[Table]:
    folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for name, (make, ask) in makers.items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            make(SEED).write_parquet(path)
        tables.append(Table(name, path, ask))
    return tables


def made_drift(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Joins of rooms over 60 days: hosts come and go, the share falls, one effect turns round.

    >>> made_drift(1, 100).columns
    ['at', 'host', 'language', 'listeners', 'age_min', 'friends', 'joined']
    """
    generator = np.random.default_rng(seed)
    day = np.sort(generator.uniform(0, 60, n))
    host = (generator.zipf(1.3, n) + (day // 6).astype(int) * 25) % 600
    taste = generator.normal(0, 1.0, 600)[host]
    language = generator.choice(5, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    listeners = generator.lognormal(3, 1.2, n).round()
    age = generator.exponential(40, n)
    friends = generator.poisson(0.4, n)
    margin = (
        -1.2
        - day / 40
        + taste
        + 0.7 * np.minimum(friends, 3)
        + (0.5 - day / 60) * np.log1p(listeners) * 0.6
        - 0.01 * age
        + np.where(language == 0, 0.4, -0.3)
    )
    return pl.DataFrame(
        {
            "at": pl.Series((FIRST_MS + day * DAY_MS).astype(np.int64)).cast(pl.Datetime("ms")),
            "host": [f"u{each}" for each in host],
            "language": np.array(["en", "pt", "hi", "es", "de"])[language],
            "listeners": _with_gaps(generator, listeners, 0.05),
            "age_min": age.round(2),
            "friends": friends,
            "joined": (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64),
        }
    )


def made_mixed(seed: int, n: int = 8_000) -> pl.DataFrame:
    """Three classes by crosses of categories, numbers with gaps, and the words of a title.

    >>> sorted(made_mixed(1, 200)["plan"].unique())
    ['basic', 'gold', 'plus']
    """
    generator = np.random.default_rng(seed)
    city, job = generator.integers(0, 40, n), generator.integers(0, 12, n)
    income, age = generator.lognormal(10, 0.5, n), generator.uniform(18, 80, n)
    words = np.array(["music", "news", "sport", "talk", "games", "art", "code", "food"])
    chosen = generator.integers(0, len(words), (n, 3))
    pairs = generator.normal(0, 1, (40, 12, 3))
    margins = pairs[city, job] + 0.8 * generator.normal(0, 1, (len(words), 3))[chosen].sum(axis=1)
    margins[:, 1] += np.where((age > 30) & (income > 20_000), 1.0, -0.5)
    margins[:, 2] += (np.log(income) - 10) * (age - 50) / 12
    drawn = (margins + generator.gumbel(0, 1, margins.shape)).argmax(axis=1)
    return pl.DataFrame(
        {
            "city": [f"c{each:02}" for each in city],
            "job": [f"job {each}" for each in job],
            "income": _with_gaps(generator, income.round(), 0.1),
            "age": age.round(),
            "title": [" ".join(words[row]) for row in chosen],
            "noise": generator.normal(0, 1, n).round(4),
            "plan": np.array(["basic", "plus", "gold"])[drawn],
        }
    )


def made_prices(seed: int, n: int = 6_000) -> pl.DataFrame:
    """Friedman's first function of ten numbers, five of them idle, times a make's level.

    >>> made_prices(1, 10).width
    12
    """
    generator = np.random.default_rng(seed)
    x = generator.random((n, 10))
    make = generator.integers(0, 30, n)
    smooth = (
        10 * np.sin(np.pi * x[:, 0] * x[:, 1])
        + 20 * (x[:, 2] - 0.5) ** 2
        + 10 * x[:, 3]
        + 5 * x[:, 4]
    )
    price = np.exp(generator.normal(0, 0.4, 30))[make] * (smooth + 20) + generator.normal(0, 2, n)
    return pl.DataFrame(
        {f"x{place}": x[:, place].round(5) for place in range(10)}
        | {"make": [f"m{each}" for each in make], "price": price.round(3)}
    )


def _with_gaps(
    generator: np.random.Generator, values: NDArray[np.float64], share: float
) -> pl.Series:
    """The values, so many of them unknown."""
    hidden = generator.random(len(values)) < share
    return pl.Series(np.where(hidden, np.nan, values)).fill_nan(None)
