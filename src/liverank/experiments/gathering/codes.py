"""Texts as small whole numbers, the same in every frame of the log."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

NONE = -1
"""The code of what is missing."""


class Codes:
    """Gives each distinct text the next number, from 0 in the order of their coming.

    Texts are compared whole, so that two never share a number.

    >>> codes = Codes()
    >>> (
    ...     codes.of(pl.Series(["a", "b", None, "a"])).tolist(),
    ...     codes.of(pl.Series(["c", "b"])).tolist(),
    ... )
    ([0, 1, -1, 0], [2, 1])
    >>> len(codes), codes.texts()
    (3, ['a', 'b', 'c'])
    """

    def __init__(self) -> None:
        self._type = pl.Categorical(pl.Categories.random())
        # polars forgets the texts of categories that no series refers to
        self._held = pl.Series([], dtype=pl.String).cast(self._type)
        self._count = 0

    def of(self, texts: pl.Series) -> NDArray[np.int32]:
        """The codes of a String column, ``int32[n]``; NONE for null."""
        coded = texts.cast(self._type)
        codes: NDArray[np.int32] = coded.to_physical().cast(pl.Int32).fill_null(NONE).to_numpy()
        if len(codes):
            self._count = max(self._count, int(codes.max()) + 1)
        return codes

    def texts(self) -> list[str]:
        """All texts so far, in the order of their codes."""
        numbers = pl.Series(range(self._count), dtype=pl.UInt32)
        return numbers.cat.to(self._type).cast(pl.String).to_list()

    def __len__(self) -> int:
        return self._count
