"""A student comes close to its teacher, and the best model within the serving budget is served."""

import numpy as np
import pytest
from test_search import a_matrix, a_plan, an_evaluation

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.deployment.distillation import (
    FORESTS,
    Shape,
    distil_student,
    distillation_data,
    mixed_rows,
)
from liverank.automl.deployment.option import MOST_MB, Limits
from liverank.automl.deployment.selection import choose_deployed
from liverank.automl.ensemble.combine import size_mb, terms_of, us_per_row
from liverank.automl.ensemble.greedy import Ensemble
from liverank.automl.families import FAMILIES
from liverank.automl.trials.plan import Student, Trial
from liverank.automl.trials.trial_result import TrialResult
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import sum_terms

FOREVER = Deadline(np.inf, lambda: 0.0)
SLOW = Limits(us_per_row=20)


@pytest.mark.parametrize(("task", "k"), [("binary", 1), ("multiclass", 3), ("regression", 1)])
def test_a_student_comes_close_to_its_teacher_on_rows_that_neither_saw(task, k):
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(3, k))
    features = generator.normal(size=(1500, 3)).astype(np.float32)
    target = {
        "binary": np.zeros(1500), "multiclass": np.arange(1500) % 3.0, "regression": np.ones(1500)
    }[task]  # fmt: skip
    train = Matrix(features, target, None, ("a", "b", "c"), (0, 0, 0), task, k)

    def teacher(rows):
        return np.tanh(rows.astype(float)) @ weights

    data = distillation_data(train, teacher, seed=0)
    student = distil_student(data, Shape(150, 31), seed=0, n_threads=1, deadline=FOREVER)
    later = generator.normal(size=(1000, 3)).astype(np.float32)
    error = np.mean((student.margins(later) - teacher(later)) ** 2, axis=0)
    assert (error < 0.02 * teacher(later).var(axis=0)).all()


def test_mixtures_hold_values_of_the_rows_only():
    rows = a_matrix(50).features
    mixed = mixed_rows(rows, 500, seed=1)
    assert all(set(mixed[:, c]) <= set(rows[:, c]) for c in range(3))
    assert 0.2 < (mixed[:, None, :] == rows[None]).all(axis=2).any(axis=1).mean() < 0.6


def test_time_that_is_gone_teaches_nothing():
    data = distillation_data(a_matrix(200), lambda rows: rows[:, :1].astype(float), seed=0)
    gone = Deadline(0.0, lambda: 1.0)
    assert distil_student(data, Shape(50, 8), seed=0, n_threads=1, deadline=gone) is None


def test_terms_sum_up_to_the_weighted_margins_of_all_kinds_of_parts():
    train = a_matrix(400)
    fits = [
        FAMILIES[name].fit(
            train,
            None,
            FAMILIES[name].DEFAULTS[0][1],
            seed=0,
            n_threads=1,
            deadline=FOREVER,
            rounds=5,
        )
        for name in ("lightgbm", "catboost", "linear")
    ]
    fits.append(Fit((Mlp.constant(3, np.array([0.7])),), 1, 1, False, np.zeros(3)))
    weights = [0.4, 0.3, 0.2, 0.1]
    terms = terms_of(list(zip(fits, weights, strict=True)))
    assert len(terms) == 3  # one forest, the linear part, the net
    expected = sum(w * fit.margins(train.features) for fit, w in zip(fits, weights, strict=True))
    np.testing.assert_allclose(sum_terms(terms, train.features, 1), expected, rtol=1e-12)
    assert 0 < size_mb(terms) < 1
    assert us_per_row(lambda rows: sum_terms(terms, rows, 1), train.features, _clock()) > 0


def _clock():
    import time

    return time.perf_counter


