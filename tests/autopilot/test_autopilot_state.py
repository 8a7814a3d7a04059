"""The state of autopilot is a fold of its events: the same events, the same state."""

import pytest

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import state_of, steps_in
from liverank.events.autopilot_steps import step_of
from liverank.events.event import User
from liverank.events.log import Log
from liverank.experiments.release import Trial

pytestmark = pytest.mark.usefixtures("any_time")

ALARM = Alarm(
    key="volume:impression",
    kind="volume",
    title="No impressions",
    cause="",
    consequence="",
    next_step="",
    since_ms=1,
    stops_training=True,
)


def at(at_ms, action, model=None, detail=None):
    return step_of(action, at_ms=at_ms, reason=f"because of {at_ms}", model=model, detail=detail)


def test_before_anything_was_done_nothing_is_known():
    state = state_of([])
    assert not state.is_paused
    assert state.release is None
    assert state.trained_ms is None
    assert not state.alarms


def test_a_training_whose_end_is_missing_runs_or_was_killed():
    started = at(5, "training_started")
    assert state_of([started]).training_since_ms == 5
    ended = state_of([started, at(9, "accepted", "b")])
    assert ended.training_since_ms is None
    assert (ended.trained_ms, ended.candidate.model) == (5, "b")


def test_failures_are_counted_until_a_training_ends_with_a_verdict():
    failures = [at(1, "training_started"), at(2, "training_failed")] * 3
    state = state_of(failures)
    assert (state.failures, state.failed_ms, state.trained_ms) == (3, 2, None)
    assert state_of([*failures, at(8, "training_started"), at(9, "refused", "b")]).failures == 0


def test_an_accepted_challenger_is_a_candidate_until_it_is_tried_refused_or_all_is_paused():
    accepted = at(5, "accepted", "b")
    assert state_of([accepted]).candidate == accepted
    trial = Trial(champion="a")
    for later in (
        at(6, "shadow_started", "b", trial),
        at(6, "released", "b"),
        at(6, "refused", "c"),
        at(6, "paused"),
    ):
        assert state_of([accepted, later]).candidate is None


def test_a_release_that_was_taken_back_is_not_the_last_release():
    released = at(5, "released", "b")
    assert state_of([released]).released == released
    assert state_of([released, at(6, "returned", "b")]).released is None


def test_a_pause_ends_the_trial_and_lasts_until_it_is_resumed():
    steps = [at(5, "canary_started", "b", Trial(champion="a", share=0.1)), at(6, "paused")]
    state = state_of(steps)
    assert state.is_paused
    assert state.release is None
    assert state.paused_because == "because of 6"
    assert not state_of([*steps, at(7, "resumed")]).is_paused


def test_an_alarm_goes_on_until_it_ends():
    raised = at(5, "alarm_raised", detail=ALARM)
    assert state_of([raised]).alarms == {ALARM.key: ALARM}
    assert state_of([raised, at(6, "alarm_ended", detail=ALARM)]).alarms == {}


def test_the_follower_sees_what_a_whole_read_sees_however_the_log_is_compacted(tmp_path):
    with Log.open(tmp_path) as log, Log.open(tmp_path) as other:
        log.append([User(time=1, user="u1"), at(2, "paused")], arrived_ms=2)
        follower = StepFollower(other)
        assert follower.follow().is_paused
        for time in range(3, 9):
            log.append([User(time=time, user="u1"), at(time, "refused", f"b{time}")], arrived_ms=2)
            if time % 2:
                log.compact()
            state = follower.follow()
            assert follower.steps == steps_in(log)
            assert state == state_of(steps_in(log))
        log.append([at(9, "resumed")], arrived_ms=9)
        assert not follower.follow().is_paused
