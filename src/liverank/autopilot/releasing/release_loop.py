"""Follows the log, and moves a release by a step when what the log shows says so."""

from pathlib import Path

from liverank.autopilot.releasing.apply import carry_out, reconcile
from liverank.autopilot.releasing.release_evidence import ReleaseEvidence
from liverank.autopilot.releasing.stages import begin, next_step
from liverank.bundle import store
from liverank.config import Config
from liverank.errors import BundleError
from liverank.events.event import AutopilotStep
from liverank.events.log import Log


class ReleaseLoop:
    """Releases challengers of one deployment. Belongs to one thread."""

    def __init__(self, log: Log, config: Config, root: Path) -> None:
        self._log, self._config, self._root = log, config, root
        self._evidence = ReleaseEvidence(log, config)

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
        findings = evidence.findings(at_ms)
        move = next_step(evidence.state, evidence.service, findings, self._config, at_ms)
        if move is None and candidate is not None and candidate != current:
            move = begin(
                candidate,
                champion=current,
                has_same_layout=_have_same_layout(self._root, candidate, current),
                state=evidence.state,
            )
        return None if move is None else carry_out(move, self._log, self._root, at_ms)


def _have_same_layout(root: Path, version: str, champion: str | None) -> bool:
    """Whether one server can rank with both bundles."""
    if champion is None:
        return True
    try:
        before = store.load(root, champion)
    except BundleError:
        return True  # it does not serve either
    return store.load(root, version).spec.layout == before.spec.layout
