"""The period of a letter: seven days, which end at a midnight (UTC)."""

from datetime import UTC, datetime, timedelta

import msgspec

from liverank.config_autopilot import Weekday
from liverank.errors import ConfigError

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Period(msgspec.Struct, frozen=True):
    """From one time to another, Unix ms; the end is not part of it."""

    from_ms: int
    to_ms: int

    @property
    def span_ms(self) -> int:
        """Its length in milliseconds."""
        return self.to_ms - self.from_ms

    @property
    def name(self) -> str:
        """The ISO week where it is one, else its last day.

        >>> period_of_week("2026-W49").name, Period(0, WEEK_MS).name
        ('2026-W49', '1970-01-07')
        """
        begin = datetime.fromtimestamp(self.from_ms / 1000, UTC)
        year, week, weekday = begin.isocalendar()
        if self.span_ms == WEEK_MS and weekday == 1 and self.from_ms % DAY_MS == 0:
            return f"{year}-W{week:02d}"
        return datetime.fromtimestamp((self.to_ms - 1) / 1000, UTC).strftime("%Y-%m-%d")

    @property
    def title(self) -> str:
        """Its name for people.

        >>> period_of_week("2026-W49").title
        'Week 49, 2026'
        """
        year, _, week = self.name.partition("-W")
        return f"Week {int(week)}, {year}" if week else f"The week to {self.name}"

    def before(self, periods: int) -> "Period":
        """The period of the same length that ends so many periods earlier."""
        shift = periods * self.span_ms
        return Period(self.from_ms - shift, self.to_ms - shift)


def period_of_week(text: str) -> Period:
    """The ISO week of ``2026-W49``, from Monday to Sunday. Raises ConfigError.

    >>> period_of_week("1970-W02")
    Period(from_ms=345600000, to_ms=950400000)
    """
    try:
        year, week = text.split("-W")
        begin = datetime.fromisocalendar(int(year), int(week), 1).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(f"{text!r} is not a week; expected one such as 2026-W49") from None
    from_ms = round(begin.timestamp() * 1000)
    return Period(from_ms, from_ms + WEEK_MS)


def week_until(to_ms: int) -> Period:
    """The seven days before a time."""
    return Period(to_ms - WEEK_MS, to_ms)


def letter_due(
    day: Weekday, *, at_ms: int, last_ms: int | None, first_ms: int | None
) -> Period | None:
    """The period whose letter is due, or None.

    It ends at the last midnight at which a ``day`` (UTC) began. ``last_ms`` is when a letter was
    written last, ``first_ms`` the time of the log's first event: there is no letter about a time
    before it.

    >>> letter_due("monday", at_ms=350_000_000, last_ms=None, first_ms=0)
    Period(from_ms=-259200000, to_ms=345600000)
    >>> letter_due("monday", at_ms=350_000_000, last_ms=345_600_000, first_ms=0) is None
    True
    """
    if day == "never" or first_ms is None:
        return None
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight - timedelta(days=(now.weekday() - _DAYS.index(day)) % 7)
    to_ms = round(end.timestamp() * 1000)
    if first_ms >= to_ms or (last_ms is not None and last_ms >= to_ms):
        return None
    return week_until(to_ms)
