"""Texts that look like times, spans or quantities in a form that is not read are reported."""

import pytest

from liverank.values.evidence import Texts
from liverank.values.kinds import TABLE_COLUMN, kind_of_texts


def odd(texts: list[str]) -> str:
    return kind_of_texts(Texts("x", dict.fromkeys(texts, 2)), TABLE_COLUMN).oddity or ""


@pytest.mark.parametrize(
    "pattern",
    [
        "{:02}:15:30",
        "{}:05",
        "{:02}:15 PM",
        "PT{}H5M",
        "{} days 01:02:03",
        "{}h 5m",
        "5{:02}:19:03",
    ],
)
def test_times_of_day_and_time_spans_are_named_with_a_cure(pattern: str) -> None:
    note = odd([pattern.format(n) for n in range(1, 13)])
    assert "look like times of day or time spans" in note
    assert "such as their seconds" in note


@pytest.mark.parametrize(
    "pattern",
    [
        *("{:02}FEB2024", "{:02}FEB2024:01:19:03", "{}. Februar 2024", "{} f\u00e9vrier 2024"),
        *("2024-02-{:02} 01:19:03 CET", "2024-02-{:02}T01:19:03+01:00[Europe/Berlin]"),
        *("{:02}.02.2024 01.19", "2024-02-{:02} 01", "202402{:02} 01:19", "2024-W{:02}"),
    ],
)
def test_times_in_a_form_that_is_not_read_are_named_with_a_cure(pattern: str) -> None:
    note = odd([pattern.format(n) for n in range(13, 28)])
    assert "look like times in a form that is not read" in note
    assert '--type "x=time:' in note


@pytest.mark.parametrize("unit", [" km", "kg", ",5 K\u010d", " \u00b0C", ".5M"])
def test_numbers_with_a_unit_are_named_with_a_cure(unit: str) -> None:
    assert "look like numbers with a unit" in odd([f"{n}{unit}" for n in range(40)])


def test_names_codes_and_prose_are_not_named() -> None:
    assert odd(["Ulm", "Bonn", "Kiel"] * 9) == ""
    assert odd([f"{n}{seat}" for n in range(20) for seat in "ABCD"]) == ""
    assert (
        odd([f"2024-02-{n:02}: the patient came back and was seen again" for n in range(28)]) == ""
    )
