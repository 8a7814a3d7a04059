"""Local time: transitions agree with the standard library, names mean what people mean by them."""

import math
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import EventError
from liverank.events.time_zones import FIRST_S, LAST_S, offset_ms_at, transitions_of, zone_name

NAMES = files("tzdata").joinpath("zones").read_text().split()


@pytest.fixture(scope="module", autouse=True)
def _rules_of_the_package() -> Iterator[None]:
    """The standard library reads the machine's rules first; here it is to read the package's."""
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def true_offset_ms(name: str, at_ms: float) -> float:
    ahead = datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(name)).utcoffset()
    assert ahead is not None
    return ahead.total_seconds() * 1000


@pytest.mark.parametrize("part", range(8))
def test_offsets_of_all_zones_are_those_of_the_standard_library_at_any_time(part: int) -> None:
    rng = np.random.default_rng(part)
    for name in NAMES[part::8]:
        transitions = transitions_of(name)
        for at_ms in rng.integers(FIRST_S * 1000, LAST_S * 1000, 100).tolist():
            assert offset_ms_at(transitions, at_ms) == true_offset_ms(name, at_ms), name


@pytest.mark.parametrize("name", NAMES[::10])
def test_each_transition_is_at_its_very_second_and_changes_the_clock(name: str) -> None:
    starts_ms, offsets_ms = transitions_of(name)

    assert starts_ms[0] == -math.inf
    assert (np.diff(starts_ms) > 0).all()
    assert (np.diff(offsets_ms) != 0).all()
    for start_ms, before, after in zip(starts_ms[1:], offsets_ms, offsets_ms[1:], strict=False):
        assert true_offset_ms(name, start_ms - 1) == before
        assert true_offset_ms(name, start_ms) == after


def test_every_hour_of_zones_with_unruly_clocks_is_right() -> None:
    for name in ("Africa/Cairo", "Africa/Casablanca", "America/Boa_Vista", "Asia/Gaza"):
        transitions = transitions_of(name)
        for at_s in range(FIRST_S, LAST_S, 12 * 3600):
            assert offset_ms_at(transitions, at_s * 1000) == true_offset_ms(name, at_s * 1000)


@given(st.integers(-14 * 60, 14 * 60), st.sampled_from(["", "UTC", "GMT", "utc"]), st.booleans())
def test_an_offset_however_written_is_that_far_from_utc(
    minutes: int, prefix: str, with_colon: bool
) -> None:
    hours, rest = divmod(abs(minutes), 60)
    sign, colon = "-" if minutes < 0 else "+", ":" if with_colon else ""

    name = zone_name(f"{prefix}{sign}{hours:02}{colon}{rest:02}")

    assert name is not None
    ahead = timedelta(minutes=minutes)
    assert offset_ms_at(transitions_of(name), 0) == ahead.total_seconds() * 1000
    assert name == ("UTC+00:00" if minutes == 0 else str(timezone(ahead)))


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("US", "America/New_York"),
        ("GB", "Europe/London"),
        ("UK", "Europe/London"),
        ("nz", "Pacific/Auckland"),
        ("IN", "Asia/Kolkata"),
        ("MX", "America/Mexico_City"),
        ("ES", "Europe/Madrid"),
        ("BR", "America/Sao_Paulo"),
        ("DE", "Europe/Berlin"),
        ("JP", "Asia/Tokyo"),
        ("AU", "Australia/Sydney"),
        ("CA", "America/Toronto"),
        ("RU", "Europe/Moscow"),
        ("ID", "Asia/Jakarta"),
        ("United States", "America/New_York"),
        (" Japan ", "Japan"),  # an old name of Asia/Tokyo, and a name stays
        ("America/New York", "America/New_York"),
        ("US/Pacific", "US/Pacific"),
        ("utc", "UTC"),
        ("UTC+2", "UTC+02:00"),
        ("+0530", "UTC+05:30"),
        ("-00:00", "UTC+00:00"),
    ],
)
def test_what_people_write_becomes_a_zone(value: str, zone: str) -> None:
    assert zone_name(value) == zone
    transitions_of(zone)


@pytest.mark.parametrize(
    "value", ["", " ", "ZZ", "HM", "+15", "+14:01", "+02:60", "2", "Mars/Olympus", "../UTC", "\0"]
)
def test_what_is_no_zone_is_none(value: str) -> None:
    assert zone_name(value) is None


@given(st.text())
def test_any_text_has_a_zone_or_none_and_a_zone_stays_itself(value: str) -> None:
    name = zone_name(value)

    if name is not None:
        assert zone_name(name) == name
        transitions_of(name)


def test_every_country_with_people_has_a_zone() -> None:
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    codes = [line.split("\t")[0] for line in table.splitlines() if not line.startswith("#")]

    homeless = {code for code in codes if zone_name(code) is None}

    assert homeless == {"BV", "HM"}  # two islands of seals and penguins


def test_beyond_the_years_known_the_nearest_offset_holds() -> None:
    tokyo = transitions_of("Asia/Tokyo")

    for at in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2090, 7, 1, tzinfo=UTC)):
        assert offset_ms_at(tokyo, at.timestamp() * 1000) == 9 * 3_600_000


def test_the_arrays_are_shared_and_nobody_can_write_to_them() -> None:
    berlin = transitions_of("Europe/Berlin")

    assert transitions_of("Europe/Berlin") is berlin
    with pytest.raises(ValueError, match="read-only"):
        berlin.offsets_ms[0] = 0


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "+02:00", "europe/berlin", "US"])
def test_a_name_that_is_no_zone_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(EventError, match=r"is no time zone.*`zone_name`"):
        transitions_of(name)
