"""Local time: the offset from UTC for a person's time zone or country.

The rules come from the pinned ``tzdata`` package and never from the machine, so a training job and
a rank server give the same hour. Invariant: for one version of ``tzdata``, equal names give equal
transitions everywhere.
"""

import math
import re
from bisect import bisect_right
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from liverank.errors import EventError

FIRST_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2050, 1, 1, tzinfo=UTC).timestamp())
"""Transitions are known between these Unix seconds; outside, the first and last offsets hold."""

_STEP_S = 6 * 86_400
"""Step of the search for transitions: since 2000 the shortest time between two of a zone was a week
(Boa Vista), so none is missed."""

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_MOST_OFFSET_MINUTES = 14 * 60

_MAIN_ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UK": "Europe/London",  # not the ISO code, but many write it
    "UZ": "Asia/Tashkent",
}
"""Main zones of countries whose list in ``zone.tab`` does not begin with the most populous one."""


class Transitions(NamedTuple):
    """The offsets of a zone: ``offsets_ms[i]`` holds from ``starts_ms[i]`` to the next start."""

    starts_ms: NDArray[np.float64]
    """Unix ms, ascending, ``float64[k]``; the first is -inf."""
    offsets_ms: NDArray[np.float64]
    """Milliseconds ahead of UTC, ``float64[k]``."""


def zone_name(value: str) -> str | None:
    """The time zone for a profile's time zone, offset or country; None if it is none of these.

    An IANA name is kept (in its canonical case), an offset becomes ``UTC+02:00``, and a country
    (ISO 3166 alpha-2 code, or English name) becomes its most populous zone, e.g. New York for the
    United States.

    >>> zone_name("Europe/Berlin"), zone_name("europe/berlin")
    ('Europe/Berlin', 'Europe/Berlin')
    >>> zone_name("+2"), zone_name("UTC-03:30"), zone_name("GMT+0545")
    ('UTC+02:00', 'UTC-03:30', 'UTC+05:45')
    >>> zone_name("US"), zone_name("br"), zone_name("Germany")
    ('America/New_York', 'America/Sao_Paulo', 'Europe/Berlin')
    >>> zone_name("the moon") is None
    True
    """
    text = value.strip()
    folded = text.casefold()
    # codes come first: GB and NZ are also old names of zones
    zone = _zones_of_codes().get(folded) or _zone_names().get(folded.replace(" ", "_"))
    return zone or _offset_name(text) or _zones_of_countries().get(folded)


@cache
def transitions_of(name: str) -> Transitions:
    """All offsets of a zone from 2000 to 2050, in time order; a fixed offset has just one.

    ``name`` is a result of ``zone_name``; the arrays are shared and read-only. Raises EventError
    for any other name.

    >>> transitions_of("UTC+02:00")
    Transitions(starts_ms=array([-inf]), offsets_ms=array([7200000.]))
    >>> winter, summer = sorted(set(transitions_of("Europe/Berlin").offsets_ms.tolist()))
    >>> winter / 3_600_000, summer / 3_600_000
    (1.0, 2.0)
    """
    if name in _zone_names().values():
        starts_ms, offsets_ms = _search(_load(name))
    elif _offset_name(name) == name:
        sign, hours, minutes = name[3], int(name[4:6]), int(name[7:])
        ahead_ms = (hours * 60 + minutes) * 60_000.0
        starts_ms, offsets_ms = [-math.inf], [-ahead_ms if sign == "-" else ahead_ms]
    else:
        raise EventError(
            f'"{name}" is no time zone; expected an IANA name such as "Europe/Berlin" or an offset '
            'such as "UTC+02:00"; `zone_name` makes them of what people write'
        )
    transitions = Transitions(np.array(starts_ms), np.array(offsets_ms))
    for column in transitions:
        column.setflags(write=False)
    return transitions


def offset_ms_at(transitions: Transitions, at_ms: float) -> float:
    """How far local time is ahead of UTC at a time, in milliseconds.

    >>> berlin = transitions_of("Europe/Berlin")
    >>> offset_ms_at(berlin, 1_720_000_000_000) / 3_600_000  # July 2024
    2.0
    """
    index = int(np.searchsorted(transitions.starts_ms, at_ms, side="right")) - 1
    return float(transitions.offsets_ms[index])


def _search(zone: ZoneInfo) -> tuple[list[float], list[float]]:
    """Starts and offsets, found by sampling every few days and bisecting where offsets differ."""

    def offset_ms(at_s: int) -> float:
        ahead = datetime.fromtimestamp(at_s, zone).utcoffset()
        assert ahead is not None
        return ahead.total_seconds() * 1000

    starts_ms, offsets_ms = [-math.inf], [offset_ms(FIRST_S)]
    for step_s in range(FIRST_S, LAST_S, _STEP_S):
        until_s = min(step_s + _STEP_S, LAST_S)
        since_s = step_s
        while offset_ms(until_s) != offsets_ms[-1]:
            seconds = range(since_s + 1, until_s + 1)
            before = offsets_ms[-1]
            index = bisect_right(seconds, False, key=lambda at_s: offset_ms(at_s) != before)
            since_s = seconds[index]
            starts_ms.append(since_s * 1000.0)
            offsets_ms.append(offset_ms(since_s))
    return starts_ms, offsets_ms


def _offset_name(text: str) -> str | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes = match[1], int(match[2]), int(match[3] or 0)
    if minutes >= 60 or hours * 60 + minutes > _MOST_OFFSET_MINUTES:
        return None
    return f"UTC{sign if hours or minutes else '+'}{hours:02}:{minutes:02}"


def _load(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@cache
def _zone_names() -> dict[str, str]:
    """Every IANA name, aliases too, by its casefolded form."""
    return {name.casefold(): name for name in files("tzdata").joinpath("zones").read_text().split()}


@cache
def _zones_of_codes() -> dict[str, str]:
    """Zones by casefolded ISO 3166 alpha-2 code."""
    first: dict[str, str] = {}
    for code, _, zone, *_ in _table("zone.tab"):
        first.setdefault(code, zone)
    return {code.casefold(): zone for code, zone in (first | _MAIN_ZONES).items()}


@cache
def _zones_of_countries() -> dict[str, str]:
    """Zones by casefolded English name; uninhabited territories have none."""
    zones = _zones_of_codes()
    return {
        country.casefold(): zones[code.casefold()]
        for code, country in _table("iso3166.tab")
        if code.casefold() in zones
    }


def _table(name: str) -> list[list[str]]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
