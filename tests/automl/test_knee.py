"""The features that are searched with: few, and among them those that matter."""

import time

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.search.feature_count import COUNTS, fewest_features
from liverank.dataset.rows import Rows

FOREVER = 1e6


def rows_of(n_features, *, useful, n_lists=1200, size=10, seed=0):
    """Lists in which the first features say what succeeds, and the others nothing."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n_lists * size, n_features)).astype(np.float32)
    margin = features[:, :useful].sum(axis=1) / np.sqrt(useful) * 2.0 - 2.5
    return Rows(
        features=features,
        labels=(random.random(len(features)) < 1 / (1 + np.exp(-margin))).astype(np.uint8),
        rankings=np.repeat(np.arange(n_lists), size),
        at_ms=np.repeat(np.arange(n_lists) * 1000, size),
        names=tuple(f"f{place}" for place in range(n_features)),
    )


def found_in(rows, *, seconds=FOREVER):
    deadline = Deadline(time.monotonic() + seconds, time.monotonic)
    return fewest_features(rows, validation=0.2, gap_ms=0.0, seed=0, deadline=deadline)


def test_what_says_nothing_goes_and_what_matters_stays():
    knee = found_in(rows_of(150, useful=6))
    assert knee.kept[:6].all()
    assert int(knee.kept.sum()) <= 84
    enough = [one.features for one in knee.tried if one.is_enough]
    assert enough[-1] == int(knee.kept.sum()) == min(enough)


def test_where_every_feature_matters_more_are_kept():
    few = found_in(rows_of(150, useful=6))
    many = found_in(rows_of(150, useful=150, n_lists=2500))
    assert many.kept.sum() > few.kept.sum()
    assert any(not one.is_enough for one in many.tried)


def test_the_same_rows_give_the_same_features():
    rows = rows_of(90, useful=4, n_lists=400)
    one, other = found_in(rows), found_in(rows)
    assert one.kept.tolist() == other.kept.tolist()
    assert one.tried == other.tried


def test_few_features_are_all_kept_and_none_is_tried():
    rows = rows_of(min(COUNTS), useful=3, n_lists=300)
    assert found_in(rows).kept.all()
    assert found_in(rows).tried == ()


def test_too_few_lists_to_choose_by_keep_every_feature():
    assert found_in(rows_of(150, useful=3, n_lists=4)).kept.all()


def test_without_time_every_feature_is_kept():
    knee = found_in(rows_of(150, useful=6, n_lists=300), seconds=0.0)
    assert knee.kept.all()
    assert knee.tried == ()
