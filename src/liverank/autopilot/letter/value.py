"""What personal lists are worth, from the permanent holdout.

Units are people. Those of the holdout always get the most popular list; everybody else, but for
people in experiments that rank otherwise, is the other arm. A person counts in a period if they
got a list in it or in the three before, so that those who stay away count as well, and only if
they got one since the holdout began, because before that nobody can say in which arm they are.
Invariant: what the log does not determine is None, with a reason.
"""

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.letter.letter import HoldoutValue, Lift
from liverank.autopilot.letter.people import COURSE, LOOK_BACK, People
from liverank.autopilot.letter.period import DAY_MS, Period
from liverank.experiments.statistics.comparison import Comparison, compare_means, compare_ratios
from liverank.experiments.statistics.moments import Moments

LEVEL = 0.95
"""Confidence level of intervals."""


def course_of(people: People, period: Period) -> tuple[HoldoutValue | None, ...]:
    """The value in each of the last 8 periods, the oldest first; without leading Nones."""
    held = set(people.table.filter(pl.col("held_out") > 0)["period"])
    begun = [back for back in range(COURSE) if back in held]
    if not begun:
        return ()
    return tuple(
        value_of(people, period, back) if back in held else None
        for back in range(max(begun), -1, -1)
    )


def value_of(people: People, period: Period, back: int, periods: int = 1) -> HoldoutValue:
    """The value in the period ``back`` before the letter's, with ``periods - 1`` before it."""
    inside = pl.col("period").is_between(back, back + periods - 1)
    counted = pl.col("period").is_between(back, back + periods - 1 + LOOK_BACK)
    days = pl.sum_horizontal(pl.col("^day\\d+$").cast(pl.Int64))
    rows = (
        people.table.filter(counted)
        .with_columns(days=days)
        .group_by("user")
        .agg(
            pl.col("held_out", "left_out").sum(),
            pl.col("last_list_ms", "last_other_ms").max(),
            pl.col("impressions", "successes", "days").filter(inside).sum(),
        )
        .filter(pl.col("last_list_ms") >= people.first_held_out_ms)
    )
    is_held_out = pl.col("held_out") > 0
    is_other = (pl.col("last_other_ms") >= people.first_held_out_ms).fill_null(value=False)
    is_left_out = ~is_held_out & (pl.col("left_out") > 0)
    heuristic = _columns(rows.filter(is_held_out & ~is_other))
    personal = _columns(rows.filter(~is_held_out & ~is_left_out))
    span_days = periods * period.span_ms / DAY_MS
    return HoldoutValue(
        from_ms=period.before(back + periods - 1).from_ms,
        to_ms=period.before(back).to_ms,
        people_personal=len(personal),
        people_heuristic=len(heuristic),
        left_out=len(rows.filter(is_left_out)),
        in_both=len(rows.filter(is_held_out & is_other)),
        lifts=_lifts(heuristic, personal, span_days) if len(heuristic) and len(personal) else (),
    )


def _columns(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Successes, impressions and active days, ``float64[n, 3]``, in an order of their values.

    So sums do not depend on how people are hashed.
    """
    columns = rows.select("successes", "impressions", "days")
    return columns.sort(columns.columns).to_numpy().astype(np.float64)


def _lifts(
    heuristic: NDArray[np.float64], personal: NDArray[np.float64], days: float
) -> tuple[Lift, ...]:
    arms = [heuristic, personal]
    rate = compare_ratios(*(Moments.of(arm[:, :2]) for arm in arms), level=LEVEL)
    active = compare_means(*(Moments.of(arm[:, 2] / days) for arm in arms), level=LEVEL)
    each = compare_means(*(Moments.of(arm[:, 0]) for arm in arms), level=LEVEL)
    return (
        _lift("join_rate", rate),
        _lift("daily_active", active),
        _lift("per_person", each),
    )


def _lift(metric: str, found: Comparison) -> Lift:
    low, high = found.lift_ci
    is_known = math.isfinite(found.lift) and math.isfinite(low) and math.isfinite(high)
    return Lift(
        metric=metric,  # type: ignore[arg-type]
        personal=_known(found.value),
        heuristic=_known(found.control),
        lift=_known(found.lift),
        low=low if is_known else None,
        high=high if is_known else None,
        reason="" if is_known else (found.reason or "too few people yet"),
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
