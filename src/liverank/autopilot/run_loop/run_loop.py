"""The run loop of autopilot, one look at a time.

A look follows the log, raises and ends alarms, moves a release by a step, starts the training that
is due, and writes the letter of a week that has ended. Invariant: what a look decides is in the
log, so that the next process continues from there; a killed process leaves nothing half-done.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from liverank.autopilot.alarms.delivery import Delivery
from liverank.autopilot.alarms.look import look
from liverank.autopilot.alarms.message import message_of_step
from liverank.autopilot.frames import LogFrames
from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.letter.period import letter_due
from liverank.autopilot.letter.write import FOLDER, write_letter
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.autopilot.planning.first_training import plan_first_training
from liverank.autopilot.registry.keep import prune_bundles, versions_of_experiments
from liverank.autopilot.releasing.release_loop import ReleaseLoop
from liverank.autopilot.run_loop.challenger import log_failure
from liverank.autopilot.run_loop.jobs import Job, JobResult
from liverank.autopilot.run_loop.lock import is_taken
from liverank.autopilot.run_loop.own_alarms import (
    bundle_alarm,
    clock_alarm,
    training_alarm,
    work_alarm,
)
from liverank.autopilot.run_loop.project import Project
from liverank.autopilot.run_loop.schedule import DAY_MS, RETRY_MS, why_no_training
from liverank.bundle import store
from liverank.config_autopilot import Autopilot
from liverank.errors import BundleError, ConfigError, DatasetError
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.quantities import duration_ms

if TYPE_CHECKING:
    from liverank.autopilot.alarms.alarm import Alarm

_TRAINING, _CHECK, _BUNDLES = "training", "check", "bundles"
_EXTRA_S = 60.0
"""Seconds beyond the budget after which a training that does not end by itself is killed."""
_CHECK_S = 3600.0
_CLOSE_S = 5.0
_PLAN_MS = 3_600_000
"""Time between two looks at whether a log has enough to learn from."""


class RunLoop:
    """Keeps one deployment. Belongs to one thread; one at a time (``lock.only_one``).

    ``delivery`` sends messages to people; without one they are only in the log. Served features are
    compared with replayed ones every ``check_every_ms``, which folds the whole log. ``priority`` of
    trainings is ``idle`` or ``normal``; jobs take the time of a look as theirs if
    it ``is_simulated``.
    """

    def __init__(
        self,
        log: Log,
        project: Project,
        delivery: Delivery | None = None,
        *,
        check_every_ms: int = DAY_MS,
        priority: str = "idle",
        is_simulated: bool = False,
    ) -> None:
        self._log, self._project, self._delivery = log, project, delivery
        self._check_every_ms, self._priority = check_every_ms, priority
        self._is_simulated = is_simulated
        self._settings = project.config.autopilot or Autopilot()
        self._follower = StepFollower(log)
        self._monitor = Monitor(project.config)
        self._release = ReleaseLoop(log, project.config, project.root)
        self._job: Job | None = None
        self._troubles: dict[str, Alarm] = {}
        self._retry_ms: dict[str, int] = {}
        self._ends_before = 0
        self._planned_ms: int | None = None

    def look(self, at_ms: int) -> None:
        """Do everything that is due at a time, Unix ms. Raises LogError and its kinds.

        A training that is due is started, and goes on in an own process.
        """
        self._take_result(at_ms)
        state = self._close_interrupted(self._follower.follow(), at_ms)
        state = self._watch(state, at_ms)
        state = self._move_release(state, at_ms)
        if state.is_paused and self._job is not None:
            self._stop_job("autopilot was paused", at_ms)
        if not self.is_busy:
            self._attempt("training", "to start a training", self._start_job, at_ms)
        self._attempt("letter", "the weekly letter", self._write_letter, at_ms)

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

    @property
    def has_released(self) -> bool:
        """Whether autopilot has released a model."""
        return any(step.action == "released" for step in self.steps)

    def close(self) -> None:
        """Stop a job that runs, and send what waits."""
        if self._job is not None:
            self._job.stop()
            self._job = None  # the next process logs that its training was interrupted
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

    def _append(self, step: AutopilotStep, *, at_ms: int) -> None:
        self._log.append([step], arrived_ms=at_ms)

    def _take_result(self, at_ms: int, *, wait_s: float = 0.0) -> None:
        """Take the result of a job that has ended."""
        if self._job is None:
            return
        result = self._job.result(wait_s=wait_s)
        if result is not None:
            self._job = None
            self._take(result, at_ms)

    def _take(self, result: JobResult, at_ms: int) -> None:
        """Log what a job did not log itself."""
        failed = result.error or f"it ended with exit status {result.status}"
        if result.name == _CHECK:
            has_checked = result.status == 0 or "reason" in result.answer
            self._note(_CHECK, "the check of features", None if has_checked else failed, at_ms)
            return
        state = self._follower.follow()
        if state.training_since_ms is not None or self._ends_before == state.ended_trainings:
            log_failure(self._log, failed, at_ms=at_ms)

    def _stop_job(self, why: str, at_ms: int) -> None:
        """End the job that runs; the end of a training is logged with the reason."""
        assert self._job is not None
        name = self._job.stop().name
        self._job = None
        if name == _TRAINING and self._follower.follow().training_since_ms is not None:
            log_failure(self._log, why, at_ms=at_ms)

    def _note(self, key: str, work: str, problem: str | None, at_ms: int) -> None:
        """Remember that a part of the work does not succeed, or that it does."""
        if problem is None:
            self._troubles.pop(key, None)
        elif key not in self._troubles:
            self._troubles[key] = work_alarm(key, work, problem, at_ms=at_ms)

    def _close_interrupted(self, state: AutopilotState, at_ms: int) -> AutopilotState:
        """Log the end of a training whose process was killed."""
        if state.training_since_ms is None or self.is_busy:
            return state
        if is_taken(self._project.root, _TRAINING):
            return state
        log_failure(self._log, "its process ended before it was done", at_ms=at_ms)
        return self._follower.follow()

    def _watch(self, state: AutopilotState, at_ms: int) -> AutopilotState:
        """Raise and end alarms, and send messages about them."""
        self._monitor.follow(self._log)
        now = [*self._monitor.alarms(at_ms), *state.checked_alarms, *self._troubles.values()]
        own = (training_alarm(state), clock_alarm(self.steps, at_ms=at_ms))
        now += [alarm for alarm in own if alarm is not None]
        settings, delivery = self._settings.alarms, self._delivery
        found = look(self._log, state, now, settings, at_ms=at_ms, delivery=delivery)
        return self._follower.follow() if found.steps else state

    def _move_release(self, state: AutopilotState, at_ms: int) -> AutopilotState:
        """Make the next move of a release, if there is one."""
        candidate = None if state.candidate is None else state.candidate.model
        try:
            step = self._release.look(at_ms, candidate=candidate)
            self._troubles.pop(_BUNDLES, None)
        except BundleError as error:
            self._troubles.setdefault(_BUNDLES, bundle_alarm(str(error), at_ms=at_ms))
            return state
        if step is None:
            return state
        state = self._follower.follow()
        if step.action in ("returned", "withdrawn", "dropped") and self._delivery is not None:
            self._delivery.send(message_of_step(step))
        if step.action in ("released", "dropped"):
            self._attempt("prune", "to remove old bundles", self._prune, at_ms)
        return state

    def _attempt(self, key: str, work: str, do: Callable[[int], None], at_ms: int) -> None:
        """Do a part of the work without which the rest can go on; at most hourly after an error."""
        if at_ms < self._retry_ms.get(key, at_ms):
            return
        try:
            do(at_ms)
        except (OSError, BundleError, ConfigError, DatasetError) as error:
            self._retry_ms[key] = at_ms + RETRY_MS
            self._note(key, work, str(error), at_ms)
        else:
            self._note(key, work, None, at_ms)

    def _prune(self, at_ms: int) -> None:
        removed = prune_bundles(
            self._project.root,
            self.steps,
            keep=self._settings.keep,
            at_ms=at_ms,
            named=versions_of_experiments(self._project.config),
        )
        if removed:
            names = ", ".join(removed)
            step = step_of("pruned", at_ms=at_ms, reason=f"beyond `autopilot.keep`: {names}")
            self._append(step, at_ms=at_ms)

    def _start_job(self, at_ms: int) -> None:
        """Start the training or the check of features that is due."""
        state = self._follower.follow()
        if state.is_paused:
            return
        at = ("--at", str(at_ms)) if self._is_simulated else ()
        if why_no_training(state, self._settings, at_ms=at_ms) is None:
            if self._is_enough(state, at_ms):
                seconds = duration_ms(self._settings.within) / 1000 + _EXTRA_S
                words = ("autopilot", "train", "--with-parent", *at, "--priority", self._priority)
                self._ends_before = state.ended_trainings
                self._job = self._new_job(_TRAINING, words, seconds)
        elif self._is_check_due(state, at_ms):
            self._retry_ms[_CHECK] = at_ms + RETRY_MS
            words = ("autopilot", "check", *at, "--priority", self._priority)
            self._job = self._new_job(_CHECK, words, _CHECK_S)

    def _is_check_due(self, state: AutopilotState, at_ms: int) -> bool:
        if at_ms < self._retry_ms.get(_CHECK, at_ms):
            return False
        return state.checked_ms is None or at_ms >= state.checked_ms + self._check_every_ms

    def _new_job(self, name: str, words: Sequence[str], seconds: float) -> Job:
        return Job(name, words, self._project.config_file, seconds=seconds)

    def _is_enough(self, state: AutopilotState, at_ms: int) -> bool:
        """Whether the log has enough to learn from; while not, says when it will have."""
        if state.verdict is not None or store.current(self._project.root) is not None:
            return True
        if self._planned_ms is not None and at_ms < self._planned_ms + _PLAN_MS:
            return False
        self._planned_ms = at_ms
        plan = plan_first_training(LogFrames(self._log), self._project.config, at_ms)
        planned_ms = None if state.plan is None else state.plan.at_ms
        if plan.is_ready or planned_ms is None or at_ms >= planned_ms + DAY_MS:
            step = step_of("planned", at_ms=at_ms, reason=plan.reason, detail=plan)
            self._append(step, at_ms=at_ms)
        return plan.is_ready

    def _write_letter(self, at_ms: int) -> None:
        """Write the letter of a week that has ended."""
        state = self._follower.follow()
        period = letter_due(
            self._settings.letter,
            at_ms=at_ms,
            last_ms=state.letter_ms,
            first_ms=self._log.stats().oldest_ms,
        )
        if period is None:
            return
        folder = self._project.root / FOLDER
        letter = write_letter(self._log, self._project.config, folder, period, at_ms=at_ms)
        self._append(letter.step, at_ms=at_ms)
        if self._delivery is not None:
            self._delivery.send(letter.message)
