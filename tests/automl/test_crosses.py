"""Pairs of columns that tell what neither does are found, and kept only if they help."""

import numpy as np
import pytest

from liverank.automl.budget import Deadline
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.encoder import CategoryCross, fit_transform
from liverank.automl.preprocessing.feature_crosses import candidates, choose_feature_crosses
from liverank.models.encoder.columns import Input
from liverank.models.encoder.steps import Arithmetic

N = 4000
AGES = Deadline(at_s=1e9, clock=lambda: 0.0)


def a_table(seed=0):
    generator = np.random.default_rng(seed)
    columns = {name: generator.lognormal(size=N) for name in ("debt", "income", "noise")}
    for name in ("left", "right", "other"):
        columns[name] = np.array([f"{name}{i}" for i in generator.integers(0, 6, N)], object)
    columns["code"] = generator.integers(0, 40, N).astype(np.float64)
    kinds = {name: "category" if v.dtype == object else "number" for name, v in columns.items()}
    return columns, [Input(name=name, type=kind) for name, kind in kinds.items()], generator


def test_arithmetic_that_the_target_follows_comes_first():
    columns, inputs, _ = a_table()
    for target, sign in (
        (columns["debt"] / columns["income"] > 1.3, "/"),
        (columns["debt"] + columns["income"] > 3, "+"),
        (columns["debt"] * columns["income"] > 2, "*"),
    ):
        first = candidates(columns, inputs, target[:, None].astype(np.float64))[0]
        assert isinstance(first, Arithmetic)
        assert first.names == (f"debt {sign} income",)


def test_levels_that_only_tell_together_come_first():
    columns, inputs, _ = a_table()
    sides = [np.array([int(v[-1]) for v in columns[name]]) for name in ("left", "right")]
    target = ((sides[0] + sides[1]) % 2).astype(np.float64)
    assert candidates(columns, inputs, target[:, None])[0] == CategoryCross(("left", "right"))


def test_a_number_whose_values_are_names_is_proposed_as_levels():
    columns, inputs, generator = a_table()
    taste = generator.normal(size=40)
    target = taste[columns["code"].astype(int)] + generator.normal(size=N)
    assert CategoryCross(("code",)) in candidates(columns, inputs, target[:, None])


def test_noise_proposes_next_to_nothing_and_a_deadline_ends_the_search():
    columns, inputs, generator = a_table()
    target = generator.normal(size=(N, 1))
    assert len(candidates(columns, inputs, target)) <= 3
    over = Deadline(at_s=0.0, clock=lambda: 1.0)
    strong = (columns["debt"] / columns["income"])[:, None]
    assert len(candidates(columns, inputs, strong, deadline=over)) <= 1


def test_only_what_helps_is_kept_however_it_is_grouped():
    generator = np.random.default_rng(0)
    for _ in range(50):
        names = [f"x{i}" for i in range(int(generator.integers(1, 30)))]
        worth = {name: generator.choice([0.0, 0.0, -0.02, 0.25]) for name in names}

        def loss(crosses, worth=worth):
            return 3.0 - sum(worth[cross.columns[0]] for cross in crosses)

        kept = choose_feature_crosses([CategoryCross((name,)) for name in names], loss, AGES)
        assert {cross.columns[0] for cross in kept} == {n for n in names if worth[n] > 0}


def test_no_trial_begins_that_would_end_too_late():
    now = [0.0]
    trials = []

    def loss(crosses):
        now[0] += 3.0
        trials.append(crosses)
        return 1.0

    proposed = [CategoryCross((f"x{i}",)) for i in range(20)]
    assert choose_feature_crosses(proposed, loss, Deadline(10.0, lambda: now[0])) == ()
    assert now[0] <= 10.0
    assert len(trials) == 3


def test_crosses_become_features_that_explain_what_the_columns_do_not():
    columns, inputs, _ = a_table()
    sides = [np.array([int(v[-1]) for v in columns[name]]) for name in ("left", "right")]
    target = ((sides[0] + sides[1]) % 2).astype(np.float64)
    first = candidates(columns, inputs, target[:, None])[0]
    encoder, features = fit_transform(
        columns, inputs, TrainingTarget(target), feature_crosses=[first]
    )
    place = encoder.names.index("mean(left x right)")
    assert abs(np.corrcoef(features[:, place], target)[0, 1]) > 0.95
    later = encoder.transform(columns)[:, place]
    assert later == pytest.approx(features[:, place], abs=0.1)
