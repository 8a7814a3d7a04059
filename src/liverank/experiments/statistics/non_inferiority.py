"""Whether a guardrail is no worse than a margin allows.

Source: Piaggio et al., "Reporting of Noninferiority and Equivalence Randomized Trials" (JAMA 2012).
"""

import math
from typing import Literal

from liverank.experiments.statistics.comparison import Comparison, Interval

Direction = Literal["up", "down"]
"""The direction in which a metric improves."""
Guard = Literal["safe", "no harm seen", "harmed", "unclear"]


def judge_guardrail(
    comparison: Comparison, *, margin: float | None, direction: Direction = "up"
) -> Guard:
    """Compare the lift's interval with a relative margin, such as 0.01 for 1 % worse.

    The verdict is "safe" if the whole interval is better than the margin, "harmed" if the whole
    interval is worse, else "unclear". Without a margin, or if no lift is known, it depends on the
    difference: "harmed" if its whole interval is worse than no change, else "unclear" with a
    margin and "no harm seen" (which proves nothing) without one.
    At a two-sided level of 95 % either verdict is wrong in at most 2.5 % of experiments.
    """
    low, high = _towards(direction, comparison.difference_ci)
    if math.isnan(low):
        return "unclear"
    if margin is None:
        return "harmed" if high < 0 else "no harm seen"
    is_worse = high < 0
    low, high = _towards(direction, comparison.lift_ci)
    if math.isnan(low):  # a margin relative to a control near zero is meaningless
        return "harmed" if is_worse else "unclear"
    if comparison.control < 0:
        low, high = -high, -low
    if low > -margin:
        return "safe"
    return "harmed" if high < -margin else "unclear"


def _towards(direction: Direction, interval: Interval) -> Interval:
    """The interval, with the sign changed if needed so that larger is better."""
    low, high = interval
    return (low, high) if direction == "up" else (-high, -low)