def trial_results(evaluation, rounds):
    fold = evaluation.folds[-1]
    results = []
    for number, n in enumerate(rounds):
        params = {"learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 5}
        fit = FAMILIES["lightgbm"].fit(
            fold.train, None, params, seed=n, n_threads=1, deadline=FOREVER, rounds=n
        )
        validation, holdout = evaluation.margins([fit])
        trial = Trial(family="lightgbm", name=str(n), params=params, seed=n)
        results.append(
            TrialResult(
                trial,
                (fit,),
                validation,
                holdout,
                evaluation.validation_rows.loss(validation),
                seconds=1.0,
                number=number,
            )
        )
    return results


def an_ensemble(weights):
    return Ensemble(np.array(weights), 0, True, gain=(0.0, 0.1), cross_fitted=np.zeros((0, 1)))


def test_an_ensemble_that_is_fast_enough_is_served_as_it_is():
    evaluation = an_evaluation()
    results = trial_results(evaluation, (10, 20))
    plan = a_plan("lightgbm", us_per_row={"ensemble": 3.0})
    served, _ = choose_deployed(
        results,
        an_ensemble([0.5, 0.5]),
        evaluation,
        plan,
        limits=Limits(us_per_row=20),
        deadline=FOREVER,
    )
    assert (served.kind, served.us_per_row, served.loss) == (
        "full_ensemble",
        3.0,
        served.teacher_loss,
    )


def test_a_slow_ensemble_gives_way_to_the_best_model_within_the_budget():
    evaluation = an_evaluation()
    results = trial_results(evaluation, (300, 20))
    measured = {"ensemble": 50.0, "0 lightgbm 300": 45.0, "1 lightgbm 20": 5.0, "blend": 5.0}
    measured |= {f"student {shape}": 1e-2 * shape.size for shape in FORESTS[:2]}
    plan = a_plan("lightgbm", us_per_row=measured)
    import time

    deadline = Deadline(time.monotonic() + 10, time.monotonic)
    served, plan = choose_deployed(
        results,
        an_ensemble([0.5, 0.5]),
        evaluation,
        plan,
        limits=Limits(us_per_row=10),
        deadline=deadline,
    )
    assert served.kind in ("single", "student")
    assert served.us_per_row <= 10
    assert plan.students
    again, plan_again = choose_deployed(
        results,
        an_ensemble([0.5, 0.5]),
        evaluation,
        plan,
        limits=Limits(us_per_row=10),
        deadline=FOREVER,
    )
    assert plan_again == plan
    assert (again.kind, again.shape, again.loss) == (served.kind, served.shape, served.loss)


def test_a_budget_that_nothing_tried_meets_is_met_by_a_student():
    evaluation = an_evaluation()
    results = trial_results(evaluation, (300, 200))
    measured = {"ensemble": 50.0, "0 lightgbm 300": 45.0, "1 lightgbm 200": 30.0}
    measured[f"student {Shape(10, 6)}"] = 0.5
    import time

    deadline = Deadline(time.monotonic() + 10, time.monotonic)
    served, _ = choose_deployed(
        results,
        an_ensemble([0.5, 0.5]),
        evaluation,
        a_plan("lightgbm", us_per_row=measured),
        limits=Limits(us_per_row=0.6),
        deadline=deadline,
    )
    assert served.kind == "student"
    assert served.shape == Shape(10, 6)


def chosen_of_two_students(us_per_row, *, most_mb=MOST_MB):
    """What is served of a small and a large student, which took so long, and the plan.

    Neither the ensemble nor one of its models is fast enough.
    """
    small, large = Shape(3, 2), Shape(300, 31)
    evaluation = an_evaluation()
    measured = {"ensemble": 50.0, "0 lightgbm 30": 45.0, "1 lightgbm 20": 30.0}
    measured |= {f"student {small}": us_per_row[0], f"student {large}": us_per_row[1]}
    taught = tuple(
        Student(size=shape.size, parts=shape.parts, rounds=shape.size, us_per_row=us)
        for shape, us in zip((small, large), us_per_row, strict=True)
    )
    served, plan = choose_deployed(
        trial_results(evaluation, (30, 20)),
        an_ensemble([0.5, 0.5]),
        evaluation,
        a_plan("lightgbm", us_per_row=measured, students=taught),
        limits=Limits(us_per_row=10, size_mb=most_mb),
        deadline=FOREVER,
    )
    worse, better = (student.loss for student in plan.students)
    assert better < worse, "the large one would be chosen if it could be served"
    return served


def test_a_student_that_is_too_slow_is_not_served_though_it_is_better():
    assert chosen_of_two_students((1.0, 9.9)).shape == Shape(300, 31)
    served = chosen_of_two_students((1.0, 10.1))
    assert (served.kind, served.shape) == ("student", Shape(3, 2))
    assert served.us_per_row == 1.0


def test_a_student_that_is_too_large_is_not_served_though_it_is_better():
    large_mb = chosen_of_two_students((1.0, 2.0)).size_mb
    served = chosen_of_two_students((1.0, 2.0), most_mb=0.99 * large_mb)
    assert (served.kind, served.shape) == ("student", Shape(3, 2))
    assert served.size_mb < 0.99 * large_mb


def test_a_net_can_be_taught_and_taught_again_to_the_same_bytes():
    train = a_matrix(600)
    data = distillation_data(train, lambda rows: np.sin(rows[:, :1].astype(float)), seed=0)
    shape = Shape(16, 2, is_net=True)
    taught = distil_student(data, shape, seed=0, n_threads=1, deadline=FOREVER, rounds=200)
    again = distil_student(
        data, shape, seed=0, n_threads=1, deadline=FOREVER, rounds=taught.rounds_run
    )
    fresh = a_matrix(300, seed=5).features
    wanted = np.sin(fresh[:, 0].astype(float))
    assert np.corrcoef(taught.margins(fresh)[:, 0], wanted)[0, 1] > 0.9
    assert taught.margins(fresh).tobytes() == again.margins(fresh).tobytes()
    whole = distil_student(
        data, shape, seed=0, n_threads=1, deadline=FOREVER, rounds=taught.rounds, is_last=True
    )
    assert whole.rounds_run == taught.rounds
