"""Models that see lists learn which item succeeds, and their margins stay log-odds."""

from dataclasses import replace

import numpy as np
import pytest
from clocks import ticking
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.automl import ranking
from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.evaluation.ranking_data import LEAST_LISTS
from liverank.automl.families import lightgbm
from liverank.automl.families.list_loss import SHARE
from liverank.automl.metrics.list_loss_kernel import list_gradients_kernel, list_losses_kernel
from liverank.automl.metrics.objective import find_objective
from liverank.automl.options import SearchOptions
from liverank.dataset.metrics import list_auc, log_loss, mean_over_lists
from liverank.dataset.rows import Rows, list_offsets
from liverank.errors import TrainingError

FOREVER = Deadline(1e9, lambda: 0.0)
PARAMS = {"learning_rate": 0.1, "num_leaves": 8, "min_data_in_leaf": 20}
LISTS = {**PARAMS, "loss": "lists"}


def plain_which(margins, target, lists):
    """Minus the logarithm of each success's share of its list, where the list tells."""
    losses = np.zeros(len(margins))
    for one in np.unique(lists):
        there = lists == one
        if 0 < target[there].sum() < there.sum():
            shares = np.exp(margins[there]) / np.exp(margins[there]).sum()
            losses[there] = -np.log(shares) * target[there]
    return losses


def plain_loss(margins, target, lists, share):
    pointwise = np.log1p(np.exp(margins)) - target * margins
    return float((pointwise + share * plain_which(margins, target, lists)).sum())


def some_lists(seed, sizes):
    generator = np.random.default_rng(seed)
    lists = np.repeat(np.arange(len(sizes)), sizes)
    target = (generator.random(len(lists)) < generator.choice([0.2, 0.8])).astype(float)
    return generator.normal(size=len(lists)) * 2, target, lists


SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=8)


@given(st.integers(0, 10_000), SIZES)
def test_losses_are_those_of_the_definition(seed, sizes):
    margins, target, lists = some_lists(seed, sizes)
    offsets = list_offsets(lists)
    expected = plain_which(margins, target, lists)
    np.testing.assert_allclose(list_losses_kernel(margins, target, offsets), expected, atol=1e-12)
    # However large margins are, nothing overflows, and what all of a list share does not matter.
    far = list_losses_kernel(margins + 5000.0, target, offsets)
    np.testing.assert_allclose(far, expected, atol=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), SIZES, st.sampled_from([0.0, 1.0, 2.5]))
def test_derivatives_are_slopes_of_the_definition(seed, sizes, share):
    margins, target, lists = some_lists(seed, sizes)
    first, second = list_gradients_kernel(margins, target, list_offsets(lists), share)
    for row in range(len(margins)):
        step = np.zeros(len(margins))
        step[row] = 1e-4
        down, here, up = (
            plain_loss(margins + way * step, target, lists, share) for way in (-1, 0, 1)
        )
        assert first[row] == pytest.approx((up - down) / 2e-4, abs=1e-5)
        assert second[row] == pytest.approx((up - 2 * here + down) / 1e-8, abs=1e-4)


def list_log(n_lists=1500, size=8, seed=0, base=None, spread=2.5):
    """Lists whose levels differ by more than their items do, and nothing tells a list's level."""
    generator = np.random.default_rng(seed)
    n = n_lists * size
    lists = np.arange(n) // size
    level = generator.normal(size=n_lists)[lists] * spread - 1
    x = generator.normal(size=(n, 4)).astype(np.float32)
    taste = np.sin(2 * x[:, 0]) + 0.7 * x[:, 1]
    margins = level + taste + (0 if base is None else base)
    labels = (generator.random(n) < 1 / (1 + np.exp(-margins))).astype(np.uint8)
    rows = Rows(
        features=x,
        labels=labels,
        rankings=lists,
        at_ms=lists * 1000,
        names=("first", "second", "noise", "more noise"),
        base=base,
    )
    return rows, taste


def matrix_of(rows, **changes):
    parts = {
        "features": rows.features,
        "target": rows.labels.astype(float),
        "weight": None,
        "names": rows.names,
        "directions": (0,) * len(rows.names),
        "task": "binary",
        "base": rows.base,
        "lists": rows.rankings,
    }
    return Matrix(**{**parts, **changes})


def fit(train, validation=None, params=LISTS, *, rounds=40, seed=1, n_threads=1):
    return lightgbm.fit(
        train, validation, params, seed=seed, n_threads=n_threads, deadline=FOREVER, rounds=rounds
    )


def arrays_of(fitted):
    return [a.tobytes() for part in fitted.parts for _, a in sorted(part.to_arrays().items())]


def auc_of(margins, rows):
    return mean_over_lists(list_auc(margins, rows.labels, list_offsets(rows.rankings)))


