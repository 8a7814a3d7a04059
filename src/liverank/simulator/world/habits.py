"""The times at which people open the app: a weekly cumulative curve by home and chronotype.

Invariant: each curve rises from 0 to 7, so that its unit is an average day.
"""

import numpy as np

from liverank.events.time_zones import offset_ms_at, transitions_of
from liverank.simulator.world.arrays import Floats, Ints
from liverank.simulator.world.constants import PeopleConstants
from liverank.simulator.world.names import HOMES

HOUR_MS = 3_600_000
WEEK_H = 168
_THURSDAY = 3  # 1970-01-01, with Monday as 0

PEAKS_H = ((20.5,), (8.5,), (8.0, 20.0), (23.0,))
"""Local hours of the daily peaks of each chronotype: evening, morning, both, night."""

CHRONOTYPE_SHARES = (0.45, 0.2, 0.25, 0.1)


def weekly_curves(constants: PeopleConstants, *, start_ms: int) -> Floats:
    """Cumulative visits since the start of the world, float64[n_homes * n_chronotypes, 169].

    Row ``home * n_chronotypes + chronotype``; column ``h`` is at ``h`` hours after the start.

    >>> curves = weekly_curves(PeopleConstants(), start_ms=0)
    >>> curves.shape, float(curves[0, 0]), round(float(curves[0, -1]), 9)
    ((40, 169), 0.0, 7.0)
    """
    hours = np.arange(WEEK_H) + 0.5
    rates = np.array(
        [
            _rates(start_ms / HOUR_MS + hours + offset_h, peaks, constants)
            for offset_h in zone_offsets_h(start_ms)
            for peaks in PEAKS_H
        ]
    )
    curves = np.zeros((len(rates), WEEK_H + 1))
    curves[:, 1:] = np.cumsum(rates, axis=1)
    scaled: Floats = curves * (7 / curves[:, -1:])
    return scaled


def habit_of(home: Ints, chronotype: Ints) -> Ints:
    """The row of each person's curve, int64[n_people]."""
    return home * len(PEAKS_H) + chronotype


def zone_offsets_h(at_ms: int) -> Floats:
    """Hours that each home's clock is ahead of UTC at a time, float64[n_homes]."""
    zones = [transitions_of(home.time_zone) for home in HOMES]
    return np.array([offset_ms_at(zone, at_ms) for zone in zones]) / HOUR_MS


def _rates(local_h: Floats, peaks: tuple[float, ...], constants: PeopleConstants) -> Floats:
    """Visits an hour at local hours since 1970, up to a factor."""
    apart = [(local_h - peak + 12) % 24 - 12 for peak in peaks]
    bumps = [np.exp(-0.5 * (hours / constants.peak_sd_h) ** 2) for hours in apart]
    daily = np.mean(bumps, axis=0)
    mean = constants.peak_sd_h * np.sqrt(2 * np.pi) / 24
    weekday = (local_h // 24 + _THURSDAY) % 7
    rates: Floats = (1 - constants.off_peak) * daily / mean + constants.off_peak
    return rates * np.where(weekday >= 5, constants.weekend, 1.0)
