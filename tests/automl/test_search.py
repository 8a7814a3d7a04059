"""A search tries what its plan and its clock allow, keeps the best so far, and can be run again."""

import math

import numpy as np
import pytest
from clocks import Clock
from fake_families import FakeFamily, a_matrix, a_plan, an_evaluation

from liverank.automl.budget import Deadline, StopToken
from liverank.automl.data.matrix import Fit
from liverank.automl.families import FAMILIES
from liverank.automl.search.hardware import available_bytes, too_large
from liverank.automl.search.search import run_search
from liverank.automl.search.timing_runs import time_family
from liverank.automl.trials.plan import Timing, Trial, decode_plan, encode_plan, trial_order
from liverank.automl.trials.trial_result import fit_again
from liverank.models.forest.forest import Forest, leaf_arrays


def test_published_settings_come_first_in_turn_then_draws_in_turn():
    families = {"x": FakeFamily(Clock()), "y": FakeFamily(Clock())}
    order = trial_order(families, seed=3, n_rows=10, n_columns=2)
    some = [next(order) for _ in range(8)]
    assert [(t.family, t.name) for t in some] == [
        ("x", "first"), ("y", "first"), ("x", "second"), ("y", "second"),
        ("x", "drawn 1"), ("y", "drawn 1"), ("x", "drawn 2"), ("y", "drawn 2"),
    ]  # fmt: skip


def test_what_a_family_draws_does_not_depend_on_the_others():
    def draws(names):
        families = {name: FakeFamily(Clock()) for name in names}
        order = trial_order(families, seed=3, n_rows=10, n_columns=2)
        some = [next(order) for _ in range(12)]
        return [t.params for t in some if t.family == "x" and t.name.startswith("drawn")][:3]

    assert draws(["x"]) == draws(["y", "x"])


def test_a_search_ends_in_time_and_tells_of_each_trial():
    clock = Clock()
    families = {"fast": FakeFamily(clock, value=0.1), "slow": FakeFamily(clock, round_s=0.05)}
    seen = []
    tried, plan = run_search(
        an_evaluation(),
        families,
        a_plan("fast", "slow"),
        deadline=Deadline(30.0, clock),
        on_trial=lambda result, left: seen.append((result.trial.title, left)),
    )
    assert 20.0 < clock.now <= 30.1
    assert [title for title, _ in seen][:2] == ["fast first", "slow first"]
    assert len(seen) == len(tried) == len(plan.trials)
    assert all(trial.rounds and trial.rounds[0] > 0 for trial in plan.trials)


def test_a_trial_that_would_take_too_long_learns_faster_or_is_left_out():
    clock = Clock()
    families = {"fast": FakeFamily(clock), "slow": FakeFamily(clock, round_s=0.05)}
    plan = a_plan("fast")
    plan.timings["slow"] = Timing(setup_s=(0.0, 0.0), round_s=(0.0, 5e-5))
    run_search(an_evaluation(), families, plan, deadline=Deadline(12.0, clock))
    rates = [params["learning_rate"] for _, params, _ in families["slow"].calls]
    assert rates
    assert min(rates) > 0.1
    assert clock.now <= 12.2


@pytest.mark.parametrize("n_folds", [1, 3])
def test_a_recorded_plan_runs_again_without_a_clock(n_folds):
    clock = Clock()
    families = {"one": FakeFamily(clock, value=0.2), "two": FakeFamily(clock, round_s=0.03)}
    evaluation = an_evaluation(n_folds=n_folds)
    tried, plan = run_search(
        evaluation, families, a_plan("one", "two", n_folds=n_folds), deadline=Deadline(20.0, clock)
    )
    stored = decode_plan(encode_plan(plan))
    later = Clock()
    later.now = 1e9
    again, plan_again = run_search(evaluation, families, stored, deadline=Deadline(0.0, later))
    assert plan_again == plan
    assert [(t.trial.title, t.validation.tobytes(), t.holdout.tobytes()) for t in tried] == [
        (t.trial.title, t.validation.tobytes(), t.holdout.tobytes()) for t in again
    ]


def test_an_interrupt_keeps_what_there_is():
    clock = Clock()
    family = FakeFamily(clock)
    family.interrupt_at = 3
    tried, plan = run_search(
        an_evaluation(), {"one": family}, a_plan("one"), deadline=Deadline(60.0, clock)
    )
    assert len(tried) == 2
    assert plan.interrupted
    family.interrupt_at = 1
    with pytest.raises(KeyboardInterrupt):
        run_search(an_evaluation(), {"one": family}, a_plan("one"), deadline=Deadline(60.0, clock))


