"""Rows held back: the newest with a time, some at random without, groups never divided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.splits import DRAWN, NEWEST, split_drawn, split_newest

MOMENTS = st.lists(st.integers(0, 30), min_size=10, max_size=80).filter(lambda m: len(set(m)) > 1)


@given(MOMENTS)
def test_no_row_that_is_learned_from_is_as_late_as_one_that_judges(moments: list[int]) -> None:
    at_ms = np.array(moments, float)

    learn, judge = split_newest(at_ms, None)

    assert at_ms[learn].max() < at_ms[judge].min()
    assert sorted([*learn, *judge]) == list(range(len(moments)))
    assert (np.diff(at_ms[learn]) >= 0).all()


@given(MOMENTS)
def test_no_other_moment_to_cut_at_leaves_nearer_to_a_fifth(moments: list[int]) -> None:
    _, judge = split_newest(np.array(moments, float), None)

    missed = [abs(sum(m >= cut for m in moments) - NEWEST * len(moments)) for cut in set(moments)]
    whole = [abs(len(moments) - NEWEST * len(moments))]
    assert abs(len(judge) - NEWEST * len(moments)) in (min(missed), min(set(missed) - set(whole)))


@given(MOMENTS, st.integers(0, 5))
def test_a_group_that_goes_on_beyond_the_cut_does_not_teach_its_late_rows(
    moments: list[int], seed: int
) -> None:
    at_ms = np.array(moments, float)
    groups = np.random.default_rng(seed).integers(0, 4, len(moments))
    begins = {g: at_ms[groups == g].min() for g in set(groups.tolist())}
    if len(set(begins.values())) < 2:
        return

    learn, judge = split_newest(at_ms, groups)

    assert not set(groups[learn]) & set(groups[judge])
    assert at_ms[learn].max() < min(begins[g] for g in groups[judge].tolist())


@given(st.lists(st.integers(0, 2), min_size=4, max_size=200), st.integers(0, 9))
def test_each_class_gives_a_quarter_of_its_rows(classes: list[int], seed: int) -> None:
    target = np.array(classes, float)

    learn, judge = split_drawn(target, None, classes=3, seed=seed)

    assert sorted([*learn, *judge]) == list(range(len(classes)))
    for name in set(classes):
        assert abs((target[judge] == name).sum() - DRAWN * classes.count(name)) <= 0.5


def test_values_are_held_back_from_all_of_their_range() -> None:
    target = np.random.default_rng(0).lognormal(0, 2, 4000)

    _, judge = split_drawn(target, None, classes=0, seed=1)

    assert len(judge) == 1000
    shares = np.quantile(target, [0.1, 0.5, 0.9])
    assert (target[judge][:, None] < shares).mean(axis=0) == pytest.approx(
        [0.1, 0.5, 0.9], abs=0.01
    )


@given(st.integers(0, 20))
def test_groups_are_drawn_whole(seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 40, 400)

    learn, judge = split_drawn(np.zeros(400), groups, classes=2, seed=seed)

    assert not set(groups[learn]) & set(groups[judge])
    assert 0.15 < len(judge) / 400 <= DRAWN


def test_the_seed_decides_who_is_drawn() -> None:
    target = np.arange(100) % 2.0

    first, again, other = (split_drawn(target, None, classes=2, seed=s)[1] for s in (1, 1, 2))

    assert first.tolist() == again.tolist() != other.tolist()
