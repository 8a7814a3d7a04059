"""The kernel for the frequency and times of a person's visits."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.history import time_of

VISITS, VISIT_GAP_D, AWAY_D, USUAL_HOUR, PERSON_NUMBERS = 0, 1, 2, 3, 4
_VISIT_GAP_MS = 1_800_000.0
_DAY_MS = 86_400_000.0
_USUAL_MS = 5_400_000.0
_USUAL_PRIOR = 1.0
"""Weight, in visits, of the uniform prior of the time of day."""


@compiled
def person_of(entries, at):
    """Statistics of a person's visits, float64[4]; ``entries`` uint64[n] are in order of time.

    They are the number of visits in the history, the mean days from one to the next, days since the
    last interaction, and the share of visits that began at about this time of day.
    """
    person = np.full(PERSON_NUMBERS, np.nan)
    visits, usual, first, last_begun, last = 0.0, 0.0, np.nan, np.nan, -np.inf
    for entry in entries:
        time = time_of(entry)
        if time - last > _VISIT_GAP_MS:
            visits += 1.0
            last_begun = time
            if visits == 1.0:
                first = time
            apart = abs(at - time) % _DAY_MS
            if min(apart, _DAY_MS - apart) <= _USUAL_MS:
                usual += 1.0
        last = time
    person[VISITS] = visits
    if visits > 1.0:
        person[VISIT_GAP_D] = (last_begun - first) / (visits - 1.0) / _DAY_MS
    if visits > 0.0:
        person[AWAY_D] = max(at - last, 0.0) / _DAY_MS
    prior = _USUAL_PRIOR * 2.0 * _USUAL_MS / _DAY_MS
    person[USUAL_HOUR] = (usual + prior) / (visits + _USUAL_PRIOR)
    return person
