"""Rounds that hold at other blocks: the choice against its plain definition, and cut forests."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.budget import FOREVER
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import catboost, lightgbm, xgboost
from liverank.automl.search.origin_rounds import (
    at_most,
    best_rounds,
    rounds_by_others,
    with_rounds_of_others,
)
from liverank.models.forest.forest import Forest, leaf_arrays

PARAMS = {
    lightgbm: {"learning_rate": 0.3, "num_leaves": 7},
    catboost: {"learning_rate": 0.3, "depth": 3},
    xgboost: {"learning_rate": 0.3, "max_depth": 3},
}
losses = st.lists(st.floats(0.1, 9.0), min_size=1, max_size=6)


def rows(seed: int, n: int = 300) -> Matrix:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3)).astype(np.float32)
    target = (generator.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(np.float64)
    return Matrix(x, target, None, ("a", "b", "c"), (0, 0, 0), "binary")


@given(st.lists(losses, min_size=2, max_size=5))
def test_rounds_of_a_block_are_the_best_on_average_over_the_others(
    paths: list[list[float]],
) -> None:
    def loss(path: list[float], rounds: int) -> float:
        return path[rounds - 1] if rounds <= len(path) else path[-1]

    chosen = rounds_by_others([np.array(path) for path in paths])
    for i, rounds in enumerate(chosen):
        others = paths[:i] + paths[i + 1 :]
        longest = max(map(len, others))
        means = {r: np.mean([loss(path, r) for path in others]) for r in range(1, longest + 1)}
        assert math.isclose(means[rounds], min(means.values()), rel_tol=1e-12)


def test_a_model_cut_to_fewer_rounds_is_the_model_trained_for_so_many() -> None:
    train, later = rows(1), rows(2)
    for family, params in PARAMS.items():

        def fit(rounds: int, family=family, params=params) -> Fit:
            return family.fit(
                train, None, params, seed=3, n_threads=1, deadline=FOREVER, rounds=rounds
            )

        cut = at_most(fit(9), 4)
        assert cut.rounds == 4
        expected = fit(4).margins(later.features)
        np.testing.assert_allclose(cut.margins(later.features), expected, atol=1e-9)


def test_each_fold_is_cut_to_the_rounds_of_the_others() -> None:
    train = rows(1)
    paths = [np.array([3.0, 2.0, 1.0, 4.0]), np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 3.0])]

    def fit(rounds: int) -> Fit:
        return lightgbm.fit(
            train, None, PARAMS[lightgbm], seed=3, n_threads=1, deadline=FOREVER, rounds=rounds
        )

    fits = [
        Fit(each.parts, each.rounds, len(path), False, each.gains, path)
        for path in paths
        for each in [fit(best_rounds([path]))]
    ]
    changed = with_rounds_of_others(fits)
    wanted = [min(a, b.rounds) for a, b in zip(rounds_by_others(paths), fits, strict=True)]
    assert [each.rounds for each in changed] == wanted
    assert wanted != [each.rounds for each in fits]
    assert [each.rounds_run for each in changed] == [4, 3, 3]
    for each in changed:
        expected = fit(each.rounds).margins(train.features)
        np.testing.assert_allclose(each.margins(train.features), expected, atol=1e-9)


def test_models_without_losses_by_round_stay_as_they_are() -> None:
    fit = Fit((Forest.from_arrays(leaf_arrays(1.0), 1),), 1, 1, False, np.zeros(1))
    assert with_rounds_of_others([fit, fit]) == [fit, fit]
