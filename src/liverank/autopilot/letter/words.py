"""Numbers, times and names of a letter as people write them."""

import re
from datetime import UTC, datetime

UNKNOWN = "unknown"
_REGULAR = re.compile(r"[a-z]+")


def count_words(value: float) -> str:
    """A count, rounded to what a reader takes in.

    >>> [count_words(value) for value in (7, 999, 8_431, 12_345, 1_234_567)]
    ['7', '999', '8,431', '12,300', '1.23 million']
    """
    if value >= 999_500:
        return f"{value / 1e6:.3g} million" if value < 9.995e8 else f"{value / 1e9:.3g} billion"
    if value < 10_000:
        return f"{value:,.0f}"
    unit = 100 if value < 99_950 else 1_000
    return f"{round(value / unit) * unit:,}"


def share_words(share: float) -> str:
    """A share in percent.

    >>> [share_words(share) for share in (0.0312, 0.2345, 0.999, 1.0, 0.0)]
    ['3.1 %', '23 %', '99.9 %', '100 %', '0 %']
    """
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value < 9.95 or value > 99.45 else f"{value:.0f} %"


def change_words(change: float) -> str:
    """A relative change with its sign.

    >>> [change_words(change) for change in (0.1234, -0.012, 0.03, -0.0001, 3.5)]
    ['+12 %', '-1.2 %', '+3 %', '0 %', '+350 %']
    """
    value = 100 * change
    if abs(value) < 0.05:
        return "0 %"
    if abs(value) >= 9.95:
        return f"{value:+,.0f} %"
    return f"{f'{value:+.1f}'.removesuffix('.0')} %"


def interval_words(low: float, high: float) -> str:
    """Both ends of an interval of relative changes.

    >>> interval_words(0.041, 0.2)
    '+4.1 to +20 %'
    """
    return f"{change_words(low).removesuffix(' %')} to {change_words(high)}"


def mean_words(value: float) -> str:
    """A number for each person.

    >>> [mean_words(value) for value in (0.0312, 1.98, 12.3)]
    ['0.031', '2.0', '12']
    """
    if value >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"


def label_words(interaction: str) -> str:
    """A type of interaction in the plural.

    >>> [label_words(name) for name in ("join", "watch", "reply", "room_join")]
    ['joins', 'watches', 'replies', '`room_join`']
    """
    if not _REGULAR.fullmatch(interaction):
        return f"`{interaction}`"
    if interaction.endswith(("s", "x", "z", "ch", "sh")):
        return f"{interaction}es"
    if interaction.endswith("y") and interaction[-2:-1] not in "aeiou":
        return f"{interaction[:-1]}ies"
    return f"{interaction}s"


def day_words(at_ms: float) -> str:
    """A day, in UTC.

    >>> day_words(1_764_547_200_000)
    'Mon 1 Dec'
    """
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%a} {moment.day} {moment:%b}"


def moment_words(at_ms: float) -> str:
    """A day and its time, in UTC.

    >>> moment_words(1_764_587_700_000)
    'Mon 1 Dec 11:15'
    """
    return f"{day_words(at_ms)} {datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M}"


def dates_words(from_ms: int, to_ms: int) -> str:
    """The days of a period, in UTC.

    >>> dates_words(1_764_547_200_000, 1_765_152_000_000)
    '1 to 7 December 2025'
    >>> dates_words(1_764_115_200_000, 1_764_720_000_000)
    '26 November to 2 December 2025'
    """
    begin, end = (datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (from_ms, to_ms - 1))
    first = f"{begin.day}"
    if (begin.year, begin.month) != (end.year, end.month):
        first += f" {begin:%B}"
    if begin.year != end.year:
        first += f" {begin.year}"
    return f"{first} to {end.day} {end:%B} {end.year}"
