"""Moves a release by a step, when what the log shows says so.

Invariant: the bundle in service is the truth, and the log follows it. A move changes the bundle
first and is logged then; whoever comes after a process that was killed in between logs what is in
service (``reconcile``), so that nothing is released twice and nobody's rollback is undone.
"""

from pathlib import Path

from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.autopilot.releasing.move import Change, Move
from liverank.autopilot.releasing.release_evidence import ReleaseEvidence
from liverank.autopilot.releasing.service import Service
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
        move = reconcile(evidence.state, evidence.service, current)
        if move is None:
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


def reconcile(state: AutopilotState, service: Service | None, current: str | None) -> Move | None:
    """The move that makes the log agree with the bundle in service; None where it does.

    A challenger on trial that is in service was released (or promoted by hand) before that could
    be logged. Where the bundle that a release put into service is no longer there, it was returned
    or withdrawn (or rolled back by hand).
    """
    release = state.release
    if release is not None and release.version == current:
        return Move(
            action="released",
            version=current,
            reason="it is in service already: it was promoted by hand, or the process that "
            "released it ended before it could log that",
            detail=Change(before=release.champion, after=current),
        )
    if release is not None and release.champion != current:
        return Move(
            action="dropped",
            version=release.version,
            reason=f"{current or 'popularity'} is in service now, and the trial was against "
            f"{release.champion or 'popularity'}",
        )
    if service is None or service.version is None or service.version == current:
        return None
    was_by_hand = (
        "it is no longer in service: that was done by hand, or the process that did it ended "
        "before it could log that"
    )
    return Move(
        action="withdrawn" if current is None else "returned",
        version=service.version,
        reason=was_by_hand,
        detail=Change(before=service.version, after=current),
    )


def carry_out(move: Move, log: Log, root: Path, at_ms: int) -> AutopilotStep | None:
    """Change the bundle in service, and log the step; None where autopilot was paused meanwhile.

    Raises BundleError, and logs nothing then; LogError and its kinds.
    """
    steps = steps_in(log)
    if state_of(steps).is_paused and move.effect != "none":
        return None
    if move.effect == "promote":
        store.promote(root, move.version)
    elif move.effect == "roll_back":
        move = _roll_back(move, root)
    elif move.effect == "withdraw":
        store.withdraw(root, move.reason)
    step = move.step(at_ms)
    log.append([step], arrived_ms=at_ms)
    return step


def _roll_back(move: Move, root: Path) -> Move:
    """Serve the bundle before again, or none where that does not load; returns what was done."""
    assert isinstance(move.detail, Change)
    before = move.detail.after
    assert before is not None
    try:
        if store.previous(root) == before:
            store.roll_back(root)
        else:
            store.promote(root, before)
    except BundleError as error:
        reason = f"{move.reason}; but it does not load, so lists are by popularity: {error}"
        store.withdraw(root, reason)
        detail = Change(before=move.version, after=None)
        return Move(action="withdrawn", version=move.version, reason=reason, detail=detail)
    return move


def _have_same_layout(root: Path, version: str, champion: str | None) -> bool:
    """Whether one server can rank with both bundles."""
    if champion is None:
        return True
    try:
        before = store.load(root, champion)
    except BundleError:
        return True  # it does not serve either
    return store.load(root, version).spec.layout == before.spec.layout
