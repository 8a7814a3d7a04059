"""What autopilot knows outlives the events that `log.keep` drops."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.carried import carried_over, carry_over
from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import state_of, steps_in
from liverank.autopilot.releasing.move import Change
from liverank.autopilot.releasing.service import service_of
from liverank.autopilot.run_loop.exclusions import exclusions_of
from liverank.cli import main
from liverank.events.actions import AUTOPILOT_ACTIONS
from liverank.events.autopilot_steps import step_of
from liverank.events.event import User
from liverank.events.log import Log
from liverank.experiments.release import Trial, release_of

DAY_MS = 86_400_000
NOW_MS = 1_750_000_000_000
OF_MODELS = ("accepted", "refused", "shadow_started", "canary_started", "released", "dropped")
OF_MODELS += ("returned", "withdrawn", "shadowed")


def alarm(key="bot:a", severity="warning", stops=False, users=(), since_ms=0):
    return Alarm(
        key=key,
        kind="bot",
        title=f"{key} is wrong",
        cause="",
        consequence="",
        next_step="",
        since_ms=since_ms,
        severity=severity,
        stops_training=stops,
        users=users,
    )


ALARMS = st.builds(
    alarm,
    st.sampled_from(["bot:a", "bot:b"]),
    st.sampled_from(["warning", "critical"]),
    st.booleans(),
    st.sampled_from([(), ("u1",), ("u2", "u3")]),
    st.integers(0, 30),
)
CHANGES = st.builds(
    lambda before, after: Change(before=before, after=after),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, "a", "b"]),
)


@st.composite
def sequences(draw):
    """Random steps in the order of their times, or nearly, and a time to expire before."""
    found, at_ms = [], 0
    for action in draw(st.lists(st.sampled_from(AUTOPILOT_ACTIONS), max_size=25)):
        at_ms += draw(st.integers(0, 2))
        model = draw(st.sampled_from("ab")) if action in OF_MODELS else None
        detail = None
        if action.startswith("alarm_"):
            detail = draw(ALARMS)
        elif draw(st.integers(0, 9)) == 0:
            pass  # of another version of liverank
        elif action in ("shadow_started", "canary_started"):
            detail = Trial(champion="a", share=draw(st.sampled_from([0.1, 0.5])))
        elif action in ("released", "returned", "withdrawn"):
            detail = draw(CHANGES)
        reason = draw(st.sampled_from("xy"))
        found.append(step_of(action, at_ms=at_ms, reason=reason, model=model, detail=detail))
    return found, draw(st.integers(0, at_ms + 2))


def folds(steps):
    state = replace(state_of(steps), ended_trainings=0)
    return state, service_of(steps), release_of(steps), exclusions_of(steps, at_ms=99).users


@given(sequences())
def test_the_folds_of_what_stays_and_is_logged_again_are_those_of_all_steps(drawn):
    steps, before_ms = drawn
    kept = [step for step in steps if step.at_ms >= before_ms]
    carried = carried_over(steps, before_ms)
    assert folds([*kept, *carried]) == folds(steps)
    assert all(step in steps for step in carried)


@given(sequences(), st.integers(0, 20))
def test_a_log_that_is_compacted_again_and_again_keeps_the_state(tmp_path_factory, drawn, later):
    steps, before_ms = drawn
    expected, *others_expected = folds(steps)
    with Log.open(tmp_path_factory.mktemp("log"), syncs=False) as log:
        if steps:
            log.append(steps, arrived_ms=100)
        at_ms = 100
        for before in (before_ms, before_ms, before_ms + later, at_ms + 1):
            at_ms += 1
            log.compact()
            last_seq = log.last_seq()
            carried = carry_over(log, before, at_ms=at_ms)
            assert log.last_seq() == last_seq + (carried + 2 if carried else 0)
            log.expire(before)
            state, *others = folds(steps_in(log))
            if state.verdict is None:  # old failures may not have expired yet
                assert state.failures >= expected.failures
                state = replace(state, failures=expected.failures)
            assert (state, *others) == (expected, *others_expected)
            assert carry_over(log, before, at_ms=at_ms) == 0


def test_a_pause_that_has_ended_and_a_letter_before_the_last_are_not_logged_again():
    steps = [
        step_of("paused", at_ms=1, reason=""),
        step_of("resumed", at_ms=2, reason=""),
        step_of("letter_written", at_ms=3, reason=""),
        step_of("letter_written", at_ms=9, reason=""),
        step_of("training_started", at_ms=9, reason=""),
    ]
    assert carried_over(steps, 5) == []
    assert carried_over(steps, 10) == steps[3:]


def test_the_reports_of_a_challenger_in_shadow_follow_the_start_of_its_trial():
    started = step_of("shadow_started", at_ms=1, reason="", model="b", detail=Trial(champion="a"))
    reports = [step_of("shadowed", at_ms=at_ms, reason="", model="b") for at_ms in (2, 8)]
    assert carried_over([started, *reports], 5) == [started, *reports]


def test_what_another_process_logs_meanwhile_stays_the_newest(tmp_path):
    class Slow(Log):
        """A log to which another process appends after its steps were read."""

        def autopilot_steps(self):
            found = super().autopilot_steps()
            if len(found) == 1:
                self.append([step_of("resumed", at_ms=9, reason="")], arrived_ms=9)
            return found

    with Slow.open(tmp_path / "log", syncs=False) as log:
        log.append([step_of("paused", at_ms=1, reason="")], arrived_ms=1)
        assert carry_over(log, 5, at_ms=10) == 1
        log.expire(5)
        assert not state_of(steps_in(log)).is_paused


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "liverank.toml"
    file.write_text('[label]\ninteraction = "join"\n[log]\nkeep = "30d"\n[autopilot]\n')
    return file


def outcome(capsys, *words):
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_compact_keeps_a_pause_older_than_the_log_and_history_shows_it_once(
    project, capsys, monkeypatch
):
    monkeypatch.setattr("liverank.cli.commands.compact.now_ms", lambda: NOW_MS)
    old_ms = NOW_MS - 40 * DAY_MS
    directory = project.parent / ".liverank" / "log"
    config = ("--config", str(project))
    with Log.open(directory) as log:
        log.append([step_of("paused", at_ms=old_ms, reason="a holiday")], arrived_ms=old_ms)
        log.append([User(time=old_ms, user="u")], arrived_ms=old_ms)
        log.append([step_of("planned", at_ms=NOW_MS, reason="soon")], arrived_ms=NOW_MS)
        log.append([User(time=NOW_MS, user="u")], arrived_ms=NOW_MS)
    assert outcome(capsys, "compact", *config)["carried"] == 1
    assert outcome(capsys, "compact", *config)["carried"] == 0
    monkeypatch.setattr("liverank.cli.commands.compact.now_ms", lambda: NOW_MS + 90 * DAY_MS)
    assert outcome(capsys, "compact", *config)["carried"] == 2
    with Log.open(directory) as log:
        assert state_of(steps_in(log)).paused_because == "a holiday"
    shown = outcome(capsys, "autopilot", "history", *config)["steps"]
    assert [(one["at_ms"], one["action"]) for one in shown if one["action"] != "pruned"] == [
        (old_ms, "paused"),
        (NOW_MS, "planned"),
    ]
    assert len(shown) == 3


def test_a_follower_keeps_no_reports_and_folds_only_what_is_new(tmp_path):
    with Log.open(tmp_path / "log", syncs=False) as log:
        log.append([step_of("paused", at_ms=1, reason="")], arrived_ms=1)
        follower = StepFollower(log)
        state = follower.follow()
        log.append([step_of("reported", at_ms=2, reason="")], arrived_ms=2)
        log.append([User(time=2, user="u")], arrived_ms=2)
        assert follower.follow() is state
        assert [step.action for step in follower.steps] == ["paused"]
        assert [step.action for step in StepFollower(log).steps] == ["paused"]
        log.append([step_of("resumed", at_ms=3, reason="")], arrived_ms=3)
        assert not follower.follow().is_paused
        log.compact()
        log.expire(3)
        assert follower.follow() == state_of(steps_in(log))
        assert follower.steps == [one for one in steps_in(log) if one.action != "reported"]
