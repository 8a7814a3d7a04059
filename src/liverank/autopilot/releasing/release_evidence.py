"""Follows the log for what a release needs: shadow reports, canary, holdout, hours before.

Invariant: what it finds is a function of the log and the config, so that another process, or the
same one after a restart, finds the same.
"""

from typing import NamedTuple

import polars as pl

from liverank.autopilot.history.follower import StepFollower
from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.autopilot.releasing.arm_counts import HOUR_MS, LATE_MS, LOG_COLUMNS, ArmCounts
from liverank.autopilot.releasing.arms import (
    BeforeAfterArms,
    CanaryArms,
    HoldoutArms,
    variants_of_the_model,
)
from liverank.autopilot.releasing.before_after import HISTORY_HOURS, compare_hours
from liverank.autopilot.releasing.service import Service, is_on_probation, service_of
from liverank.autopilot.releasing.stages import Findings
from liverank.config import Config
from liverank.config_autopilot import Autopilot
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.experiments.gathering.impressions import stands_for_impressions
from liverank.experiments.release import Release
from liverank.quantities import duration_ms
from liverank.serving.reports import ShadowReport

SETTLES_MS = 60_000
"""Rankings of the first minute of a canary, or of a bundle in service, do not count: servers take
some seconds to follow."""
WINDOW_MS = 7 * 24 * HOUR_MS
"""The holdout and the bundle in service are compared over windows of this length since the release:
a bundle that breaks after good months is found out as soon as one that was never good."""
LEAST_PEOPLE_EXPECTED = 500


class _Watched(NamedTuple):
    """The bundle in service, and the counts of what people did with it."""

    service: Service
    from_ms: int
    """When the window began, Unix ms."""
    counts: ArmCounts
    tightest_at: float


