"""True figures of each week, of several lives of the same people.

Invariant: every world is measured on the same people, by the simulator's own counts.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liverank.proof.upkeep.results import Week
from liverank.simulator.life.tally import Tally
from liverank.simulator.truth import captured_lift

_DAYS = 7


def join_rate(tally: Tally, people: NDArray[np.bool_], days: slice) -> float:
    """Joins per impression of these people (bool[n_people]) in these days; NaN without any."""
    impressions = int(tally.impressions[people, days].sum())
    joins = int(tally.joins[people, days].sum())
    return joins / impressions if impressions else float("nan")


def weeks_of(
    tallies: Mapping[str, Tally],
    people: NDArray[np.bool_],
    *,
    days: int,
    once_from_day: float | None,
) -> tuple[Week, ...]:
    """The whole weeks, and a rest of 4 days or more, of ``days`` days.

    ``tallies`` are those of ``popular``, ``autopilot``, ``oracle``, and ``trained_once`` if there
    was a model, which served from ``once_from_day`` on.
    """
    weeks = []
    for number, first in enumerate(range(0, days - 3, _DAYS), start=1):
        span = slice(first, min(first + _DAYS, days))
        rate = {name: join_rate(tally, people, span) for name, tally in tallies.items()}
        is_once_known = once_from_day is not None and once_from_day < span.stop
        once = rate.get("trained_once") if is_once_known else None
        weeks.append(
            Week(
                number=number,
                popular=rate["popular"],
                autopilot=rate["autopilot"],
                trained_once=once,
                oracle=rate["oracle"],
                autopilot_share=captured_lift(rate["autopilot"], rate["popular"], rate["oracle"]),
                trained_once_share=(
                    None if once is None else captured_lift(once, rate["popular"], rate["oracle"])
                ),
            )
        )
    return tuple(weeks)
