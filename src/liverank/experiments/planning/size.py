"""The number of users that an effect needs, and the effect that the expected users can show.

The numbers are for the test of a report: with its looks, and with Holm's correction at its
strictest, so that the primary metric has the stated power whatever the other metrics show.
"""

import math

import msgspec
from scipy import special

from liverank.experiments.planning.baseline import Baseline
from liverank.experiments.planning.traffic import Traffic
from liverank.experiments.statistics.power import looking_costs, users_needed

_MOST_FRACTIONS = 30
"""Maximum number of looks to compute with: more take long to compute and hardly cost power."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """The planned test."""

    days: int
    control_share: float = 0.5
    variant_share: float = 0.5
    """The smallest variant's share of all users of the experiment."""
    alpha: float = 0.05
    """Level of one comparison, after the correction for several."""
    power: float = 0.8
    looks: int = 1

    def cost(self) -> float:
        """Factor on the users needed because of these looks, relative to a single look."""
        looks = min(self.looks, _MOST_FRACTIONS)
        if looks <= 1:
            return 1.0
        shares = [(look + 1) / looks for look in range(looks)]
        return looking_costs(shares, alpha=self.alpha, power=self.power)


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """The plan for a metric. Lifts are relative; users are counted over the whole experiment."""

    metric: str
    baseline: float
    sd: float
    saved: float
    smallest_lift: float
    """The smallest lift that the planned days can detect; NaN if their users are unknown."""
    lift: float | None
    """The requested lift."""
    users: int | None
    """Users needed for it."""
    users_an_arm: int | None
    """Users needed in the smallest variant."""
    users_one_look: int | None
    """Users needed if there is only one look."""
    users_without_cuped: int | None
    days: float | None
    """Days until there are as many users; infinite if never."""
    enough: bool | None
    """Whether the planned days are enough; None if no lift was requested, or traffic is unknown."""


def size_of(
    baseline: Baseline, design: Design, traffic: Traffic | None, lift: float | None
) -> Size:
    """Plan one metric.

    >>> from liverank.experiments.planning.baseline import participation_sd
    >>> active = Baseline(metric="daily_active", value=0.2, sd=participation_sd(0.2, 28))
    >>> size_of(active, Design(days=28), None, 0.0196).users_an_arm
    68884
    """
    cost = design.cost()
    users = an_arm = one_look = raw = days = enough = None
    if lift is not None:
        one_look = _users(baseline.variance, baseline.value, design, lift, 1.0)
        users = _users(baseline.variance, baseline.value, design, lift, cost)
        raw = _users(baseline.sd**2, baseline.value, design, lift, cost)
        an_arm = math.ceil(users * design.variant_share)
        if traffic is not None:
            days = traffic.days_until(users)
            enough = days <= design.days
    available = math.nan if traffic is None else traffic.users_by(design.days)
    return Size(
        metric=baseline.metric,
        baseline=baseline.value,
        sd=baseline.sd,
        saved=baseline.saved,
        smallest_lift=smallest_lift(baseline, design, available, cost),
        lift=lift,
        users=users,
        users_an_arm=an_arm,
        users_one_look=one_look,
        users_without_cuped=raw,
        days=days,
        enough=enough,
    )


def smallest_lift(baseline: Baseline, design: Design, users: float, cost: float) -> float:
    """The smallest relative effect that this many users show with the stated power."""
    z = float(special.ndtri(1 - design.alpha / 2) + special.ndtri(design.power))
    spread = 1 / design.control_share + 1 / design.variant_share
    if not users > 0 or not baseline.value:
        return math.nan
    return z * math.sqrt(cost * baseline.variance * spread / users) / abs(baseline.value)


def _users(variance: float, value: float, design: Design, lift: float, cost: float) -> int:
    """Users of the whole experiment, including those of further variants."""
    both = design.control_share + design.variant_share
    needed = users_needed(
        lift * value,
        variance,
        variant_share=design.variant_share / both,
        alpha=design.alpha,
        power=design.power,
        inflation=cost,
    )
    return math.ceil(needed / both)
