"""The run loop of autopilot, one look at a time.

A look follows the log, raises and ends alarms, moves a release by a step, starts the training that
is due, and writes the letter of a week that has ended. Invariant: what a look decides is in the
log, so that the next process continues from there; a killed process leaves nothing half-done.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.dedupe import changes
from liverank.autopilot.alarms.delivery import Delivery
from liverank.autopilot.alarms.message import messages_of
from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.letter.write import write_letter
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.autopilot.pilot.challenger import log_failure
from liverank.autopilot.pilot.jobs import Job, JobResult
from liverank.autopilot.pilot.lock import is_taken
from liverank.autopilot.pilot.own_alarms import skew_alarm, training_alarm
from liverank.autopilot.pilot.schedule import DAY_MS, letter_due, week_end_ms, why_no_training
from liverank.autopilot.planning.first_training import plan_first_training
from liverank.autopilot.registry.keep import prune_bundles
from liverank.config import Config
from liverank.config_autopilot import Autopilot
from liverank.events.autopilot_steps import reason_of, step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.quantities import duration_ms

_TRAINING, _CHECK = "training", "check"
_EXTRA_S = 60.0
"""Seconds beyond the budget after which a training that does not end by itself is killed."""
_CHECK_S = 3600.0
_CHECKED_RANKINGS = 100
_CLOSE_S = 5.0


class Project(NamedTuple):
    """A deployment: its liverank.toml, what that says, and the directory of its data."""

    config_file: Path
    config: Config
    root: Path


class Pilot:
    """Keeps one deployment. Belongs to one thread; one at a time (``lock.only_one``).

    ``delivery`` sends messages to people; without one they are only in the log.
    """

    def __init__(self, log: Log, project: Project, delivery: Delivery | None = None) -> None:
        self._log, self._project, self._delivery = log, project, delivery
        self._settings = project.config.autopilot or Autopilot()
        self._follower = StepFollower(log)
        self._monitor = Monitor(project.config)
        self._release = ReleaseWatch(log, project)
        self._job: Job | None = None
        self._skew: Alarm | None = None
        self._checked_ms: int | None = None
        self._planned_ms: int | None = None

    def look(self, at_ms: int) -> None:
        """Do everything that is due at a time, Unix ms. Raises LogError and its kinds.

        A training that is due is started, and goes on in an own process.
        """
        self._take_result(at_ms)
        state = self._close_interrupted(self._follower.follow(), at_ms)
        state = self._watch(state, at_ms)
        state = self._move_release(state, at_ms)
        if not self.is_busy:
            self._start_job(state, at_ms)
        self._write_letter(state, at_ms)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._job is not None

    def wait(self, at_ms: int) -> None:
        """Wait until no job runs, and take the result as of ``at_ms``, Unix ms."""
        while self._job is not None:
            self._take_result(at_ms, wait_s=1.0)

    @property
    def steps(self) -> Sequence[AutopilotStep]:
        """All events of autopilot in the log, as of the last look."""
        return self._follower.steps

    def close(self) -> None:
        """Stop a job that runs, and send what waits."""
        if self._job is not None:
            self._job.stop()
            self._job = None
        if self._delivery is not None:
            self._delivery.close(wait_s=_CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
