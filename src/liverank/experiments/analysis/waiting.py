"""How long to wait: the number of users that show an effect, and when it will be reached."""

import math

from scipy import special

from liverank.experiments.analysis.results import Decision, MetricResult, Stage
from liverank.experiments.analysis.words import date

_DAY_MS = 86_400_000
_POWER = 0.8


def users_for(result: MetricResult, difference: float, stage: Stage, alpha: float) -> float:
    """Users of all arms needed to detect this difference with a power of 80 %; NaN if unknown.

    Rounded up to two digits.
    """
    se = result.comparison.se
    if not (se > 0 and abs(difference) > 0):
        return math.nan
    needed = float(special.ndtri(1 - alpha / 2) + special.ndtri(_POWER))
    users = (needed * se / difference) ** 2 * stage.users
    step = 10.0 ** max(0, math.floor(math.log10(users)) - 1)
    return math.ceil(users / step) * step


def wait_for(stage: Stage, users: float) -> Decision:
    """The decision to wait until there are this many users; NaN if the number is unknown."""
    if math.isnan(users):
        return Decision(action="wait", sentence="")
    users = math.ceil(max(users, stage.users))
    days = (users - stage.users) / stage.daily_users if stage.daily_users > 0 else math.nan
    at_ms = None
    if stage.now_ms is not None and not math.isnan(days):
        at_ms = stage.now_ms + math.ceil(days) * _DAY_MS
    return Decision(action="wait", sentence="", until_users=users, until_ms=at_ms)


def wait_words(until: Decision, stage: Stage) -> str:
    """The time to wait, as the beginning of a sentence."""
    if until.until_users is None:
        return "Wait"
    more = until.until_users - stage.users
    users = f"{until.until_users:,} {stage.unit} ({more:,} more)"
    if until.until_ms is None:
        return f"Wait until about {users}"
    return f"Wait until about {date(until.until_ms)}, with {users}"
