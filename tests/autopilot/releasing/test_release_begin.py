"""How the trial of an accepted challenger begins, and when it has to wait or is dropped."""

from dataclasses import replace

import pytest

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.autopilot.judging.verdict import Verdict
from liverank.autopilot.releasing.stages import begin
from liverank.experiments.release import Release

SHADOW = Release(version="new", stage="shadow", since_ms=0, champion="old")


def test_a_challenger_with_another_layout_goes_straight_into_service_and_says_why() -> None:
    move = begin("new", champion="old", has_same_layout=False, state=AutopilotState())
    assert move is not None
    assert (move.action, move.effect) == ("released", "promote")
    assert "layout" in move.reason
    assert "probation" in move.reason


def test_a_challenger_does_not_begin_during_a_trial_or_a_pause() -> None:
    for state in (replace(state_of(()), release=SHADOW), AutopilotState(is_paused=True)):
        assert begin("b", champion="old", has_same_layout=True, state=state) is None


@pytest.mark.parametrize("has_same_layout", [True, False])
def test_a_challenger_does_not_begin_while_events_are_wrong(has_same_layout: bool) -> None:
    alarm = Alarm(
        key="k", kind="volume", title="", cause="", consequence="", next_step="", since_ms=0
    )
    for alarms, begins in (({}, True), ({"k": alarm}, False)):
        state = replace(state_of(()), alarms=alarms)
        move = begin("b", champion="old", has_same_layout=has_same_layout, state=state)
        assert (move is not None) == begins


@pytest.mark.parametrize("has_same_layout", [True, False])
@pytest.mark.parametrize(("judged", "serves"), [("old", "new"), (None, "new"), ("old", None)])
def test_a_challenger_that_was_judged_against_another_champion_is_dropped(
    judged: str | None, serves: str | None, has_same_layout: bool
) -> None:
    for champion, is_dropped in ((judged, False), (serves, True)):
        move = begin(
            "b",
            champion=champion,
            has_same_layout=has_same_layout,
            state=state_of(()),
            verdict=verdict_against(judged),
        )
        assert move is not None
        assert (move.action == "dropped") == is_dropped
        if is_dropped:
            assert f"judged against {judged or 'popularity'}" in move.reason


def verdict_against(champion: str | None) -> Verdict:
    return Verdict(
        challenger="b",
        champion=champion,
        from_ms=0.0,
        until_ms=1.0,
        lists=9,
        people=9,
        is_accepted=True,
        reason="",
        checks=(),
        labels=(),
        segments=(),
        speeds={},
        claims=(),
    )
