"""The last training, on all rows, is planned for from the start, and skipped only for a reason."""

from dataclasses import replace

import numpy as np
import pytest
from clocks import Clock
from fake_families import FakeBoosting, FakeFamily, a_matrix, a_plan, an_evaluation
from msgspec.structs import replace as changed

from liverank.automl.budget import Deadline
from liverank.automl.deployment.members import MemberChoice, members_of
from liverank.automl.search.search import run_search
from liverank.automl.trials.last_training import LastTraining
from liverank.automl.trials.plan import Timing, decode_plan, encode_plan
from liverank.automl.trials.trial_result import fit_again, on_most_rows

TRAIN, ALL = 100_000, 125_000


def a_large_search(budget_s, *, round_s=2e-3, n_families=3):
    """A search where trials at their own rates take longer than there is: its clock and results."""
    clock = Clock()
    families = {
        f"family {number}": FakeBoosting(clock, value=number / 10, round_s=round_s)
        for number in range(n_families)
    }
    plan = a_plan(*families, round_s=round_s / 1000)
    results, plan = run_search(
        an_evaluation(TRAIN),
        families,
        plan,
        deadline=Deadline(budget_s, clock),
        last=LastTraining(n_all=ALL, encode_s=0.1, budget_s=budget_s),
    )
    return clock, results, families


@pytest.mark.parametrize("budget_s", [25.0, 40.0, 80.0, 160.0])
def test_a_large_table_uses_its_budget_and_leaves_time_to_train_the_best_again(budget_s):
    clock, results, families = a_large_search(budget_s)
    assert [each.trial.rows for each in results][-1] is None, "it came to all rows"
    assert len(results) >= 3
    best = min(on_most_rows(results), key=lambda each: each.loss)
    family = families[best.trial.family]
    searched_s = clock.now
    again = fit_again(
        best,
        family,
        a_matrix(ALL),
        TRAIN,
        seed=0,
        n_threads=1,
        deadline=Deadline(budget_s - 0.1, clock),
    )
    assert again is not None, f"the search took {searched_s:.1f} of {budget_s} s"
    assert 0.6 * budget_s < clock.now <= budget_s


def test_models_of_few_rows_whose_last_training_would_take_too_long_do_not_end_a_search():
    clock, results, _ = a_large_search(15.0)
    few = results[0]
    last = LastTraining(n_all=ALL, budget_s=15.0)
    assert few.trial.rows is not None
    timings = {few.trial.family: Timing(setup_s=(0.0, 0.0), round_s=(0.0, 2e-6))}
    families = {few.trial.family: FakeBoosting(clock)}
    assert last.is_too_long(last.expected_s(few, TRAIN, timings, families))
    assert len(results) > 1


def test_time_that_is_too_short_for_all_rows_is_used_on_fewer():
    budget_s = 8.0
    clock, results, _ = a_large_search(budget_s)
    assert all(each.trial.rows is not None for each in results)
    assert len(results) > 3
    assert 0.6 * budget_s < clock.now <= 1.05 * budget_s


def choice_of(seconds, weights, *, budget_s=10.0, keeps_old=False, values=(0.0, 0.0)):
    """A choice among two members that take so many seconds on all rows, and the members."""
    clock = Clock()
    evaluation = an_evaluation()
    families = {f"family {n}": FakeFamily(clock, value=value) for n, value in enumerate(values)}
    results, plan = run_search(
        evaluation, families, a_plan(*families), deadline=Deadline(5.0, clock)
    )
    pair = [
        replace(
            each, seconds=s, fits=tuple(replace(fit, rounds=fit.rounds_run) for fit in each.fits)
        )
        for each, s in zip(results[:2], seconds, strict=True)
    ]
    # Training on as many rows as in the search takes as long as it took there.
    last = LastTraining(n_all=1000, budget_s=budget_s)
    linear = [replace(each, trial=changed(each.trial, family="linear")) for each in pair]
    plan = changed(plan, timings={"linear": Timing(setup_s=(1.0, 0.0), round_s=(0.0, 0.0))})
    choice = MemberChoice(evaluation=evaluation, last=last, plan=plan, keeps_old=keeps_old)
    return choice, members_of(linear, weights)


def left(seconds):
    return Deadline(seconds, lambda: 0.0)


def test_all_members_are_trained_again_where_there_is_time():
    choice, members = choice_of((1.0, 2.0), (0.4, 0.6))
    chosen = choice.affordable(members, left(3.5))
    assert [each.weight for each in chosen.members] == [0.6, 0.4]
    assert chosen.why_none == ""


def test_one_fit_that_takes_more_than_half_of_the_budget_is_the_reason():
    choice, members = choice_of((6.0, 1.0), (0.9, 0.1), values=(0.0, 5.0))
    chosen = choice.affordable(members, left(5.0))
    assert not chosen.members
    assert chosen.why_none == (
        "one fit of linear first on all rows takes about 6 s, more than half of the budget of 10 s"
    )


def test_time_that_ran_out_is_the_reason_where_a_fit_is_short():
    choice, members = choice_of((4.0, 4.0), (0.5, 0.5))
    chosen = choice.affordable(members, left(1.25))
    assert chosen.why_none == "it takes about 8 s, and 1.2 s were left"


def test_members_are_left_out_only_where_the_others_are_no_worse():
    alike, members = choice_of((1.0, 4.0), (0.5, 0.5))
    assert len(alike.affordable(members, left(2.0)).members) == 1
    worse, members = choice_of((1.0, 4.0), (0.5, 0.5), values=(5.0, 0.0))
    assert members[0].result.loss > members[1].result.loss
    assert not worse.affordable(members, left(2.0)).members
    kept, members = choice_of((1.0, 4.0), (0.5, 0.5), values=(5.0, 0.0), keeps_old=True)
    assert len(kept.affordable(members, left(2.0)).members) == 1, "the other stays as it is"


def test_a_plan_records_why_nothing_was_trained_again():
    plan = a_plan("linear", refit=False, why_no_refit="it takes long")
    assert decode_plan(encode_plan(plan)).why_no_refit == "it takes long"
    before = encode_plan(a_plan("linear")).replace(b',"why_no_refit":""', b"")
    assert b"why_no_refit" not in before
    assert decode_plan(before) == a_plan("linear")


def test_a_member_of_no_weight_is_no_member():
    _, members = choice_of((1.0, 1.0), (0.0, 1.0))
    assert np.isclose(members[0].weight, 1.0)
    assert len(members) == 1
