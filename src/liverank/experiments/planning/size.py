"""How many users an effect takes, and which effect the users that come can show.

The numbers hold for the test that a report makes: with its looks, and with Holm's correction at its
strictest, so that the primary metric has the stated power whatever the other metrics do.
"""

import math

import msgspec
from scipy import special

from liverank.experiments.planning.baseline import Baseline
from liverank.experiments.planning.traffic import Traffic
from liverank.experiments.statistics.power import looking_costs, users_needed

_MOST_FRACTIONS = 30
"""More looks than that cost hardly more, and take long to compute."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """The test that is planned."""

    days: int
    control_share: float = 0.5
    variant_share: float = 0.5
    """Of all users of the experiment; that of the smallest variant."""
    alpha: float = 0.05
    """Of one comparison, after the correction for several."""
    power: float = 0.8
    looks: int = 1

    def cost(self) -> float:
        """How many times the users of a single look these looks take."""
        looks = min(self.looks, _MOST_FRACTIONS)
        if looks <= 1:
            return 1.0
        shares = [(look + 1) / looks for look in range(looks)]
        return looking_costs(shares, alpha=self.alpha, power=self.power)


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's plan. Lifts are relative; users are of the whole experiment."""

    metric: str
    baseline: float
    sd: float
    saved: float
    smallest_lift: float
    """The smallest that the users of the planned days show; NaN where their number is unknown."""
    lift: float | None
    """The one that was asked for."""
    users: int | None
    """Users that it takes."""
    users_an_arm: int | None
    """Of the smallest variant."""
    users_one_look: int | None
    """Users that it takes where results are looked at only once."""
    users_without_cuped: int | None
    days: float | None
    """Days until so many have come; infinite where they never do."""
    enough: bool | None
    """Whether they come within the planned days; None where nothing was asked, or is known."""


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
    """The smallest relative effect that so many users show with the stated power."""
    z = float(special.ndtri(1 - design.alpha / 2) + special.ndtri(design.power))
    spread = 1 / design.control_share + 1 / design.variant_share
    if not users > 0 or not baseline.value:
        return math.nan
    return z * math.sqrt(cost * baseline.variance * spread / users) / abs(baseline.value)


def _users(variance: float, value: float, design: Design, lift: float, cost: float) -> int:
    """Users of the whole experiment; those of further variants come on top."""
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
