"""The events of autopilot that must outlive ``log.keep``: they are appended again.

A pause, a trial, an alarm or the bundle in service lasts longer than the event that began it.
Invariant: the folds of the events that stay, followed by those that are appended again, are what
they were; only the number of ended trainings counts from the oldest event that stays. Until they
have expired, failures before the first verdict of all may count twice: nothing marks their start.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from liverank.autopilot.history.carried_alarms import carried_alarms
from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.autopilot.releasing.move import Change
from liverank.autopilot.releasing.service import Service, service_of
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of, step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.experiments.release import CHANGES_RELEASE, Trial

_IN_SERVICE = ("released", "returned", "withdrawn")
_REASON = "Events older than `log.keep` that still hold were logged again"


class CarriedOver(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of the ``pruned`` around events that were appended again."""

    count: int
    """Number of events that follow, which expire when this one does."""
    before_ms: int
    """Older events before this one are replaced by those that follow, Unix ms."""


class AgedStep(NamedTuple):
    """A step, and the time by which it expires, Unix ms."""

    step: AutopilotStep
    expires_by_ms: int


def carried_over(steps: Iterable[AutopilotStep], before_ms: int) -> list[AutopilotStep]:
    """The events to append again before those older than ``before_ms`` expire.

    ``steps`` are in seq order. Nothing is appended again that those which stay already say.

    >>> paused = step_of("paused", at_ms=5, reason="a holiday")
    >>> carried_over([paused], 5), carried_over([paused], 6) == [paused]
    ([], True)
    """
    aged = _aged(steps)
    carried = [*carried_alarms(aged, before_ms), *_carried_of_state(aged, before_ms)]
    return [msgspec.structs.replace(step, id=None) for step in carried]


def carry_over(log: Log, before_ms: int, *, at_ms: int) -> int:
    """Append again what must outlive an expiry of events older than ``before_ms``.

    Returns how many events. ``at_ms`` is now, Unix ms. Raises LogError and its kinds.
    """
    oldest_ms = log.stats().oldest_ms
    if oldest_ms is None or oldest_ms >= before_ms:
        return 0
    found = _steps_after(log, 0)
    carried = carried_over((step for _, step in found), before_ms)
    if not carried:
        return 0
    # The two events around them are new: what is between them expires with them.
    details = (CarriedOver(count=count, before_ms=before_ms) for count in (len(carried), 0))
    first, last = (
        step_of("pruned", at_ms=at_ms, reason=_REASON, detail=detail) for detail in details
    )
    begin_seq = log.append([first, *carried, last], arrived_ms=at_ms).seqs[0] or 0
    newer = [step for seq, step in _steps_after(log, found[-1][0]) if seq < begin_seq]
    if newer:  # of another process, which did not wait for what was appended again
        log.append([msgspec.structs.replace(step, id=None) for step in newer], arrived_ms=at_ms)
    return len(carried)


def _steps_after(log: Log, seq: int) -> list[tuple[int, AutopilotStep]]:
    """The steps after a seq, with their seqs."""
    return [
        (one.seq, one.event)
        for one in log.autopilot_steps()
        if isinstance(one.event, AutopilotStep) and one.seq > seq
    ]


def _aged(steps: Iterable[AutopilotStep]) -> list[AgedStep]:
    """The steps without those that were appended again since, and when each of them expires."""
    aged: list[AgedStep] = []
    left, expires_by_ms = 0, 0
    for step in steps:
        if step.action == "reported":
            continue
        batch = _batch_of(step)
        if batch is not None:
            aged = [one for one in aged if one.expires_by_ms >= batch.before_ms]
            left, expires_by_ms = batch.count, step.at_ms
        elif left:
            aged.append(AgedStep(step, expires_by_ms))
            left -= 1
        else:
            aged.append(AgedStep(step, step.at_ms))
    return aged


def _batch_of(step: AutopilotStep) -> CarriedOver | None:
    if step.action != "pruned":
        return None
    try:
        return detail_of(step, CarriedOver)
    except EventError:
        return None  # bundles were pruned


