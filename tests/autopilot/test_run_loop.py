"""The run loop on a log of a simulated app: it trains, judges and says why; kills leave nothing."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liverank.autopilot.history.state import state_of, steps_in
from liverank.autopilot.run_loop.lock import is_taken
from liverank.autopilot.run_loop.project import Project
from liverank.autopilot.run_loop.run_loop import RunLoop
from liverank.bundle import store
from liverank.config import load_config
from liverank.events.autopilot_steps import reason_of, step_of
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.server.project import make_project
from liverank.simulator.simulate import simulate
from liverank.simulator.world.world import DAY_MS, build_world

DAYS, HOUR_MS = 4, 3_600_000
CONFIG = """
[training]
budget = "2s"

[autopilot]
judge_on = "1d"
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> Path:
    """A project with four days of a small app; the path of its config."""
    config_file = make_project(tmp_path_factory.mktemp("app") / "project", more=CONFIG)
    world = build_world(3, people=300, days=DAYS)
    events = list(simulate(world, policy=MostPopular(world, spread=1.0, seed=1), seed=3))
    with Log.open(config_file.parent / ".liverank" / "log") as log:
        log.import_frame(frame_of(events), arrived_ms=world.start_ms + DAYS * DAY_MS)
    return config_file


@pytest.fixture
def project(lived, tmp_path) -> Project:
    shutil.copytree(lived.parent, tmp_path / "project")
    file = tmp_path / "project" / "liverank.toml"
    return Project(file, load_config(file), file.parent / ".liverank")


@pytest.fixture
def now_ms(project) -> int:
    with Log.open(project.root / "log") as log:
        return (log.stats().newest_ms or 0) + 1


def actions(log: Log) -> list[str]:
    return [step.action for step in steps_in(log)]


def test_a_product_with_enough_history_gets_its_first_challenger_and_a_verdict(project, now_ms):
    with (
        Log.open(project.root / "log") as log,
        RunLoop(log, project, priority="normal", is_simulated=True) as loop,
    ):
        loop.look(now_ms)
        assert loop.is_busy
        loop.wait(now_ms)
        loop.look(now_ms + 60_000)
        started, ended = (
            step
            for step in steps_in(log)
            if step.action in ("training_started", "accepted", "refused", "training_failed")
        )
        assert started.action == "training_started"
        assert ended.action in ("accepted", "refused"), reason_of(ended)
        bundle = store.load(project.root, str(ended.model))
        assert bundle.lineage is not None
        assert bundle.lineage.trained_until_ms == now_ms - DAY_MS
        assert store.current(project.root) is None  # accepted is not released
        assert ("shadow_started" in actions(log)) == (ended.action == "accepted")
        loop.look(now_ms + 2 * HOUR_MS)
        assert actions(log).count("training_started") == 1  # the next one is due tomorrow


def test_a_training_that_is_killed_leaves_nothing_held_and_is_followed_by_another(project, now_ms):
    command = [sys.executable, "-m", "liverank", "autopilot", "train", "--priority", "normal"]
    training = subprocess.Popen(
        [*command, "--at", str(now_ms), "--config", str(project.config_file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with Log.open(project.root / "log") as log:
        while "training_started" not in actions(log):
            assert training.poll() is None
            time.sleep(0.05)
        training.send_signal(signal.SIGKILL)
        training.wait()
        assert not is_taken(project.root, "training")
        assert state_of(steps_in(log)).training_since_ms is not None
        with RunLoop(log, project, is_simulated=True) as loop:
            loop.look(now_ms + 60_000)
            (failed,) = (step for step in steps_in(log) if step.action == "training_failed")
            assert "ended before it was done" in reason_of(failed)
            loop.wait(now_ms + 60_000)
            assert actions(log).count("training_started") == 1  # not at once
            loop.look(now_ms + 60_000 + HOUR_MS)
            while actions(log).count("training_started") == 1:
                assert loop.is_busy
                time.sleep(0.05)
    for folder in (project.root / "bundles").glob("*"):
        assert not folder.is_dir() or store.load(project.root, folder.name)


def test_a_paused_autopilot_trains_nothing_and_still_watches(project, now_ms):
    with Log.open(project.root / "log") as log:
        log.append([step_of("paused", at_ms=now_ms, reason="a launch")], arrived_ms=now_ms)
        with RunLoop(log, project, is_simulated=True) as loop:
            for hour in range(1, 4):
                loop.look(now_ms + hour * HOUR_MS)
                loop.wait(now_ms + hour * HOUR_MS)
        assert "training_started" not in actions(log)


def test_a_training_that_cannot_start_is_a_failure_with_its_reason(project, now_ms):
    with Log.open(project.root / "log") as log, RunLoop(log, project, is_simulated=True) as loop:
        project.config_file.write_text("[label]\n")
        loop.look(now_ms)
        loop.wait(now_ms)
        (failed,) = (step for step in steps_in(log) if step.action == "training_failed")
        assert "required field `interaction`" in reason_of(failed)


def test_a_pause_stops_the_training_that_runs(project, now_ms):
    with (
        Log.open(project.root / "log") as log,
        RunLoop(log, project, is_simulated=True) as loop,
    ):
        loop.look(now_ms)
        while "training_started" not in actions(log):
            time.sleep(0.05)
        log.append([step_of("paused", at_ms=now_ms, reason="a launch")], arrived_ms=now_ms)
        loop.look(now_ms + 1_000)
        assert not loop.is_busy
        (failed,) = (step for step in steps_in(log) if step.action == "training_failed")
        assert reason_of(failed) == "autopilot was paused"
        assert not is_taken(project.root, "training")


def test_a_letter_that_cannot_be_written_is_an_alarm_and_stops_nothing_else(project, now_ms):
    (project.root / "letters").write_text("not a folder")
    week_later_ms = now_ms + 7 * DAY_MS
    with (
        Log.open(project.root / "log") as log,
        RunLoop(log, project, is_simulated=True) as loop,
    ):
        loop.look(week_later_ms)
        loop.look(week_later_ms + 60_000)
        assert "letter" in state_of(steps_in(log)).alarms
        assert loop.is_busy  # the training goes on


def test_a_step_of_the_future_is_an_alarm_since_what_is_due_waits_for_it(project, now_ms):
    ahead = step_of("resumed", at_ms=now_ms + 10 * DAY_MS, reason="by a clock that ran ahead")
    with (
        Log.open(project.root / "log") as log,
        RunLoop(log, project, is_simulated=True) as loop,
    ):
        log.append([ahead], arrived_ms=now_ms)
        loop.look(now_ms)
        alarm = state_of(steps_in(log)).alarms["clock:autopilot"]
        assert "240.0 h in the future" in alarm.title
