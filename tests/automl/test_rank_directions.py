"""A model that was told which way a feature points never turns the other way."""

import numpy as np
import pytest
from clocks import ticking

from liverank.automl.options import SearchOptions
from liverank.automl.ranking import fit
from liverank.dataset.rows import Rows
from liverank.errors import DatasetError


def noisy_rows(directions):
    random = np.random.default_rng(5)
    features = random.random((3000, 3), np.float32)
    chance = 0.1 + 0.3 * features[:, 0]
    return Rows(
        features=features,
        labels=(random.random(3000) < chance).astype(np.uint8),
        rankings=np.arange(3000) // 10,
        at_ms=np.arange(3000) // 10,
        names=("rate", "gap", "other"),
        directions=directions,
    )


def steps_along(model, column):
    """The model's steps along one feature, the others held at some values each."""
    held = np.random.default_rng(6).random((40, 3), np.float32)
    along = np.linspace(0, 1, 50, dtype=np.float32)
    rows = np.repeat(held, len(along), axis=0)
    rows[:, column] = np.tile(along, len(held))
    return np.diff(model.answers(rows).reshape(len(held), -1), axis=1)


def test_probability_never_falls_along_a_feature_that_points_up_nor_rises_along_one_down():
    model = fit(noisy_rows((1, -1, 0)), SearchOptions(budget_s=5, clock=ticking())).predictor

    assert (steps_along(model, 0) >= -1e-12).all()
    assert (steps_along(model, 0) > 0).any()
    assert (steps_along(model, 1) <= 1e-12).all()


def test_directions_are_one_for_each_feature_or_none():
    with pytest.raises(DatasetError, match="expected one for each of 3 features"):
        noisy_rows((1,))
