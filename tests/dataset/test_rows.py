"""Rows hold what they promise, and splits are by time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.dataset.rows import Rows, list_offsets
from liverank.dataset.split import known_before, newest_from
from liverank.errors import DatasetError


def rows_of(sizes, *, f=2):
    n = sum(sizes)
    rankings = np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)
    return Rows(
        features=np.arange(n * f, dtype=np.float32).reshape(n, f),
        labels=(np.arange(n) % 2).astype(np.uint8),
        rankings=rankings,
        at_ms=rankings * 1000,
        names=tuple(f"x{i}" for i in range(f)),
    )


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), st.floats(0.01, 0.99))
def test_the_newest_part_keeps_rankings_whole_and_is_near_its_share(sizes, share):
    rows = rows_of(sizes)
    cut = newest_from(rows, share)
    assert 0 < cut < len(rows)
    assert rows.rankings[cut - 1] != rows.rankings[cut]
    assert abs(len(rows) - cut - share * len(rows)) <= max(sizes)


def test_one_ranking_cannot_be_split():
    assert newest_from(rows_of([5]), 0.2) == 5


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=30),
    st.floats(0.01, 0.99),
    st.integers(0, 40_000),
)
def test_rows_known_before_a_cut_are_whole_rankings_made_the_gap_before_it(sizes, share, gap_ms):
    rows = rows_of(sizes)
    cut = newest_from(rows, share)
    known = known_before(rows, cut, gap_ms)
    made_before = rows.at_ms < rows.at_ms[cut] - gap_ms
    assert known == (np.count_nonzero(made_before) if gap_ms else cut)


def test_take_keeps_the_rows_of_the_mask():
    rows = rows_of([2, 3])
    taken = rows.take(rows.rankings == 1)
    assert len(taken) == 3
    assert taken.positives == 1
    np.testing.assert_array_equal(taken.features, rows.features[2:])


def test_columns_are_kept_with_their_names_and_directions():
    rows = replace(rows_of([2, 3], f=3), directions=(1, 0, -1))
    kept = rows.keep_columns([True, False, True])
    np.testing.assert_array_equal(kept.features, rows.features[:, [0, 2]])
    assert (kept.names, kept.directions) == (("x0", "x2"), (1, -1))
    assert rows.keep_columns([True] * 3) is rows
    assert replace(rows, directions=()).keep_columns([True, False, False]).directions == ()


def test_offsets_of_no_rows_are_a_lone_zero():
    assert list_offsets(np.array([], np.int64)).tolist() == [0]
    assert len(rows_of([0])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(3, np.uint8)}, r"expected float32\[3, 2\]"),
        ({"features": np.zeros((4, 2))}, r"`features` is float64\[4, 2\]"),
        ({"features": np.zeros((4, 2), np.float32, order="F")}, "laid out by column"),
        ({"labels": np.full(4, 2, np.uint8)}, "0 or 1, got 2"),
        ({"at_ms": np.array([1, 2, 3, 1])}, "backwards at row 3"),
        ({"rankings": np.array([1, 1, 2, 1])}, "are apart"),
        ({"names": ("x0",)}, r"expected float32\[4, 1\]"),
    ],
)
def test_rows_that_break_their_promise_are_refused(change, message):
    good = rows_of([2, 2])
    parts = {name: getattr(good, name) for name in good.__dataclass_fields__}
    with pytest.raises(DatasetError, match=message):
        Rows(**{**parts, **change})


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(DatasetError, match="between 0 and 1"):
        newest_from(rows_of([1, 1]), share)