class ReleaseEvidence:
    """The evidence on the challenger on trial and on the bundle in service.

    Belongs to one thread. ``follow`` raises LogError and its kinds.
    """

    def __init__(self, log: Log, config: Config) -> None:
        self._log, self._config = log, config
        self._follower = StepFollower(log)
        self._settings = config.autopilot or Autopilot()
        self._own = variants_of_the_model(config)
        self._has_impressions: bool | None = None
        self._next_seq: int | None = None
        self._generation = 0
        self._canary: tuple[Release, ArmCounts, float] | None = None
        self._in_service: _Watched | None = None
        self.state: AutopilotState = state_of(())
        self.service: Service | None = None

    @property
    def steps(self) -> list[AutopilotStep]:
        """All events of autopilot, in seq order."""
        return self._follower.steps

    @property
    def seq(self) -> int:
        """Seq of the last event of the log as of the last ``follow``."""
        return 0 if self._next_seq is None else self._next_seq - 1

    def follow(self, at_ms: int) -> None:
        """Read the new events of the log; ``at_ms`` is now, Unix ms."""
        until_seq = self._log.last_seq()
        self.state = self._follower.follow()
        self.service = service_of(self.steps)
        generation = self._log.generation()
        if generation != self._generation:  # the log has lost events, of an erased user perhaps
            self._canary = self._in_service = None
            self._generation = generation
        if self._next_seq is None:  # what came before is read from where a stage began
            self._next_seq = until_seq + 1
        self._start_canary(until_seq)
        self._start_in_service(until_seq, at_ms)
        counts = [] if self._canary is None else [self._canary[1]]
        if self._in_service is not None:
            counts.append(self._in_service.counts)
        if counts:
            self._read(counts, self._next_seq, until_seq)
        self._next_seq = until_seq + 1

    def findings(self, at_ms: int) -> Findings:
        """What the log shows at this time, up to the last ``follow``."""
        release = self.state.release
        canary = None
        if self._canary is not None and release is not None:
            canary = self._canary[1].evidence(
                release.share, self._canary[2], against_heuristic=release.champion is None
            )
        holdout = before_after = None
        if self._in_service is not None:
            service, _, counts, tightest_at = self._in_service
            if self._settings.holdout > 0:
                holdout = counts.evidence(None, tightest_at, against_heuristic=True)
            else:
                before_after = compare_hours(
                    counts.hours(),
                    released_ms=service.since_ms,
                    ripe_ms=at_ms - self._config.label.known_after_ms - LATE_MS,
                )
        return Findings(
            shadow=_shadow_reports(self.steps, release),
            canary=canary,
            holdout=holdout,
            before_after=before_after,
        )

    def _start_canary(self, until_seq: int) -> None:
        """Begin to count the people of a canary that has begun; forget one that has ended."""
        release = self.state.release
        if release is None or release.stage != "canary":
            self._canary = None
            return
        if self._canary is not None and self._canary[0] == release:
            return
        tightest_at = self._half_the_people(release.since_ms, duration_ms(self._settings.canary))
        arms = CanaryArms(release, self._own)
        counts = self._counts(arms, release.since_ms + SETTLES_MS)
        self._catch_up(counts, release.since_ms, until_seq)
        self._canary = (release, counts, tightest_at)

    def _start_in_service(self, until_seq: int, at_ms: int) -> None:
        """Begin to count for the bundle in service: with the holdout, or on probation without."""
        service, has_holdout = self.service, self._settings.holdout > 0
        probation_ms = duration_ms(self._settings.probation)
        if (
            service is None
            or service.version is None
            or not (has_holdout or is_on_probation(service, probation_ms, at_ms))
        ):
            self._in_service = None
            return
        windows = max(at_ms - service.since_ms, 0) // WINDOW_MS if has_holdout else 0
        window_ms = service.since_ms + windows * WINDOW_MS
        if self._in_service is not None and self._in_service[:2] == (service, window_ms):
            return
        tightest_at = self._half_the_people(window_ms, 24 * HOUR_MS)
        if has_holdout:
            arms = HoldoutArms(service.version, self._own)
            counts = self._counts(arms, window_ms + SETTLES_MS)
            self._catch_up(counts, window_ms, until_seq)
        else:
            from_ms = service.since_ms - HISTORY_HOURS * HOUR_MS
            counts = self._counts(BeforeAfterArms(service.since_ms, self._own), from_ms)
            self._catch_up(counts, from_ms, until_seq)
        self._in_service = _Watched(service, window_ms, counts, tightest_at)

    def _counts(
        self, arms: CanaryArms | HoldoutArms | BeforeAfterArms, from_ms: float
    ) -> ArmCounts:
        if self._has_impressions is None:
            self._has_impressions = not stands_for_impressions(
                self._config.impressions, lambda columns: self._log.read(columns=columns)
            )
        return ArmCounts(self._config, arms, from_ms=from_ms, has_impressions=self._has_impressions)

    def _catch_up(self, counts: ArmCounts, from_ms: float, until_seq: int) -> None:
        """Count what is before the events that ``follow`` reads next."""
        to_seq = until_seq if self._next_seq is None else min(self._next_seq - 1, until_seq)
        self._read([counts], seq_at(self._log, from_ms), to_seq)

    def _read(self, counts: list[ArmCounts], from_seq: int, to_seq: int) -> None:
        if from_seq > to_seq:
            return
        for frame in self._log.read(from_seq, to_seq=to_seq, columns=LOG_COLUMNS):
            for one in counts:
                one.add(frame)

    def _half_the_people(self, at_ms: int, span_ms: float) -> float:
        """Half of the people expected in a span, from those of the hour before ``at_ms``."""
        hour = self._log.read(
            seq_at(self._log, at_ms - HOUR_MS),
            to_seq=seq_at(self._log, at_ms),
            columns=("seq", "event", "user"),
        )
        frames = [frame.filter(pl.col("event") == "ranking").select("user") for frame in hour]
        people = pl.concat(frames)["user"].n_unique() if frames else 0
        expected = people * (span_ms / HOUR_MS) ** 0.5  # many come back
        return float(max(expected, LEAST_PEOPLE_EXPECTED)) / 2


def seq_at(log: Log, at_ms: float) -> int:
    """The seq of the first event that arrived at this time (Unix ms) or later.

    One more than the last seq where none did.
    """
    low, high = 1, log.last_seq() + 1
    while low < high:
        middle = (low + high) // 2
        frame = next(log.read(middle, batch_rows=1, columns=("seq", "arrived")), None)
        if frame is None or frame["arrived"][0] >= at_ms:
            high = middle
        else:
            low = int(frame["seq"][0]) + 1
    return low


def _shadow_reports(
    steps: list[AutopilotStep], release: Release | None
) -> tuple[ShadowReport, ...]:
    """The servers' reports on the challenger since its stage began.

    In canary they report only what they cannot score.
    """
    if release is None:
        return ()
    reports = []
    for step in reversed(steps):
        if step.action == f"{release.stage}_started" and step.at_ms <= release.since_ms:
            break
        if step.action != "shadowed" or step.model != release.version:
            continue
        try:
            report = detail_of(step, ShadowReport)
        except EventError:
            continue  # of another version of liverank
        if report.champion == release.champion:
            reports.append(report)
    return tuple(reports)
