"""Two weeks of a small simulated app that autopilot keeps on the real server, from nothing."""

import pytest

from liverank.proof.upkeep.page import render_page
from liverank.proof.upkeep.plan import PlannedFault, UpkeepPlan
from liverank.proof.upkeep.results import UpkeepResult
from liverank.proof.upkeep.run import run_upkeep
from liverank.proof.upkeep.tables import alarm_grid, decision_grid, fault_grid, week_grid

PLAN = UpkeepPlan(
    people=500,
    days=14,
    budget="3s",
    retrain="3d",
    judge_on="2d",
    shadow="2h",
    canary="6h",
    look_ms=7_200_000,
    step_ms=600_000,
    faults=(PlannedFault(kind="no_impressions", from_day=11, days=1),),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> UpkeepResult:
    return run_upkeep(PLAN, folder=tmp_path_factory.mktemp("kept"))


@pytest.mark.timeout(900)
def test_it_begins_on_popularity_and_ends_with_a_model_that_nobody_promoted(kept):
    actions = [row.action for row in kept.decisions]
    assert "released" in actions, kept.decisions
    assert actions.index("accepted") < actions.index("canary_started") < actions.index("released")
    assert kept.trainings >= 2


def test_the_weeks_are_measured_in_every_world(kept):
    assert [week.number for week in kept.weeks] == [1, 2]
    for week in kept.weeks:
        assert 0 < week.popular < week.oracle < 1
    assert kept.weeks[1].trained_once is not None


def test_the_fault_is_caught_and_a_letter_is_written(kept):
    (fault,) = kept.faults
    assert fault.hours_to_alarm is not None, kept.alarms
    assert fault.hours_to_alarm < 12
    assert kept.letters


def test_tables_and_page_show_all_of_it(kept):
    page = render_page(kept)
    for grid in (week_grid(kept), decision_grid(kept), fault_grid(kept), alarm_grid(kept)):
        for row in grid.rows:
            assert len(row) == len(grid.columns)
    for letter in kept.letters:
        assert f'href="letters/{letter}"' in page
    assert "kept by nobody" in page
