"""True counts of visits and reactions, by person and simulated day.

Invariant: each count equals the number of events of its kind that were returned.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Floats, Rows


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts by person and day since the start of the world; rows are those of the people."""

    visits: Rows  # [n_people, n_days] requested lists
    impressions: Rows  # [n_people, n_days]
    clicks: Rows  # [n_people, n_days]
    joins: Rows  # [n_people, n_days]
    seconds: Floats  # [n_people, n_days] listened, counted on the day of the leave

    def copied(self) -> "Tally":
        """A copy that shares no array with this one."""
        return Tally(
            self.visits.copy(),
            self.impressions.copy(),
            self.clicks.copy(),
            self.joins.copy(),
            self.seconds.copy(),
        )


def empty_tally(people: int, days: int) -> Tally:
    """A tally of zeros."""
    visits, impressions, clicks, joins = np.zeros((4, people, days), np.int32)
    return Tally(visits, impressions, clicks, joins, np.zeros((people, days)))
