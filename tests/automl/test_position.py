"""What a place does is told apart from what stands there, and no other column brings it back."""

from dataclasses import replace

import numpy as np
import pytest
from clocks import ticking

from liverank.automl.evaluation.position_bias import PositionEffect, position_effect
from liverank.automl.options import SearchOptions
from liverank.automl.ranking import fit
from liverank.dataset.rows import Rows

SIZE = 10
TRUE = -0.25 * np.arange(SIZE)
"""What each place adds to the log-odds of a success."""
TASTE, SIGNAL_RANK, POSITION = 0, 1, 2


def logged(n_lists=3000, *, noise=1.0, seed=0):
    """Lists sorted by a noisy signal that says nothing of taste but agrees with it a little."""
    random = np.random.default_rng(seed)
    taste = random.normal(size=(n_lists, SIZE))
    signal = taste + 1.5 * random.normal(size=taste.shape)
    order = np.argsort(-(signal + noise * random.gumbel(size=taste.shape)), axis=1)
    place = np.argsort(order, axis=1)
    rank = np.argsort(np.argsort(-signal, axis=1), axis=1) / (SIZE - 1)
    chance = 1 / (1 + np.exp(2.0 - 1.2 * taste - TRUE[place]))
    features = np.stack([taste, rank, place], axis=2).reshape(-1, 3).astype(np.float32)
    return Rows(
        features=features,
        labels=(random.random(taste.shape) < chance).ravel().astype(np.uint8),
        rankings=np.repeat(np.arange(n_lists), SIZE),
        at_ms=np.repeat(np.arange(n_lists) * 60_000, SIZE),
        names=("taste", "signal_rank", "position"),
    )


ALONE = np.array([True, False, True])


def naive(rows):
    """Log-odds of a success by place, whatever stands there."""
    place = rows.features[:, POSITION].astype(int)
    rate = np.bincount(place, rows.labels) / np.bincount(place)
    log_odds = np.log(rate / (1 - rate))
    return log_odds - log_odds[0]


def error(log_odds):
    return float(np.sqrt(np.mean((np.array(log_odds) - TRUE) ** 2)))


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_a_place_is_told_apart_from_what_was_put_there(noise):
    rows = logged(noise=noise)
    effect = position_effect(rows, alone=ALONE, propensities=None, seed=0)
    assert effect.method == "partial_dependence"
    assert effect.rows == len(rows)
    assert error(effect.log_odds) < 0.3
    assert error(effect.log_odds) < error(naive(rows))


def shuffled_lists(n):
    """Lists in random order, where rates by place are the truth but for chance."""
    random = np.random.default_rng(1)
    rows = logged(n, seed=2)
    taste = rows.features[:, TASTE]
    shuffled = random.permuted(np.tile(np.arange(SIZE), (n, 1)), axis=1).ravel()
    chance = 1 / (1 + np.exp(2.0 - 1.2 * taste - TRUE[shuffled]))
    features = rows.features.copy()
    features[:, POSITION] = shuffled
    return replace(
        rows, features=features, labels=(random.random(len(rows)) < chance).astype(np.uint8)
    )


def test_many_propensities_tell_it_exactly():
    at_random = shuffled_lists(6000)
    even = np.full(len(at_random), 1 / SIZE)
    told = position_effect(at_random, alone=ALONE, propensities=even, seed=0)
    assert told.method == "propensities"
    assert np.abs(np.array(told.log_odds) - naive(at_random)).max() < 0.01
    assert error(told.log_odds) < 0.25


def test_where_propensities_tell_too_little_they_do_not_decide():
    few = shuffled_lists(300)
    even = np.full(len(few), 1 / SIZE)
    effect = position_effect(few, alone=ALONE, propensities=even, seed=0)
    assert effect == position_effect(few, alone=ALONE, propensities=None, seed=0)


def test_rare_chances_that_outweigh_all_others_do_not_decide():
    many = shuffled_lists(6000)
    chances = np.where(np.random.default_rng(5).random(len(many)) < 0.02, 0.01, 0.9)
    effect = position_effect(many, alone=ALONE, propensities=chances, seed=0)
    assert effect.method == "partial_dependence"


def test_uneven_propensities_are_weighted_out():
    """Good items get the first place twice as often; one over the chance makes them even again."""
    random = np.random.default_rng(3)
    n = 200_000
    is_good = random.random(n) < 0.5
    first = random.random(n) < np.where(is_good, 0.8, 0.2)
    chance = np.where(is_good, 0.3, 0.1) * np.where(first, 1.0, 0.5)
    rows = Rows(
        features=np.stack([~first, is_good], axis=1).astype(np.float32),
        labels=(random.random(n) < chance).astype(np.uint8),
        rankings=np.arange(n),
        at_ms=np.arange(n),
        names=("position", "quality"),
    )
    propensities = np.where(first, np.where(is_good, 0.8, 0.2), np.where(is_good, 0.2, 0.8))
    effect = position_effect(rows, alone=np.array([True, True]), propensities=propensities, seed=0)
    expected = np.log(0.1 / 0.9) - np.log(0.2 / 0.8)
    assert effect.log_odds[0] == 0
    assert abs(effect.log_odds[1] - expected) < 0.05
    assert naive_of_two(rows) < expected - 0.5, "what stood there flatters the first place"


def naive_of_two(rows):
    rates = [rows.labels[rows.features[:, 0] == place].mean() for place in (0, 1)]
    odds = [rate / (1 - rate) for rate in rates]
    return float(np.log(odds[1] / odds[0]))


def test_the_rank_of_what_sorted_the_lists_does_not_bring_the_place_back():
    rows = logged(noise=0.5)
    effect = position_effect(rows, alone=ALONE, propensities=None, seed=0)
    without = rows.keep_columns([True, True, False])
    apart = replace(without, base=effect.of(rows.features[:, POSITION]))

    def fall(model):
        """How much lower the margin is for the last of the signal than for its first."""
        taste = np.linspace(-1.5, 1.5, 50, dtype=np.float32)
        ends = [np.stack([taste, np.full(50, rank, np.float32)], axis=1) for rank in (0.0, 1.0)]
        first, last = (model.margins(np.ascontiguousarray(end))[:, 0] for end in ends)
        return float((first - last).mean())

    blind, told = (
        fall(fit(some, SearchOptions(budget_s=6, families=["lightgbm"], clock=ticking())).predictor)
        for some in (without, apart)
    )
    assert blind > 0.7, "unless places are known, the rank stands for them"
    assert abs(told) < 0.35 * blind


@pytest.mark.parametrize("what", ["few rows", "no position", "one place", "no places", "failures"])
def test_where_places_cannot_be_told_nothing_is_said(what):
    rows = logged(200 if what == "few rows" else 400)
    if what == "few rows":
        rows = rows.take(slice(0, 900))
    if what == "no position":
        rows = replace(rows, names=("taste", "signal_rank", "other"))
    features = rows.features.copy()
    if what == "one place":
        features[:, POSITION] = 3
    if what == "no places":
        features[:, POSITION] = np.nan
    labels = rows.labels * 0 if what == "failures" else rows.labels
    rows = replace(rows, features=features, labels=labels)
    assert position_effect(rows, alone=ALONE, propensities=None, seed=0) is None


def test_later_places_have_the_last_ones_effect():
    effect = PositionEffect(log_odds=(0.0, -1.0), rows=5, method="propensities")
    assert effect.of(np.array([1, 2, 300], np.float32)).tolist() == [-1.0, -1.0, -1.0]
