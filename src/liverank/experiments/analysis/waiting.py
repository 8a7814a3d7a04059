"""Until when to wait: how many more users show an effect, and when they will have come."""

import math

from scipy import special

from liverank.experiments.analysis.results import Decision, MetricResult, Stage
from liverank.experiments.analysis.words import date

_DAY_MS = 86_400_000
_POWER = 0.8


def times_the_users(result: MetricResult, difference: float, alpha: float) -> float:
    """How many times the users so far show this difference with a power of 80 %; NaN if unknown."""
    comparison = result.comparison
    away = abs(difference) / comparison.se if comparison.se > 0 else math.nan
    needed = float(special.ndtri(1 - alpha / 2) + special.ndtri(_POWER))
    return (needed / away) ** 2 if away > 0 else math.nan


def wait_for(stage: Stage, factor: float) -> Decision:
    """To wait until there are so many times the users of now."""
    if math.isnan(factor):
        return Decision(action="wait", sentence="")
    users = round_up(max(factor, 1.0) * stage.users)
    days = (users - stage.users) / stage.daily_users if stage.daily_users > 0 else math.nan
    at_ms = None
    if stage.now_ms is not None and not math.isnan(days):
        at_ms = stage.now_ms + math.ceil(days) * _DAY_MS
    return Decision(action="wait", sentence="", until_users=users, until_ms=at_ms)


def wait_words(until: Decision, stage: Stage) -> str:
    """How long to wait, as a sentence begins."""
    if until.until_users is None:
        return "Wait"
    users = f"{until.until_users:,} users ({until.until_users - stage.users:,} more)"
    if until.until_ms is None:
        return f"Wait until about {users}"
    return f"Wait until about {date(until.until_ms)}, with {users}"


def round_up(users: float) -> int:
    """Up, to two figures: more is not known."""
    step = 10 ** max(0, math.floor(math.log10(max(users, 1.0))) - 1)
    return int(math.ceil(users / step) * step)
