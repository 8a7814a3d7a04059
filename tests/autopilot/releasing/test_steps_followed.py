"""Steps that are followed as they come are those that the log has."""

from pathlib import Path

from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import state_of, steps_in
from liverank.events.autopilot_steps import step_of
from liverank.events.event import User
from liverank.events.log import Log


def test_steps_are_followed_through_other_events_and_compaction(tmp_path: Path) -> None:
    with Log.open(tmp_path / "log", syncs=False) as log:
        log.append([step_of("paused", at_ms=1, reason="first")], arrived_ms=1)
        follower = StepFollower(log)
        for number in range(6):
            log.append([User(time=number, user="u")], arrived_ms=number)
            if number % 2:
                action = "resumed" if number % 4 == 1 else "paused"
                log.append([step_of(action, at_ms=number, reason=f"{number}")], arrived_ms=number)
            if number == 3:
                log.compact()
            assert follower.follow() == state_of(steps_in(log))
            assert follower.steps == steps_in(log)
        assert len(follower.steps) == 4
