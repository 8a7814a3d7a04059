"""The course of an experiment in time, and the numbers that stand for its users."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.config import Impressions
from liverank.errors import ExperimentError
from liverank.experiments.gathering.codes import Codes, Numbers
from liverank.experiments.gathering.impressions import stands_for_impressions
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.course import Course

IDS = st.lists(st.none() | st.text(max_size=3), max_size=30)


@settings(max_examples=50, deadline=None)
@given(st.lists(IDS, max_size=6))
def test_ids_get_numbers_in_the_order_of_their_coming(frames: list[list[str | None]]) -> None:
    numbers, codes = Numbers(), Codes()
    known: dict[str, int] = {}
    for ids in frames:
        truth = [-1 if one is None else known.setdefault(one, len(known)) for one in ids]
        column = pl.Series(ids, dtype=pl.String)
        assert numbers.of(column).tolist() == truth
        assert codes.of(column).tolist() == truth
    assert len(numbers) == len(codes) == len(known)
    assert codes.texts() == list(known)


def test_numbers_stay_as_they_are_while_the_table_grows() -> None:
    numbers = Numbers()
    ids = pl.Series([f"user{place}" for place in range(30_000)])
    for start in range(0, 30_000, 7_000):
        part = ids[start : start + 7_000]
        assert numbers.of(part).tolist() == list(range(start, start + len(part)))
    assert numbers.of(ids.reverse()).tolist() == list(range(29_999, -1, -1))


@settings(max_examples=80, deadline=None)
@given(
    st.floats(0.1, 40),
    st.floats(0.5, 30),
    st.sampled_from([0.25, 1, 7]),
    st.none() | st.floats(0, 40),
)
def test_looks_are_those_of_the_plan_and_one_at_the_end(
    now: float, planned: float, every: float, stopped: float | None
) -> None:
    course = Course(
        start_ms=1e12,
        planned_end_ms=1e12 + planned * DAY_MS,
        now_ms=1e12 + now * DAY_MS,
        looks_ms=every * DAY_MS,
        stopped_ms=None if stopped is None else 1e12 + stopped * DAY_MS,
    )
    looks = course.looks()
    assert looks == sorted(set(looks))
    assert all(course.start_ms < at_ms <= course.until_ms for at_ms in looks)
    assert course.until_ms <= course.now_ms
    regular = looks[:-1] if course.is_over else looks
    assert regular == [1e12 + (place + 1) * every * DAY_MS for place in range(len(regular))]
    if course.is_over and course.days > 0:
        assert looks[-1] == course.until_ms
    elif not course.is_over:
        assert course.now_ms - (looks[-1] if looks else 1e12) < every * DAY_MS + 1


def test_a_plan_of_too_many_looks_is_refused() -> None:
    course = Course(start_ms=0, planned_end_ms=28 * DAY_MS, now_ms=DAY_MS, looks_ms=DAY_MS / 24)
    with pytest.raises(ExperimentError, match=r"672 looks; expected at most 200.*0\.14 days"):
        course.looks()


def test_items_stand_for_impressions_only_where_none_are_logged() -> None:
    asked = []

    def frames(types: list[str]) -> bool:
        def read(columns: object) -> list[pl.DataFrame]:
            asked.append(columns)
            return [pl.DataFrame({"seq": [1], "type": [one]}) for one in types]

        return stands_for_impressions(Impressions(), read)

    assert frames(["join", "click"])
    assert not frames(["join", "impression"])
    assert asked == [("seq", "type")] * 2
    for source, stands in (("ranking", True), ("interaction", False)):
        assert stands_for_impressions(Impressions(source=source), lambda _: []) == stands  # type: ignore[arg-type]