def test_it_orders_lists_at_least_as_well_and_says_as_calibrated_chances():
    rows, _ = list_log()
    later, _ = list_log(seed=1)
    one, other = (
        fit(matrix_of(rows), params=params).margins(later.features)[:, 0]
        for params in (LISTS, PARAMS)
    )
    assert auc_of(one, later) > auc_of(other, later) - 0.003
    chances = 1 / (1 + np.exp(-one))
    assert chances.mean() == pytest.approx(later.labels.mean(), abs=0.02)
    pointwise = 1 / (1 + np.exp(-other))
    assert log_loss(chances, later.labels) < log_loss(pointwise, later.labels) + 0.01


def test_on_a_base_its_margins_are_those_of_a_first_place():
    place = np.tile(np.arange(8.0), 1500)
    rows, taste = list_log(base=-0.4 * place, spread=0.2)
    hinted = rows.features.copy()
    hinted[:, 3] = place + np.random.default_rng(5).normal(size=len(place))
    margins = fit(matrix_of(replace(rows, features=hinted))).margins(hinted)[:, 0]
    placeless = fit(matrix_of(replace(rows, features=hinted, base=None))).margins(hinted)[:, 0]
    assert abs(np.polyfit(place, margins - taste, 1)[0]) < 0.04
    assert np.polyfit(place, placeless - taste, 1)[0] < -0.15
    observed = 1 / (1 + np.exp(-(margins + rows.base)))
    assert observed.mean() == pytest.approx(rows.labels.mean(), abs=0.02)


def test_it_stops_early_by_its_own_loss_and_runs_again_to_the_same_bytes_on_any_threads():
    rows, _ = list_log(400)
    validation, _ = list_log(400, seed=2)
    fitted = fit(matrix_of(rows), matrix_of(validation), rounds=None)
    assert 3 < fitted.rounds < fitted.rounds_run < 500
    again = [fit(matrix_of(rows), rounds=fitted.rounds, n_threads=threads) for threads in (1, 2)]
    assert arrays_of(again[0]) == arrays_of(again[1]) == arrays_of(fitted)
    held = held_of(validation)
    for others in (2, fitted.rounds_run):
        other = fit(matrix_of(rows), rounds=others)
        losses = [
            held.mean_loss(margins) + SHARE * held.list_losses(margins).mean()
            for margins in (each.margins(validation.features) for each in (fitted, other))
        ]
        assert losses[0] < losses[1]


def test_knowing_the_lists_changes_no_model_that_does_not_look():
    rows, _ = list_log(300)
    blind = matrix_of(rows, lists=None)
    assert arrays_of(fit(blind, params=PARAMS)) == arrays_of(fit(matrix_of(rows), params=PARAMS))


@pytest.mark.parametrize(
    "change", [{"lists": None}, {"weight": np.arange(1.0, 81.0)}, {"task": "regression"}]
)
def test_rows_that_it_cannot_learn_from_are_refused(change):
    rows, _ = list_log(10)
    with pytest.raises(TrainingError, match='loss "lists" needs a binary target, the list of each'):
        fit(matrix_of(rows, **change))


def test_rows_of_a_list_that_are_apart_are_refused():
    rows, _ = list_log(2)
    with pytest.raises(TrainingError, match="the rows of a list are not together"):
        matrix_of(rows, lists=np.arange(16) % 2)


def held_of(rows):
    objective = find_objective(None, "binary")
    labels = rows.labels.astype(float)
    return EvalRows(labels, None, rows.rankings, objective, "sigmoid", rows.base)


def test_what_is_reported_of_lists_is_the_loss_on_the_base_of_any_of_them():
    rows, taste = list_log(50, base=np.tile(np.arange(8.0), 50) / 4)
    held, margins = held_of(rows), taste[:, None]
    which = plain_which(taste + rows.base, held.target, rows.rankings)
    assert held.list_losses(margins) == pytest.approx(which)
    some = rows.rankings % 3 == 1
    assert held.take(some).list_losses(margins[some]) == pytest.approx(which[some])


def test_a_search_tries_them_early_tells_their_loss_and_runs_again_to_the_same_bytes():
    rows, _ = list_log(400)
    fitted = ranking.fit(
        rows, SearchOptions(budget_s=4, families=["lightgbm", "linear"], clock=ticking())
    )
    report = fitted.report
    names = [trial.title for trial in report.plan.trials]
    assert any(name.startswith("lightgbm lists") for name in names[:6])
    assert all(each.list_loss > 0 for each in report.leaderboard)
    assert not any(name.startswith("lightgbm lists") for name in report.skipped)
    again = ranking.fit(rows, SearchOptions(budget_s=0.1, plan=report.plan))
    one, other = fitted.predictor.to_arrays(), again.predictor.to_arrays()
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def test_a_log_without_failures_beside_successes_leaves_them_out_and_says_why():
    rows, _ = list_log(60, size=8)
    alone = replace(rows, rankings=np.arange(480), at_ms=np.arange(480) * 1000)
    report = ranking.fit(alone, SearchOptions(budget_s=2, clock=ticking())).report
    assert report.skipped["lightgbm lists few"] == (
        f"needs {LEAST_LISTS} training lists with both a success and a failure; there are 0"
    )
    assert not any("lists" in each.name for each in report.leaderboard)
    assert all(each.list_loss is None for each in report.leaderboard)
