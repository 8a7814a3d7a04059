"""Carries out a move: changes the bundle in service, and logs the step.

Invariant: the bundle in service is the truth, and the log follows it. A move changes the bundle
first and is logged then; whoever comes after a process that was killed in between logs what is in
service (``reconcile``), so that nothing is released twice and nobody's rollback is undone.
"""

from pathlib import Path

from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.autopilot.releasing.move import Change, Move
from liverank.autopilot.releasing.service import Service
from liverank.bundle import store
from liverank.errors import BundleError
from liverank.events.event import AutopilotStep
from liverank.events.log import Log


def reconcile(state: AutopilotState, service: Service | None, current: str | None) -> Move | None:
    """The move that makes the log agree with the bundle in service; None where it does.

    A challenger on trial that is in service was released (or promoted by hand) before that could
    be logged. Where the bundle that a release put into service is no longer there, it was returned
    or withdrawn (or rolled back by hand). Any other bundle in service was promoted by hand; while a
    challenger is on trial against it, that is logged after the trial.
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
    known = None if service is None else service.version
    if known == current:
        return None
    if current is not None and (known is None or service is None or service.before != current):
        return None if release is not None else _promoted_by_hand(known, current)
    assert known is not None
    was_by_hand = (
        "it is no longer in service: that was done by hand, or the process that did it ended "
        "before it could log that"
    )
    return Move(
        action="withdrawn" if current is None else "returned",
        version=known,
        reason=was_by_hand,
        detail=Change(before=known, after=current),
    )


def _promoted_by_hand(before: str | None, after: str) -> Move:
    return Move(
        action="released",
        version=after,
        reason="it was promoted by hand, and is compared with the holdout (if there is one) from "
        "now on; it is not on probation",
        detail=Change(before=before, after=after, by_hand=True),
    )


def carry_out(
    move: Move, log: Log, root: Path, at_ms: int, *, is_record: bool = False
) -> AutopilotStep | None:
    """Change the bundle in service, and log the step; None where autopilot was paused meanwhile.

    A move of ``reconcile`` is a record of what was done already, and is logged in a pause too.
    Raises BundleError, and logs nothing then; LogError and its kinds.
    """
    if not is_record and state_of(steps_in(log)).is_paused:
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
