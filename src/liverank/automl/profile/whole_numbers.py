"""Decides whether a target of few whole numbers holds classes, or counts to predict as numbers.

Classes each occur often, or one of them is rare for reasons of its own. Counts (visits, children,
faults) have one peak, and the values beyond it become rarer until they hardly occur.
"""

import numpy as np
from numpy.typing import NDArray

MOST_CLASSES = 20
"""Whole numbers up to this many distinct ones may be classes; more are numbers."""
ROWS_A_CLASS = 10
"""Fewest rows, on average, of a class that is a whole number; a class with fewer is rare."""

_LEAST_FREQUENT = {1: 4, 2: 3}
"""Fewest frequent values of a count with one rare value, and with two or more."""


def why_classes(counts: dict[float, int]) -> str | None:
    """Why whole numbers, each with the number of its rows, are classes; None where they are not.

    >>> why_classes({1: 30, 2: 40, 7: 25})
    'it has 3 whole numbers, each in 25 rows or more'
    >>> why_classes({0: 38, 1: 91, 2: 89, 3: 59, 4: 17, 5: 6, 6: 1}) is None
    True
    """
    n, rows, fewest = len(counts), sum(counts.values()), min(counts.values())
    if n > MOST_CLASSES or rows < n * ROWS_A_CLASS or is_count(counts):
        return None
    if fewest >= ROWS_A_CLASS:
        return f"it has {n} whole numbers, each in {fewest} rows or more"
    return f"it has {n} whole numbers, in {rows / n:.0f} rows each on average"


def is_count(counts: dict[float, int]) -> bool:
    """Whether the values have one peak and, next to the frequent values, a tail of rare ones.

    >>> is_count({0: 100, 1: 99, 93: 1})  # two classes, and the total below the table
    False
    """
    values = np.array(sorted(counts))
    rows = np.array([counts[value] for value in values])
    frequent = np.flatnonzero(rows >= ROWS_A_CLASS)
    rare = len(values) - len(frequent)
    if rare == 0 or len(frequent) < _LEAST_FREQUENT[min(rare, 2)]:
        return False
    first, last = int(frequent[0]), int(frequent[-1])
    if len(frequent) <= last - first:  # a rare value between frequent ones
        return False
    step = float(np.median(np.diff(values[frequent])))
    ends = [last] if last + 1 < len(values) and values[last + 1] - values[last] <= step else []
    ends += [first] if first > 0 and values[first] - values[first - 1] <= step else []
    fades = any(rows[end] < rows.max() / 2 for end in ends)
    return fades and _has_one_peak(rows[frequent])


def _has_one_peak(rows: NDArray[np.int64]) -> bool:
    """Whether counts rise to a peak and fall after it, but for luck of two standard deviations."""
    peak = int(rows.argmax())
    steps = np.diff(rows)
    luck = 2 * np.sqrt(rows[1:] + rows[:-1])
    return bool((steps[:peak] >= -luck[:peak]).all() and (steps[peak:] <= luck[peak:]).all())
