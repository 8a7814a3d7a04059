"""Segments are large enough to compare, distinct, and described by what they hold."""

from types import SimpleNamespace

import numpy as np
import pytest

from liverank.autopilot.judging.components import ServedRows
from liverank.autopilot.judging.judged_lists import JudgedLists
from liverank.autopilot.judging.segments import (
    LEAST_LISTS,
    MOST_SEGMENTS,
    NEW_PERSON_MS,
    segments_of,
)

DAY_MS = 86_400_000.0
AT_MS = 1_795_392_000_000.0


def names_of(n, *, languages=None, surfaces=None, since_ms=0.0, item_ages_ms=DAY_MS, fields=None):
    """The segments of ``n`` lists of two items, of which the first is a success, of 200 people."""
    people = np.arange(n) % 200
    rows = ServedRows(
        labels=np.tile([1, 0], n).astype(np.uint8),
        weights=np.ones(2 * n),
        of_list=np.repeat(np.arange(n), 2),
        users=people.astype(np.uint64),
        seen=np.ones(2 * n, np.bool_),
    )
    judged = JudgedLists(
        lists=SimpleNamespace(reads=SimpleNamespace(at=np.full(n, AT_MS))),
        surfaces=surfaces or ["home"] * n,
        user_since=np.broadcast_to(since_ms, n),
        item_since=AT_MS - np.broadcast_to(item_ages_ms, 2 * n),
        user_fields=fields or ({} if languages is None else {"language": languages}),
    )
    return {one.name: one for one in segments_of(judged, rows, np.ones(2 * n, bool))}


def test_a_value_needs_enough_lists_and_is_not_nearly_all_of_them():
    languages = ["en"] * (1_000 - 2 * LEAST_LISTS) + ["de"] * LEAST_LISTS + ["fr"] * LEAST_LISTS
    languages[-1] = "nl"
    assert set(names_of(1_000, languages=languages)) == {
        "language of people: en",
        "language of people: de",
    }
    assert names_of(1_000, languages=["en"] * 910 + ["de"] * 90).keys() == {
        "language of people: de"
    }
    assert names_of(1_000, languages=[None] * 1_000) == {}


def test_few_people_are_no_segment():
    languages = ["de" if n % 200 < 19 else "en" for n in range(2_000)]
    assert "language of people: de" not in names_of(2_000, languages=languages)
    languages = ["de" if n % 200 < 21 else "en" for n in range(2_000)]
    assert "language of people: de" in names_of(2_000, languages=languages)


def test_new_people_are_those_of_the_last_week():
    since_ms = np.where(
        np.arange(1_000) % 200 < 60, AT_MS - NEW_PERSON_MS + 1, AT_MS - NEW_PERSON_MS
    )
    [segment] = names_of(1_000, since_ms=since_ms).values()
    assert segment.name == "people seen first within 7 days"
    assert np.count_nonzero(segment.lists) == 300


@pytest.mark.parametrize(
    ("unit_ms", "name"),
    [(60_000.0, "items up to 26 minutes old"), (DAY_MS, "items up to 24 hours old")],
)
def test_new_items_are_the_youngest_quarter_or_those_of_the_last_day(unit_ms, name):
    ages_ms = unit_ms * (1 + np.random.default_rng(0).permutation(40_000) % 100)
    [segment] = names_of(20_000, item_ages_ms=ages_ms).values()
    assert segment.name == name
    limit_ms = min(25 * unit_ms, DAY_MS)
    np.testing.assert_array_equal(segment.rows, ages_ms <= limit_ms)


def test_a_country_and_its_language_are_one_segment():
    languages = ["en"] * 700 + ["de"] * 300
    countries = ["US"] * 600 + ["GB"] * 100 + ["DE"] * 300
    names = names_of(1_000, fields={"language": languages, "country": countries})
    assert set(names) == {
        "language of people: en",
        "language of people: de",
        "country of people: US",
        "country of people: GB",
    }


def test_the_largest_segments_are_compared_where_there_are_very_many():
    random = np.random.default_rng(0)
    fields = {
        f"field{n}": random.choice(["a", "b", "c", "d"], 2_000, p=[0.55, 0.3, 0.1, 0.05]).tolist()
        for n in range(12)
    }
    names = names_of(2_000, fields=fields)
    assert len(names) == MOST_SEGMENTS
    assert sum(name.endswith("a") for name in names) == 12
    assert sum(name.endswith("d") for name in names) == 0
