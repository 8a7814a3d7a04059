"""With what a place does known beforehand, models learn the rest, and say what a first place gives.

In these logs success = sigmoid(f(x) + g(place)), and one column is a noisy copy of the place.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl import ranking
from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.evaluation.eval_rows import EvalRows, joined
from liverank.automl.families import FAMILIES, is_installed
from liverank.automl.metrics.bootstrap import gain_interval
from liverank.automl.metrics.log_odds import mean_log_odds
from liverank.automl.metrics.objective import find_objective
from liverank.automl.options import SearchOptions
from liverank.automl.trials.plan import Plan, Trial
from liverank.dataset.metrics import auc, log_loss
from liverank.dataset.rows import Rows
from liverank.errors import DatasetError, TrainingError

PLACES = 10
EFFECT = -1.2 * np.log2(np.arange(PLACES) + 1.0)
QUICK = {
    "lightgbm": ({"learning_rate": 0.1, "num_leaves": 6, "min_data_in_leaf": 40}, 60),
    "xgboost": ({"learning_rate": 0.1, "max_depth": 3, "min_child_weight": 5.0}, 60),
    "catboost": ({"learning_rate": 0.15, "depth": 3}, 60),
    "linear": ({"heaviest": 1.0}, 1),
    "mlp": (
        {"width": 32, "layers": 2, "members": 2, "embedding": 4, "bins": 8, "batch": 256},
        300,
    ),
}
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(not is_installed(name), reason="its package is not installed"),
    )
    for name in QUICK
]


def a_log(n=12_000, seed=0):
    """Rows of lists of ten, what places add to log-odds, and the log-odds of a first place."""
    generator = np.random.default_rng(seed)
    place = np.tile(np.arange(PLACES), n // PLACES)
    taste = generator.normal(size=n)
    hint = place + generator.normal(size=n)
    truth = 1.2 * taste - 0.5
    labels = generator.random(n) < 1 / (1 + np.exp(-(truth + EFFECT[place])))
    rows = Rows(
        features=np.column_stack([taste, hint]).astype(np.float32),
        labels=labels.astype(np.uint8),
        rankings=np.arange(n) // PLACES,
        at_ms=np.arange(n) // PLACES * 1000,
        names=("taste", "hint of the place"),
        base=EFFECT[place],
    )
    return rows, truth


def matrix_of(rows):
    return Matrix(
        rows.features,
        rows.labels.astype(float),
        None,
        rows.names,
        (0,) * len(rows.names),
        "binary",
        base=rows.base,
    )


def fit(name, train, validation=None, **changes):
    params, rounds = QUICK[name]
    arguments = {"deadline": Deadline(1e9, lambda: 0.0), "rounds": rounds} | changes
    return FAMILIES[name].fit(train, validation, params, seed=1, n_threads=1, **arguments)


@pytest.mark.parametrize("name", NAMES)
class TestFamilyOnABase:
    def test_it_finds_what_an_item_is_worth_at_the_first_place_and_no_trace_of_places(self, name):
        rows, _ = a_log()
        later, truth = a_log(2000, seed=1)
        margins = fit(name, matrix_of(rows)).margins(later.features)[:, 0]
        assert np.abs(margins - truth).mean() < 0.25
        assert margins.mean() == pytest.approx(truth.mean(), abs=0.12)
        hint = later.features[:, 1]
        assert abs(np.polyfit(hint, margins - truth, 1)[0]) < 0.04

        blind = fit(name, matrix_of(replace(rows, base=None))).margins(later.features)[:, 0]
        assert blind.mean() < truth.mean() - 1
        assert np.polyfit(hint, blind - truth, 1)[0] < -0.15

    def test_it_stops_early_by_the_loss_on_the_base(self, name):
        rows, _ = a_log(3000)
        validation, _ = a_log(3000, seed=2)
        rounds = 200 if name == "mlp" else None
        fitted = fit(name, matrix_of(rows), matrix_of(validation), rounds=rounds)
        held = held_of(validation)
        kept = held.mean_loss(fitted.margins(validation.features))
        for others in {1, fitted.rounds_run} - {fitted.rounds}:
            other = fit(name, matrix_of(rows), rounds=others)
            assert kept < held.mean_loss(other.margins(validation.features)) + 1e-6

    def test_columns_that_never_vary_give_the_average_on_the_base(self, name):
        rows, _ = a_log(4000)
        dull = replace(rows, features=np.ones_like(rows.features))
        margins = fit(name, matrix_of(dull)).margins(dull.features)[:, 0]
        expected = 1 / (1 + np.exp(-(margins + rows.base)))
        assert expected.mean() == pytest.approx(rows.labels.mean(), abs=0.005)


def held_of(rows):
    objective = find_objective(None, "binary")
    labels = rows.labels.astype(float)
    return EvalRows(labels, None, rows.rankings, objective, "sigmoid", rows.base)


def test_losses_and_intervals_are_those_of_margins_on_the_base():
    rows, truth = a_log(1000)
    margins = truth[:, None]
    plain = replace(held_of(rows), base=None)
    based = margins + rows.base[:, None]
    assert held_of(rows).loss(margins) == plain.loss(based)
    assert held_of(rows).figures(margins) == plain.figures(based)
    assert held_of(rows).mean_loss(margins) == plain.mean_loss(based)
    for name in ("log_loss", "auc"):
        one, other = (
            replace(held, objective=find_objective(name, "binary"))
            for held in (held_of(rows), plain)
        )
        gain = gain_interval(0 * margins, margins, one)
        assert gain == gain_interval(rows.base[:, None], based, other)
        assert gain[0] > 0
    both = joined(held_of(rows).take(np.arange(400)), held_of(rows).take(np.arange(400, 1000)))
    np.testing.assert_array_equal(both.base, rows.base)


@given(st.integers(1, 60), st.integers(0, 10_000), st.booleans())
def test_the_average_on_a_base_expects_as_many_successes_as_there_were(n, seed, is_weighted):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, n).astype(float)
    base = generator.normal(size=n) * generator.choice([0.1, 3.0, 30.0])
    weight = generator.random(n) + 0.1 if is_weighted else None
    level = mean_log_odds(target, base, weight)
    even = np.ones(n) if weight is None else weight
    # Half a success and half a failure at the mean base count as well.
    doubt = np.average(base, weights=even)
    expected = even @ (1 / (1 + np.exp(-(level + base)))) + 1 / (1 + np.exp(-(level + doubt)))
    assert expected == pytest.approx(even @ target + 0.5, abs=1e-6 * n + 1e-6)


def test_a_search_on_a_base_serves_calibrated_chances_of_a_first_place():
    rows, worth = a_log()
    later, truth = a_log(4000, seed=3)
    few = dict(FAMILIES["lightgbm"].DEFAULTS)["few"]
    plan = Plan(
        seed=0,
        n_threads=1,
        folds=2,
        timings={},
        trials=(
            Trial(family="linear", name="ridge", params={"heaviest": 10.0}, seed=0, rounds=(4, 4)),
            Trial(family="lightgbm", name="few", params=few, seed=0, rounds=(80, 80)),
        ),
        finished=True,
    )
    fitted = ranking.fit(rows, SearchOptions(plan=plan))
    chances = 1 / (1 + np.exp(-truth))
    answers = fitted.predictor.answers(later.features)
    assert answers.mean() == pytest.approx(chances.mean(), abs=0.03)
    for part in np.array_split(np.argsort(answers), 5):
        assert answers[part].mean() == pytest.approx(chances[part].mean(), abs=0.06)
    drawn = (np.random.default_rng(0).random(4000) < chances).astype(np.uint8)
    assert log_loss(answers, drawn) < log_loss(chances, drawn) + 0.01

    # What is reported is of what was observed, places and all.
    scores, base_rate = fitted.report.held_out, fitted.report.baseline["log_loss"]
    n_judged = fitted.report.split.blocks[-1].rows
    judged, labels = slice(-n_judged, None), rows.labels[-n_judged:]
    observed = 1 / (1 + np.exp(-(worth[judged] + rows.base[judged])))
    assert scores["log_loss"] == pytest.approx(log_loss(observed, labels), abs=0.01)
    assert scores["auc"] == pytest.approx(auc(observed, labels), abs=0.01)
    assert scores["log_loss"] < base_rate
    unplaced = log_loss(np.full(len(labels), labels.mean()), labels)
    assert base_rate < unplaced - 0.02


def test_rows_keep_their_base_when_some_are_taken_and_refuse_one_that_does_not_fit():
    rows, _ = a_log(100)
    np.testing.assert_array_equal(rows.take(slice(10, 30)).base, rows.base[10:30])
    np.testing.assert_array_equal(rows.take(rows.labels == 1).base, rows.base[rows.labels == 1])
    np.testing.assert_array_equal(rows.keep_columns([True, False]).base, rows.base)
    with pytest.raises(DatasetError, match=r"`base` is float64\[3\]; expected float64\[100\]"):
        replace(rows, base=np.zeros(3))
    with pytest.raises(DatasetError, match="`base` of row 4 is nan; give a finite number"):
        replace(rows, base=np.where(np.arange(100) == 4, np.nan, 0.0))


def test_a_matrix_refuses_a_base_that_does_not_fit():
    rows, _ = a_log(100)
    matrix = matrix_of(rows)
    np.testing.assert_array_equal(matrix.take(np.array([5, 2])).base, rows.base[[5, 2]])
    with pytest.raises(TrainingError, match=r"`base` is float32\[100\]"):
        replace(matrix, base=rows.base.astype(np.float32))
    with pytest.raises(TrainingError, match="`base` holds NaN"):
        replace(matrix, base=np.full(100, np.inf))
    with pytest.raises(TrainingError, match="no meaning for a regression"):
        replace(matrix, task="regression")
