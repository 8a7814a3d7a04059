"""Few messages: what began, goes on, fell quiet or ended since the last look at the alarms.

An alarm that is no longer seen falls quiet first, and ends after ``QUIET_MS``; one that returns
before that goes on, without a new message. Invariant: all memory is in the log, so that the same
events and looks give the same messages in whichever process.
"""

from collections.abc import Sequence

import msgspec

from liverank.autopilot.alarms.alarm import Alarm, is_changed
from liverank.autopilot.history.state import AutopilotState
from liverank.events.actions import AutopilotAction
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep

QUIET_MS = 3 * 3_600_000
"""Time without a sign of an alarm after which it has ended."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since the last look.

    People get a message of what was ``raised``, ``repeated`` or ``ended``. Critical alarms come
    first, then in the order of their keys.
    """

    raised: tuple[Alarm, ...] = ()
    """New ones, and warnings that became critical."""
    repeated: tuple[Alarm, ...] = ()
    """Those that go on, and whose last message is long ago."""
    ended: tuple[Alarm, ...] = ()
    returned: tuple[Alarm, ...] = ()
    """Seen again after they had fallen quiet."""
    changed: tuple[Alarm, ...] = ()
    """Those that go on, but stop training or not, are less severe, or are of more users than
    before; some of them are ``repeated`` too."""
    quiet: tuple[Alarm, ...] = ()
    """No longer seen, and not ended yet."""
    steps: tuple[AutopilotStep, ...] = ()
    """The events to append to the log, before any message is sent."""


def changes(
    state: AutopilotState, now: Sequence[Alarm], *, at_ms: int, repeat_ms: float
) -> Changes:
    """Compare the alarms that are seen ``now`` with those that go on by the log.

    ``repeat_ms`` is the time after which an alarm that goes on is sent again. Of several alarms
    with one key the most severe counts.

    >>> alarm = Alarm(
    ...     key="disk",
    ...     kind="disk",
    ...     title="The disk is full in 2 days",
    ...     cause="",
    ...     consequence="",
    ...     next_step="Add a disk",
    ...     since_ms=0,
    ... )
    >>> found = changes(AutopilotState(), [alarm], at_ms=5, repeat_ms=86_400_000)
    >>> [one.key for one in found.raised], [step.action for step in found.steps]
    (['disk'], ['alarm_raised'])
    >>> later = AutopilotState(alarms={"disk": alarm}, alarms_sent_ms={"disk": 5})
    >>> changes(later, [alarm], at_ms=6, repeat_ms=86_400_000).steps
    ()
    """
    seen = {alarm.key: alarm for alarm in reversed(_by_severity(now))}
    raised, changed, repeated, returned, quiet, ended = [], [], [], [], [], []
    for alarm in _by_severity(list(seen.values())):
        known = state.alarms.get(alarm.key)
        if known is None or (alarm.severity == "critical" and known.severity == "warning"):
            raised.append(alarm)
        elif alarm.key in state.alarms_quiet_ms:
            returned.append(alarm)
        else:
            if is_changed(known, alarm):
                changed.append(alarm)
            if at_ms - state.alarms_sent_ms.get(alarm.key, at_ms) >= repeat_ms:
                repeated.append(alarm)
    for alarm in _by_severity([one for key, one in state.alarms.items() if key not in seen]):
        quiet_ms = state.alarms_quiet_ms.get(alarm.key)
        if quiet_ms is None:
            quiet.append(alarm)
        elif at_ms - quiet_ms >= QUIET_MS:
            ended.append(alarm)
    # a change is logged before its repeat, and the fold takes the repeat for the one that is sent
    begun = (*raised, *changed, *repeated, *returned)
    return Changes(
        raised=tuple(raised),
        repeated=tuple(repeated),
        ended=tuple(ended),
        returned=tuple(returned),
        changed=tuple(changed),
        quiet=tuple(quiet),
        steps=(
            *(_step("alarm_raised", alarm, at_ms) for alarm in begun),
            *(_step("alarm_quiet", alarm, at_ms) for alarm in quiet),
            *(_step("alarm_ended", alarm, at_ms) for alarm in ended),
        ),
    )


def _by_severity(alarms: Sequence[Alarm]) -> list[Alarm]:
    return sorted(alarms, key=lambda alarm: (alarm.severity != "critical", alarm.key))


def _step(action: AutopilotAction, alarm: Alarm, at_ms: int) -> AutopilotStep:
    return step_of(action, at_ms=at_ms, reason=alarm.title, detail=alarm)
