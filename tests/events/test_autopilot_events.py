"""Events of autopilot in the log: they are found among all others, and change nothing else."""

import pytest
from test_log import click

from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of, step_of
from liverank.events.event import AutopilotStep, User
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.events.sources.read_events import read_events
from liverank.events.wire import decode_event
from liverank.experiments.release import Trial, release_of

pytestmark = pytest.mark.usefixtures("any_time")

TRIAL = Trial(champion="a1", share=0.1)
CANARY = step_of("canary_started", at_ms=5, reason="as good", model="b2", detail=TRIAL)
RELEASED = step_of("released", at_ms=9, reason="no harm in a day", model="b2")


def steps(log: Log) -> list[tuple[int, AutopilotStep]]:
    return [(one.seq, one.event) for one in log.autopilot_steps()]


def test_they_are_found_in_the_tail_and_in_segments_and_keep_their_detail(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([click("1"), CANARY, click("2")], arrived_ms=7)
        assert steps(log) == [(2, CANARY)]
        log.compact()
        log.append([click("3"), RELEASED], arrived_ms=8)
        assert steps(log) == [(2, CANARY), (5, RELEASED)]
        log.compact()
        assert steps(log) == [(2, CANARY), (5, RELEASED)]
        assert detail_of(steps(log)[0][1], Trial) == TRIAL


def test_erasing_a_user_leaves_them_as_they_are(tmp_path):
    about = step_of("alarm_raised", at_ms=5, reason="ana")
    with Log.open(tmp_path) as log:
        log.append([about, click("1"), User(time=1, user="ana")], arrived_ms=7)
        log.erase("ana", at_ms=10)
        assert steps(log) == [(1, about)]


def test_they_are_imported_from_json_lines_as_they_were_logged(tmp_path):
    path = tmp_path / "events.jsonl"
    line = '{"event":"autopilot","time":1796115600000,"action":"%s","model":"b2"}\n'
    path.write_text(line % "released" + line % "launched")
    (piece,) = read_events([path])
    (event,) = events_of(piece.frame)
    (reason,) = piece.rejected["reason"]
    assert "expected one of planned, training_started" in reason
    assert event == AutopilotStep(time=1796115600000, action="released", model="b2", id=event.id)


def test_a_detail_of_another_kind_is_an_error_that_names_the_event():
    with pytest.raises(EventError, match=r"\(released, 9\) has no detail of a Trial"):
        detail_of(RELEASED, Trial)


def test_an_unknown_action_is_refused_with_those_there_are():
    with pytest.raises(EventError, match=r"expected one of planned, .*, pruned, checked"):
        decode_event('{"event":"autopilot","time":0,"action":"launched"}')


def test_a_release_ends_when_the_challenger_is_released_dropped_or_all_is_paused():
    release = release_of([CANARY])
    assert release is not None
    assert (release.stage, release.version, release.champion) == ("canary", "b2", "a1")
    for end in ("released", "dropped", "paused"):
        assert release_of([CANARY, step_of(end, at_ms=6, reason="")]) is None


def test_a_canary_serves_its_share_of_the_people_and_others_with_another_challenger():
    release = release_of([CANARY])
    people = [f"u{number}" for number in range(20_000)]
    served = {user for user in people if release.serves(user)}
    assert abs(len(served) / len(people) - 0.1) < 0.01
    again = step_of("canary_started", at_ms=6, reason="", model="c3", detail=TRIAL)
    others = {user for user in people if release_of([again]).serves(user)}
    assert abs(len(served & others) / len(served) - 0.1) < 0.03
