"""The sliding pool finds the same candidates as a scan of all interactions so far."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.dataset.lists.implied_kernel import choices_of

ALL = -1
WITHIN_MS = 10


def in_window(time, items, click):
    """The plain definition: all that happened before the click, not older than the window."""
    since = time[click] - WITHIN_MS
    return sorted({item for at, item in zip(time, items, strict=True) if since <= at < time[click]})


def chosen_lists(time, items, chosen, *, per_list=ALL, seed=0):
    offsets, picked, labels = choices_of(
        np.array(time, np.int64),
        np.array(items, np.int64),
        np.array(chosen, np.int64),
        WITHIN_MS,
        per_list,
        np.uint64(seed),
    )
    cuts = offsets[1:-1]
    return [piece.tolist() for piece in np.split(picked, cuts)], np.split(labels, cuts)


@st.composite
def logs(draw):
    """Interactions in order of time, many of the same moment, and some that were chosen."""
    size = draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(0, 6), min_size=size, max_size=size))
    items = draw(st.lists(st.integers(0, 6), min_size=size, max_size=size))
    chosen = sorted(draw(st.sets(st.integers(0, size - 1), min_size=1)))
    return (1000 + np.cumsum(steps)).tolist(), items, chosen


@settings(max_examples=200, deadline=None)
@given(logs())
def test_the_pool_is_what_a_scan_finds(log):
    time, items, chosen = log
    found, labels = chosen_lists(time, items, chosen)
    assert found == [in_window(time, items, click) for click in chosen]
    for click, pool, is_right in zip(chosen, found, labels, strict=True):
        assert is_right.tolist() == [int(item == items[click]) for item in pool]


@settings(max_examples=200, deadline=None)
@given(logs(), st.integers(2, 4), st.integers(0, 9))
def test_a_sample_holds_distinct_items_of_the_scan_and_the_chosen_one(log, per_list, seed):
    time, items, chosen = log
    found, _ = chosen_lists(time, items, chosen, per_list=per_list, seed=seed)
    for click, sample in zip(chosen, found, strict=True):
        pool = in_window(time, items, click)
        known = items[click] in pool and len(pool) > 1
        assert len(sample) == len(set(sample)) == (min(per_list, len(pool)) if known else 0)
        assert set(sample) <= set(pool)
        assert not known or items[click] in sample


def test_draws_stay_even_while_items_come_and_go():
    time = np.arange(60_000)  # a tick each, so that the window is the last ten interactions
    items = np.random.default_rng(0).integers(0, 12, time.size)
    chosen = np.arange(100, time.size)
    found, labels = chosen_lists(time, items, chosen, per_list=3)
    expected, drawn = np.zeros(12), np.zeros(12)
    for click, sample, is_right in zip(chosen, found, labels, strict=True):
        others = sorted({*items[click - WITHIN_MS : click].tolist()} - {int(items[click])})
        drawn[np.array(sample, np.int64)[is_right == 0]] += 1
        if sample and others:
            expected[others] += min(2, len(others)) / len(others)
    assert np.abs(drawn / expected - 1).max() < 0.05
