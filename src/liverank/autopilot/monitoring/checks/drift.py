"""Scores and inputs that are distributed otherwise than before, by a lot and for two days.

The measure is the population stability index: sum of (p - q) log(p / q) over bins. Of n and m
independent values in k bins it is (k - 1)(1/n + 1/m) on average where nothing changed; values of
one item or person are not independent, so the threshold is far above the usual .25, and rises with
the largest index that any day of the past had.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import Series
from liverank.autopilot.monitoring.view import View, names_of

LARGE = 0.8
TIMES = 3.0
"""How many times the largest index of a day of the past it must be."""
_DAY = 24
_LEAST = 500.0
"""Values that each of the compared times must have."""


class _Times(NamedTuple):
    before: slice
    days: tuple[slice, slice]
    """The last two days, each of which must differ."""


def drift(view: View) -> Iterator[Alarm]:
    """Scores against the model's first days, inputs against the week before."""
    if view.hours < 9 * _DAY:
        return
    for model in sorted({name[1] for name in view.table.names("score")}):
        counts = [view.of(*name) for name in names_of(view.table, "score", model)]
        began = np.flatnonzero(np.sum(counts, axis=0) > 0)
        if len(began) == 0 or view.hours - began[0] < 5 * _DAY:
            continue
        first = slice(int(began[0]), int(began[0]) + 3 * _DAY)
        index = _moved(counts, _Times(first, _last_days(view.hours)))
        if index is not None:
            yield _alarm(view, "drift:scores", f"The scores of model {model}", index)
            break
    week = slice(max(0, view.hours - 9 * _DAY), view.hours - 2 * _DAY)
    inputs = {name[1] for name in view.table.names("value")}
    for field in sorted(inputs):
        counts = [view.of(*name) for name in names_of(view.table, "value", field)]
        index = _moved(counts, _Times(week, _last_days(view.hours)))
        if index is not None:
            yield _alarm(view, f"drift:{field}", f"The values of `{field}`", index)
    lengths = [view.of(*name) for name in names_of(view.table, "length")]
    index = _moved(lengths, _Times(week, _last_days(view.hours)))
    if index is not None:
        yield _alarm(view, "drift:list_length", "The lengths of the lists", index)


def stability_index(now: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """The population stability index of two float64[bins] of counts; half a value is added to each.

    >>> round(stability_index(np.array([30.0, 70.0]), np.array([50.0, 50.0])), 2)
    0.17
    """
    p, q = ((one + 0.5) / (one + 0.5).sum() for one in (now, before))
    return float(((p - q) * np.log(p / q)).sum())


def _last_days(hours: int) -> tuple[slice, slice]:
    return slice(hours - _DAY, hours), slice(hours - 2 * _DAY, hours - _DAY)


def _moved(counts: list[Series], times: _Times) -> float | None:
    """The smaller index of the last two days, if it is large and days before never had one like it.

    A day of the past is compared with the rest of it.
    """
    if len(counts) < 2:
        return None
    table = np.array(counts)
    before = table[:, times.before]
    days = [table[:, day].sum(axis=1) for day in times.days]
    whole = before.sum(axis=1)
    if min(whole.sum(), *(day.sum() for day in days)) < _LEAST:
        return None
    index = min(stability_index(day, whole) for day in days)
    if index < LARGE:
        return None
    past = [before[:, at : at + _DAY].sum(axis=1) for at in range(0, before.shape[1], _DAY)]
    usual = max(stability_index(day, whole - day) for day in past)
    return index if index >= TIMES * usual else None


def _alarm(view: View, key: str, what: str, index: float) -> Alarm:
    return Alarm(
        key=key,
        kind="drift",
        title=f"{what} have moved for two days: stability index {index:.2f}, where .1 is usual",
        cause="The product, its people or what they are offered have changed.",
        consequence="The model was trained on other values; the next training takes these in.",
        next_step="If you know of no change, look at what sends these values.",
        since_ms=view.since_ms(key, 2 * _DAY),
    )
