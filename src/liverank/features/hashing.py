"""Ids as 64-bit hashes: the only form in which kernels refer to entities.

XXH3 of the UTF-8 text; 0 is reserved for "no id". The probability of a collision among ten million
ids is 3e-6 (birthday bound n^2 / 2^65).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import xxhash
from numpy.typing import NDArray


def hash_id(text: str) -> int:
    """The unsigned 64-bit hash of an id, never 0.

    >>> hash_id("room9") == hash_id("room9") != hash_id("room8")
    True
    """
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) or 1


def hash_ids(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes of a sequence of ids, ``uint64[n]``."""
    return np.fromiter(map(hash_id, texts), np.uint64, len(texts))


def hash_column(column: pl.Series) -> NDArray[np.uint64]:
    """Hashes of a string column, ``uint64[n]``; null is 0. Each distinct text is hashed once.

    >>> [int(h) == hash_id("a") for h in hash_column(pl.Series(["a", None, "a"]))]
    [True, False, True]
    """
    if len(column) == 0:
        return np.empty(0, np.uint64)
    present = column.drop_nulls()
    distinct = present.unique()
    codes = column.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(len(distinct))
    hashes = np.append(hash_ids(distinct.to_list()), np.uint64(0))
    result: NDArray[np.uint64] = hashes[codes.to_numpy()]
    return result


def mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Other hashes, uint64[n]: the finalizer of SplitMix64 (Steele et al. 2014).

    >>> mixed(np.array([1, 2], np.uint64)).tolist()
    [6238072747940578789, 15839785061582574730]
    """
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