def test_a_stopped_search_keeps_what_there_is_and_every_deadline_has_passed():
    clock, stop = Clock(), StopToken()
    deadline = Deadline(60.0, clock, stop)

    def stop_at_the_second(result, left_s):
        if result.number == 1:
            stop.stop()

    results, plan = run_search(
        an_evaluation(),
        {"one": FakeFamily(clock)},
        a_plan("one"),
        deadline=deadline,
        on_trial=stop_at_the_second,
    )
    assert len(results) == 2
    assert plan.interrupted
    assert deadline.expired()
    again, _ = run_search(
        an_evaluation(), {"one": FakeFamily(clock)}, plan, deadline=Deadline(60.0, clock, stop)
    )
    assert len(again) == 1, "a recorded plan ends after the trial that was running"


def test_a_plan_of_before_trials_had_ids_names_the_trials_it_dropped():
    trials = tuple(
        Trial(family="one", name=name, params={}, seed=0, rows=rows)
        for name, rows in (("first", 5000), ("second", 5000), ("first", None))
    )
    old = a_plan("one", trials=trials, dropped=("one first",))
    assert decode_plan(encode_plan(old)).dropped == ("0 one first", "2 one first")


def test_large_tables_are_climbed_by_rungs():
    clock = Clock()
    families = {
        name: FakeFamily(clock, value=value, round_s=1e-4)
        for name, value in (("good", 0.0), ("bad", 3.0), ("worse", 9.0))
    }
    plan = a_plan("good", "bad", "worse", round_s=1e-7)
    tried, _ = run_search(an_evaluation(100_000), families, plan, deadline=Deadline(6.0, clock))
    rows = [each.trial.rows for each in tried]
    assert rows[0] == 25_000
    assert rows[-1] is None
    whole = [each.trial.family for each in tried if each.trial.rows is None]
    assert whole[0] == "good"
    assert rows == sorted(rows, key=lambda n: n or math.inf)
    assert len({each.id for each in tried}) == len(tried)
    assert "worse" not in whole[:2]
    assert clock.now <= 6.1


def test_margins_of_folds_stand_one_after_another_and_the_newest_model_judges():
    for in_time, expected in ((True, 2.0), (False, 1.0)):
        evaluation = an_evaluation(n_folds=3, in_time=in_time)
        fits = [
            Fit((Forest.from_arrays(leaf_arrays(float(f)), 3),), 1, 1, False, np.ones(3))
            for f in range(3)
        ]
        validation, holdout = evaluation.margins(fits)
        assert validation[:, 0].tolist() == [0.0] * 200 + [1.0] * 200 + [2.0] * 200
        assert holdout[:, 0].tolist() == [expected] * 100


def test_more_rows_bear_more_rounds():
    clock = Clock()
    family = FakeFamily(clock)
    tried, _ = run_search(
        an_evaluation(), {"one": family}, a_plan("one"), deadline=Deadline(3.0, clock)
    )
    again = fit_again(
        tried[0], family, a_matrix(1500), 1000, seed=0, n_threads=1, deadline=Deadline(1e9, clock)
    )
    assert again.rounds == round(tried[0].rounds * 1.5)
    gone = Deadline(0.0, clock)
    assert (
        fit_again(tried[0], family, a_matrix(1500), 1000, seed=0, n_threads=1, deadline=gone)
        is None
    )


def test_a_pilot_foretells_how_long_a_fit_takes():
    clock = Clock()
    family = FakeFamily(clock, round_s=0.02)
    timing = time_family(family, a_matrix(40_000), n_threads=1, deadline=Deadline(1e9, clock))
    assert timing.seconds(40_000, 100) == pytest.approx(0.02 * 40 * 100, rel=0.05)


def test_a_family_that_does_not_fit_into_memory_says_so():
    family = FakeFamily(Clock(), bytes_=3_000_000_000)
    assert too_large(family, 10, 10, 2_000_000_000) == (
        "needs about 3,000 MB, and 2,000 MB are free"
    )
    assert too_large(family, 10, 10, 4_000_000_000) is None
    assert available_bytes() > 1e6


def test_real_families_run_again_to_the_same_bytes():
    names = ("linear", "lightgbm", "catboost", "xgboost")
    families = {name: FAMILIES[name] for name in names}
    plan = a_plan(*names, round_s=1e-6)
    clock = Clock()

    def tick():
        clock.now += 0.002
        return clock.now

    evaluation = an_evaluation(n=400)
    tried, plan = run_search(evaluation, families, plan, deadline=Deadline(1.5, tick))
    assert {t.trial.family for t in tried} == set(names)
    again, _ = run_search(evaluation, families, plan, deadline=Deadline(0.0, lambda: 1.0))
    assert [t.validation.tobytes() for t in tried] == [t.validation.tobytes() for t in again]
