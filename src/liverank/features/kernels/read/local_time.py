"""Kernels for local time: hour and weekday in a person's time zone."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.opcodes import HOUR
from liverank.features.kernels.read.counts import fill
from liverank.features.layout.constants import ENTITY_REQUEST

_MS_PER_HOUR = 3_600_000.0


@compiled
def fill_moments(store, program, instruction, visitor, m):
    """Run HOUR (with minutes as a fraction) or WEEKDAY (Monday is 0); the same for all candidates.

    The code names two fields that give a person's time zone, (entity, word) each; the first known
    one is used. An entity of -1 means no field; without fields the time is UTC. NaN where all
    fields are unknown.
    """
    code, at = instruction.code, visitor.at
    local = at
    if code[1] >= 0:
        local = np.nan
        for argument in range(1, 4, 2):
            if code[argument] >= 0 and np.isnan(local):
                if code[argument] == ENTITY_REQUEST:
                    zone = visitor.request[code[argument + 1]]
                else:
                    zone = store.bits[visitor.row + code[argument + 1]]
                local = at + _offset_ms(program, zone, at)
    if code[0] == HOUR:
        value = local / _MS_PER_HOUR % 24.0
    else:
        value = (local // (24.0 * _MS_PER_HOUR) + 3.0) % 7.0  # 1970-01-01 was a Thursday
    fill(instruction.out, m, value)


@compiled
def _offset_ms(program, wanted, at):
    """How far the clocks of a time zone are ahead of UTC; NaN for one that is not known."""
    zones, starts, changes = program.zones, program.zone_starts, program.changes
    for zone in range(zones.size):
        if zones[zone] == wanted:
            change = starts[zone + 1] - 1
            while change > starts[zone] and changes[change, 0] > at:
                change -= 1
            return changes[change, 1]
    return np.nan
