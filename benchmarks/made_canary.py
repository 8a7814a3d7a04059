"""Canaries made of random numbers: people of very different activity, looked at every hour.

The activity of a person is a gamma variable of shape 0.7 and the label rate of a person is
log-normal (sigma 0.8), so counts are spread far wider than Poisson's; three in ten people of an
hour came before. Nothing of liverank but the guardrails is used, so that it tests these alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.releasing.counts import COLUMNS, Evidence
from liverank.autopilot.releasing.guardrails import guardrails
from liverank.experiments.statistics.moments import Moments

SHAPE, SIGMA, LIST, SEEN, BACK = 0.7, 0.8, 10, 0.6, 0.06
USUAL_FALLBACKS = 0.0005


@dataclass(frozen=True)
class Canary:
    """The traffic of a canary, and what the challenger does to it."""

    new_per_hour: int
    """People who come for the first time in an hour."""
    hours: int = 24
    share: float = 0.1
    rate: float = 0.05
    harm: float = 0.0
    """Relative fall of the label rate with the challenger."""
    fallbacks: float = USUAL_FALLBACKS
    """Share of the challenger's lists that are fallbacks."""
    lost: float = 0.0
    """Share of the challenger's people of whom nothing is logged."""


@dataclass(frozen=True)
class Outcome:
    """The hour and the people at which a bound was crossed (None if never), and by what."""

    hour: int | None
    people: int
    harmed: tuple[str, ...]


def run_canary(canary: Canary, seed: int) -> Outcome:
    """Look every hour until a guardrail's bound is crossed, or until the canary's end."""
    rng = np.random.default_rng(seed)
    count = canary.new_per_hour * canary.hours
    treated = rng.random(count) < canary.share
    shown = ~treated | (rng.random(count) >= canary.lost)
    activity = rng.gamma(SHAPE, 1 / SHAPE, count)
    rate = canary.rate * np.exp(rng.normal(0, SIGMA, count) - SIGMA**2 / 2)
    rate = np.minimum(np.where(treated, 1 - canary.harm, 1.0) * rate, 0.9)
    falls = np.where(treated, canary.fallbacks, USUAL_FALLBACKS)
    first = rng.integers(0, canary.hours, count)
    totals = np.zeros((count, len(COLUMNS)))
    people = 0
    for hour in range(canary.hours):
        lists = rng.poisson(activity * np.where(first < hour, BACK, 1.0))
        lists = np.where(first == hour, np.maximum(lists, 1), lists)
        live = np.flatnonzero((first <= hour) & (lists > 0))
        totals[live] += _hour(rng, lists[live], rate[live], falls[live])
        seen = (totals[:, 0] > 0) & shown
        arms = [Moments.of(totals[seen & (treated == arm)]) for arm in (False, True)]
        tightest_at = max(count / 2, 250.0)
        results = guardrails(Evidence(arms[0], arms[1], canary.share, tightest_at))
        people = int(seen.sum())
        harmed = tuple(one.name for one in results if one.is_harmed)
        if harmed:
            return Outcome(hour + 1, people, harmed)
    return Outcome(None, people, ())


def _hour(
    rng: np.random.Generator,
    lists: NDArray[np.int64],
    rate: NDArray[np.float64],
    falls: NDArray[np.float64],
) -> NDArray[np.int64]:
    impressions = rng.binomial(lists * LIST, SEEN)
    successes = rng.binomial(impressions, rate)
    full = np.minimum(rng.binomial(lists, 1 - (1 - rate) ** (LIST * SEEN)), successes)
    return np.stack(
        [lists, impressions, successes, rng.binomial(lists, falls), lists - full], axis=1
    )
