"""Kernels for local time: the hour and the weekday where a person is."""

import numpy as np

from liverank.compiled import compiled
from liverank.features import compiler as op
from liverank.features.kernels.memory.offsets import BITS
from liverank.features.layout.layout import REQUEST

HOUR = op.HOUR
_MS_PER_HOUR = 3_600_000.0


@compiled
def fill_moments(store, zones, starts, changes, code, request, of_user, at, n, out):
    """The hour (with minutes as a fraction) or the weekday (Monday is 0), the same for all.

    ``code`` names the fields that say where a person is, (entity, word) each, the first that does
    so counts; an entity of -1 is none, and without any the time is UTC. NaN where none says it.
    """
    local = at
    if code[1] >= 0:
        local = np.nan
        for place in range(1, 4, 2):
            if code[place] >= 0 and np.isnan(local):
                if code[place] == REQUEST:
                    says = request[code[place + 1]]
                else:
                    says = store[BITS][of_user + code[place + 1]]
                local = at + _offset_ms(zones, starts, changes, says, at)
    if code[0] == HOUR:
        value = local / _MS_PER_HOUR % 24.0
    else:
        value = (local // (24.0 * _MS_PER_HOUR) + 3.0) % 7.0  # 1970-01-01 was a Thursday
    for row in range(n):
        out[row] = value


@compiled
def _offset_ms(zones, starts, changes, says, at):
    """How far the clocks of a place are ahead of UTC; NaN for a place that is not known."""
    for zone in range(zones.size):
        if zones[zone] == says:
            place = starts[zone + 1] - 1
            while place > starts[zone] and changes[place, 0] > at:
                place -= 1
            return changes[place, 1]
    return np.nan
