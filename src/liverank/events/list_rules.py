"""Rules of the lists that a ranking holds: each item once, and as many numbers as items."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_PIECE = 8_192
"""Items of a long ranking checked at once; other threads can run between two pieces."""


def check_length(name: str, values: Sequence[float] | NDArray[np.floating], items: int) -> None:
    """Check that there is a number for each item. Raises ValueError with the path."""
    if len(values) != items:
        raise ValueError(
            f"Expected {items} numbers, one for each of `items`, got {len(values)} - at `$.{name}`"
        )


def check_vectors(vectors: bytes, scored: int) -> None:
    """Check that bytes are rows of float32, one for each scored item. Raises ValueError."""
    if not vectors or not scored or len(vectors) % (4 * scored):
        raise ValueError(
            f"Expected float32[{scored}, features], {4 * scored} bytes for each feature, got "
            f"{len(vectors)} bytes - at `$.vectors`"
        )


def check_distinct(name: str, items: Sequence[str]) -> set[str]:
    """The items as a set, after a check that none is repeated. Raises ValueError with the path."""
    distinct: set[str] = set()
    for start in range(0, len(items), _PIECE):
        distinct.update(items[start : start + _PIECE])
    if len(distinct) == len(items):
        return distinct
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise ValueError(
                f"An item stands in a ranking once, got `{item}` again - at `$.{name}[{index}]`"
            )
        seen.add(item)
    return seen