def _carried_of_state(aged: Sequence[AgedStep], before_ms: int) -> list[AutopilotStep]:
    """The steps to append again for everything but the alarms."""
    own = [one for one in aged if not one.step.action.startswith("alarm_")]
    steps = [one.step for one in own]
    kept = [one.step for one in own if one.expires_by_ms >= before_ms]
    target = _folds(steps)
    if _folds(kept) == target:
        return []
    training = _of_trainings(steps, kept)
    picked = sorted([*training, *(set(_of_service(steps)) - set(training))])
    # Leave out what the steps that stay say: the trainings as a whole, then step by step.
    for left_out in (set(training), *({index} for index in sorted(set(picked)))):
        fewer = [index for index in picked if index not in left_out]
        if _folds([*kept, *(steps[index] for index in fewer)]) == target:
            picked = fewer
    carried = [steps[index] for index in picked]
    return carried + list(_shadow_reports(steps, carried, target[0]))


def _folds(steps: Sequence[AutopilotStep]) -> tuple[AutopilotState, Service | None]:
    return replace(state_of(steps), ended_trainings=0), service_of(steps)


def _of_service(steps: Sequence[AutopilotStep]) -> Iterator[int]:
    """Indices of the last steps on service, trial, pause, plan, letter and check."""
    last: dict[str, int] = {}
    is_paused = False
    for index, step in enumerate(steps):
        action = step.action
        if action in ("paused", "resumed"):
            last["pause"], is_paused = index, action == "paused"
        if _is_of_trial(step, is_paused=is_paused):
            last["trial"] = index
        if action in _IN_SERVICE:
            last["release"] = index
            if _has(step, Change):
                last["service"] = index
        if action in ("planned", "letter_written", "checked"):
            last[action] = index
    yield from last.values()


def _is_of_trial(step: AutopilotStep, *, is_paused: bool) -> bool:
    """Whether the step starts or ends a trial."""
    if step.action in ("shadow_started", "canary_started"):
        return not is_paused and step.model is not None and _has(step, Trial)
    return step.action in CHANGES_RELEASE and step.action != "resumed"


def _has(step: AutopilotStep, kind: type[Trial] | type[Change]) -> bool:
    """Whether the step has a detail of a kind, not one of another version of liverank."""
    try:
        detail_of(step, kind)
    except EventError:
        return False
    return True


def _of_trainings(steps: Sequence[AutopilotStep], kept: Sequence[AutopilotStep]) -> list[int]:
    """Indices of the last verdict, its training, the failures since, and what ended its waiting.

    A verdict whose training is unknown comes twice: the first ends a training that seems to run.
    """
    verdict: int | None = None
    started: int | None = None
    training: list[int] = []
    failed: list[int] = []
    for index, step in enumerate(steps):
        if step.action == "training_started":
            started = index
        elif step.action in ("accepted", "refused"):
            training = [index if started is None else started, index]
            verdict, started, failed = index, None, []
        elif step.action == "training_failed":
            failed.append(index)
            started = None
    if verdict is None:
        kept_failed = sum(step.action == "training_failed" for step in kept)
        failed = failed[kept_failed - len(failed) :] if kept_failed < len(failed) else []
    elif steps[verdict].action == "accepted":
        training += _end_of_waiting(steps, verdict)
    return training + failed + ([] if started is None else [started])


def _end_of_waiting(steps: Sequence[AutopilotStep], accepted: int) -> list[int]:
    """The index of the step after which an accepted challenger no longer waits for its trial."""
    for index in range(accepted + 1, len(steps)):
        if steps[index].action == "paused" or steps[index].model == steps[accepted].model:
            return [index]
    return []


def _shadow_reports(
    steps: Sequence[AutopilotStep], carried: Sequence[AutopilotStep], state: AutopilotState
) -> Iterator[AutopilotStep]:
    """The reports on the challenger in shadow, which count only after the start of its trial."""
    release = state.release
    if release is None or release.stage != "shadow":
        return
    if not any(step.action == "shadow_started" for step in carried):
        return
    for step in steps:
        is_of_release = step.model == release.version and step.at_ms >= release.since_ms
        if step.action == "shadowed" and is_of_release:
            yield step
