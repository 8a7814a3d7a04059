"""Follows the log, and moves a release by a step when what the log shows says so."""

from pathlib import Path
from typing import TYPE_CHECKING

from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.judging.verdict import Verdict
from liverank.autopilot.releasing.apply import carry_out, reconcile
from liverank.autopilot.releasing.release_evidence import ReleaseEvidence
from liverank.autopilot.releasing.stages import Findings, begin, next_step
from liverank.bundle import store
from liverank.config import Config
from liverank.errors import BundleError, EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log

if TYPE_CHECKING:
    from liverank.autopilot.releasing.service import Service
    from liverank.experiments.release import Release

FINDINGS_MS = 60_000
"""Least time between two computations of the findings of one stage, which join all open lists."""


class ReleaseLoop:
    """Releases challengers of one deployment. Belongs to one thread."""

    def __init__(self, log: Log, config: Config, root: Path) -> None:
        self._log, self._config, self._root = log, config, root
        self._evidence = ReleaseEvidence(log, config)
        self._findings = Findings()
        self._found: tuple[Release | None, Service | None] | None = None
        """The release and the service that the findings are about; None before the first ones."""
        self._found_seq = self._found_ms = 0

    def look(self, at_ms: int, *, candidate: str | None = None) -> AutopilotStep | None:
        """Follow the log and make the next move, if there is one; returns the logged step.

        ``candidate`` is an accepted challenger that was not tried yet. Raises LogError and its
        kinds, and BundleError where the bundle in service cannot be changed; then nothing is
        logged, and the next look tries again.
        """
        evidence = self._evidence
        evidence.follow(at_ms)
        current = store.current(self._root)
        record = reconcile(evidence.state, evidence.service, current)
        if record is not None:
            return carry_out(record, self._log, self._root, at_ms, is_record=True)
        move = None
        if not evidence.state.is_paused:
            findings = self._findings_at(at_ms)
            move = next_step(evidence.state, evidence.service, findings, self._config, at_ms)
        if move is None and candidate is not None and candidate != current:
            move = begin(
                candidate,
                champion=current,
                has_same_layout=_have_same_layout(self._root, candidate, current),
                state=evidence.state,
                verdict=_verdict_on(candidate, evidence.state),
            )
        return None if move is None else carry_out(move, self._log, self._root, at_ms)

    def _findings_at(self, at_ms: int) -> Findings:
        """The findings on this stage, at most FINDINGS_MS older than the log shows."""
        evidence = self._evidence
        about = (evidence.state.release, evidence.service)
        has_news = evidence.seq > self._found_seq
        is_due = not 0 <= at_ms - self._found_ms < FINDINGS_MS
        if about != self._found or (has_news and is_due):
            self._findings = evidence.findings(at_ms)
            self._found, self._found_seq, self._found_ms = about, evidence.seq, at_ms
        return self._findings


def _verdict_on(version: str, state: AutopilotState) -> Verdict | None:
    """The verdict by which a challenger was accepted; None where the log holds none."""
    if state.candidate is None or state.candidate.model != version:
        return None
    try:
        return detail_of(state.candidate, Verdict)
    except EventError:
        return None  # of another version of liverank


def _have_same_layout(root: Path, version: str, champion: str | None) -> bool:
    """Whether one server can rank with both bundles."""
    if champion is None:
        return True
    try:
        before = store.load(root, champion)
    except BundleError:
        return True  # it does not serve either
    return store.load(root, version).spec.layout == before.spec.layout
