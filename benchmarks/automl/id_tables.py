"""Tables with ids whose order matters, whose levels matter, both, or neither.

Invariant: the same seed makes the same bytes, and the numbers of ids say nothing but what is
described.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ids_by_order(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Accounts are numbered as they are opened: old ones buy more, whoever they are.

    >>> ids_by_order(1, 100).columns
    ['account', 'amount', 'hour', 'bought']
    """
    generator = np.random.default_rng([seed, 1])
    account = generator.integers(0, 3000, n)
    margin = 1.2 * np.cos(account / 3000 * 5) - 0.8
    return _table(generator, margin, account=account * 7 + 100_000)


def ids_by_level(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Shops have random numbers, and each its own rate.

    >>> ids_by_level(1, 100).columns
    ['outlet', 'amount', 'hour', 'bought']
    """
    generator = np.random.default_rng([seed, 2])
    outlet = generator.integers(0, 500, n)
    number = generator.permutation(100_000)[:500]
    return _table(generator, generator.normal(-1, 1.1, 500)[outlet], outlet=number[outlet])


def ids_by_both(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Older sellers do better, and each has its own rate in addition.

    >>> ids_by_both(1, 100).columns
    ['seller', 'amount', 'hour', 'bought']
    """
    generator = np.random.default_rng([seed, 3])
    seller = generator.integers(0, 600, n)
    margin = 1.5 * seller / 600 - 1.5 + generator.normal(0, 0.8, 600)[seller]
    return _table(generator, margin, seller=seller * 11 + 5)


def ids_by_neither(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Two ids that have nothing to do with the target.

    >>> ids_by_neither(1, 100).columns
    ['batch', 'box_id', 'amount', 'hour', 'bought']
    """
    generator = np.random.default_rng([seed, 4])
    batch, box = generator.integers(0, 300, n), generator.zipf(1.5, n) % 2000
    return _table(generator, np.full(n, -0.8), batch=batch, box_id=box)


def ids_in_text(seed: int, n: int = 12_000) -> pl.DataFrame:
    """Texts that end in a number: of one the order matters, of one the level, of one neither.

    >>> ids_in_text(1, 100).columns
    ['member', 'desk', 'box', 'amount', 'hour', 'bought']
    """
    generator = np.random.default_rng([seed, 5])
    member, desk = generator.integers(0, 4000, n), generator.integers(0, 300, n)
    margin = 1.2 * np.cos(member / 4000 * 5) - 0.8 + generator.normal(0, 0.9, 300)[desk]
    number = generator.permutation(10_000)[:300]
    return _table(
        generator,
        margin,
        member=np.array([f"member_{each}" for each in member]),
        desk=np.array([f"{'ABC'[each % 3]}{each}" for each in number[desk]]),
        box=np.array([f"box-{each}" for each in generator.integers(0, 900, n)]),
    )


def ids_of_clicks(seed: int, n: int = 40_000) -> pl.DataFrame:
    """Seven ids of up to 20,000 levels, as in logs of ads; a sixth of the rows are clicks.

    Queries, keywords, titles and people are numbered by how often they occur, with noise; ads and
    advertisers as they came. Few levels have enough rows for a rate of their own.

    >>> ids_of_clicks(1, 100).columns[:7]
    ['ad_id', 'advertiser_id', 'query_id', 'keyword_id', 'title_id', 'person_id', 'text_id']
    """
    generator = np.random.default_rng([seed, 6])
    ad = _popular(generator, n, 8000, 0.8)
    advertiser = (ad * 2654435761 % 8000) * 3000 // 8000
    query, keyword = _popular(generator, n, 20_000, 0.7), _popular(generator, n, 12_000, 0.8)
    title, text = _popular(generator, n, 15_000, 0.8), _popular(generator, n, 14_000, 0.8)
    person = np.where(generator.random(n) < 0.3, 0, _popular(generator, n, 20_000, 0.3))
    depth = generator.integers(1, 4, n)
    position = 1 + generator.integers(0, 3, n) % depth
    margin = (
        -1.9
        + generator.normal(0, 0.45, 8000)[ad]
        + generator.normal(0, 0.35, 3000)[advertiser]
        + 0.25 * np.cos(ad / 1800)
        - 0.22 * np.log1p(query / 400)
        - 0.15 * np.log1p(title / 700)
        + 0.12 * np.log1p(keyword / 300)
        + generator.normal(0, 0.3, 12_000)[keyword]
        + 0.35 * (person == 0)
        - 0.45 * (position - 1)
        + 0.15 * depth
    )
    return pl.DataFrame(
        {
            "ad_id": ad + 20_000_000,
            "advertiser_id": advertiser,
            "query_id": query,
            "keyword_id": keyword,
            "title_id": title,
            "person_id": person,
            "text_id": text,
            "depth": depth,
            "position": position,
            "click": (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64),
        }
    )


class IdTable(NamedTuple):
    """How a table is made from a seed, and its columns of ids. The target is the last column."""

    make: Callable[[int], pl.DataFrame]
    ids: tuple[str, ...]


ID_TABLES = {
    "order": IdTable(ids_by_order, ("account",)),
    "level": IdTable(ids_by_level, ("outlet",)),
    "both": IdTable(ids_by_both, ("seller",)),
    "neither": IdTable(ids_by_neither, ("batch", "box_id")),
    "text": IdTable(ids_in_text, ("member", "desk", "box")),
    "clicks": IdTable(
        ids_of_clicks,
        ("ad_id", "advertiser_id", "query_id", "keyword_id", "title_id", "person_id", "text_id"),
    ),
}


def _table(
    generator: np.random.Generator, margin: Floats, **ids: NDArray[np.generic]
) -> pl.DataFrame:
    """Ids, two plain numbers and a target of these log-odds and a little of the numbers."""
    n = len(margin)
    amount, hour = generator.lognormal(3, 1, n), generator.uniform(0, 24, n)
    margin = margin + 0.3 * (np.log(amount) - 3) + 0.3 * np.sin(hour / 24 * 2 * np.pi)
    hits = (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    return pl.DataFrame({**ids, "amount": amount.round(2), "hour": hour.round(2), "bought": hits})


def _popular(
    generator: np.random.Generator, n: int, levels: int, exponent: float
) -> NDArray[np.int64]:
    """Ids whose number is their rank by popularity, which falls with a power of it."""
    weights = (1.0 + np.arange(levels)) ** -exponent
    return generator.choice(levels, n, p=weights / weights.sum())
