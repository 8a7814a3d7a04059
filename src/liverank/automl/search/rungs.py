"""Rungs of a large table: all settings on few rows, the best of them on more (successive halving).

Invariant: the trials of a rung are those of the rung below, never new ones.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from liverank.automl.families import Family
from liverank.automl.search.cost_model import CostModel
from liverank.automl.trials.plan import Trial
from liverank.automl.trials.trial_result import TrialResult

_FIRST_PASS_SHARE = 0.5
"""Share of the search that the first settings of all families may take on all rows; if they would
take longer, the search begins on few rows."""
_GROWTH = 4
"""Each rung has this many times the rows of the one below."""
_LEAST_ROWS = 5000
_LARGEST_SHARE = 0.5
"""Share of the time that a trial of the last rung may take: its model is trained again."""
_CLIMB = 3
"""One in this many trials of a rung goes on to the next."""


def rungs(
    families: Mapping[str, Family], cost: CostModel, n_rows: int, whole_s: float
) -> list[int | None]:
    """Number of rows of each possible rung, ascending; None for all rows.

    Families whose rounds take equally long on any number of rows are ignored.
    """
    first = [
        Trial(family=name, name="", params=family.DEFAULTS[0][1], seed=0)
        for name, family in families.items()
        if family.TRAITS.slower_with_rows
    ]
    sizes: list[int | None] = [None]
    rows = n_rows
    while rows > _GROWTH * _LEAST_ROWS and _FIRST_PASS_SHARE * whole_s < sum(
        cost.expected_s(replace(trial, rows=rows)) for trial in first
    ):
        rows //= _GROWTH
        sizes.insert(0, rows)
    return sizes


def climb(
    higher: Sequence[int | None], results: Sequence[TrialResult], cost: CostModel, left_s: float
) -> list[int | None]:
    """The rungs to climb of the ``higher`` ones; empty where there is time for none.

    The last is the largest on which there is time for the best boosted trees so far and, where it
    is all rows, for the last training of their model, if need be at a higher learning rate. The
    rungs below the last are left out where that rate is needed.
    """
    best = next_rung(results, None)
    trial = next((each for each in best if cost.is_boosting(each)), best[0])
    for index in reversed(range(len(higher))):
        last = replace(trial, rows=higher[index])
        below = sum(cost.expected_s(replace(trial, rows=rows)) for rows in higher[:index])
        if below + cost.price_s(last) <= left_s:
            return list(higher[: index + 1])
        if cost.in_time(last, left_s, _LARGEST_SHARE * left_s) is not None:
            return [higher[index]]
    return []


def next_rung(results: Sequence[TrialResult], rows: int | None) -> list[Trial]:
    """Trials of the best third of the last rung, to run on more ``rows`` (None for all).

    The best trial of each family comes before the second best of any.
    """
    last = results[-1].trial.rows
    rung = sorted((each for each in results if each.trial.rows == last), key=lambda each: each.loss)
    wanted = max(math.ceil(len(rung) / _CLIMB), 2)
    families: set[str] = set()
    first: list[TrialResult] = []
    second: list[TrialResult] = []
    for each in rung:
        (second if each.trial.family in families else first).append(each)
        families.add(each.trial.family)
    best = [*first[: max(wanted - 1, 1)], *second, *first[max(wanted - 1, 1) :]][:wanted]
    return [replace(each.trial, rows=rows, rounds=()) for each in best]
