"""A letter is due once a week, about seven whole days."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.autopilot.letter.period import WEEK_MS, letter_due, period_of_week
from liverank.config_autopilot import Weekday
from liverank.errors import ConfigError

HOUR_MS = 3_600_000
DAYS: list[Weekday] = [
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]  # fmt: skip
START = datetime(2026, 9, 7, 5, tzinfo=UTC)


@given(day=st.sampled_from(DAYS), pause_h=st.integers(1, 200), first_h=st.integers(-300, 300))
def test_each_week_has_one_letter_whatever_the_pauses_between_looks(
    day: Weekday, pause_h: int, first_h: int
) -> None:
    first_ms = round((START + timedelta(hours=first_h)).timestamp() * 1000)
    last_ms, letters = None, []
    for hour in range(0, 24 * 70, pause_h):
        at_ms = round((START + timedelta(hours=hour)).timestamp() * 1000)
        period = letter_due(day, at_ms=at_ms, last_ms=last_ms, first_ms=first_ms)
        if period is not None:
            end = datetime.fromtimestamp(period.to_ms / 1000, UTC)
            assert DAYS[end.weekday()] == day
            assert (end.hour, end.minute) == (0, 0)
            assert period.span_ms == WEEK_MS
            assert 0 <= at_ms - period.to_ms < WEEK_MS
            assert first_ms < period.to_ms
            letters.append(period)
            last_ms = at_ms
    assert len(set(letters)) == len(letters)
    if pause_h < 24 * 7:
        gaps = {b.to_ms - a.to_ms for a, b in pairwise(letters)}
        assert gaps <= {WEEK_MS}


def test_never_is_never_and_an_empty_log_has_no_letter() -> None:
    assert letter_due("never", at_ms=WEEK_MS, last_ms=None, first_ms=0) is None
    assert letter_due("monday", at_ms=WEEK_MS, last_ms=None, first_ms=None) is None


@pytest.mark.parametrize("text", ["2026-W00", "2026-W54", "2026", "W49", "2026-49", ""])
def test_what_is_no_week_is_an_error_that_says_what_is(text: str) -> None:
    with pytest.raises(ConfigError, match="expected one such as 2026-W49"):
        period_of_week(text)


@pytest.mark.parametrize(
    ("text", "monday"), [("2026-W01", "2025-12-29"), ("2026-W53", "2026-12-28")]
)
def test_iso_weeks_begin_on_their_monday(text: str, monday: str) -> None:
    period = period_of_week(text)
    assert datetime.fromtimestamp(period.from_ms / 1000, UTC).date().isoformat() == monday
    assert period.name == text
