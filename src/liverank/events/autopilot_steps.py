"""Makes and reads events of autopilot: a sentence for people, and a detail for programs.

Invariant: ``detail_of`` gives back what ``step_of`` was given.
"""

from typing import TypeVar

import msgspec

from liverank.errors import EventError
from liverank.events.actions import AutopilotAction
from liverank.events.event import AutopilotStep, Fields

Detail = TypeVar("Detail", bound=msgspec.Struct)


def step_of(
    action: AutopilotAction,
    *,
    at_ms: int,
    reason: str,
    model: str | None = None,
    detail: msgspec.Struct | None = None,
) -> AutopilotStep:
    """The event of a step. ``reason`` is one sentence for people; ``detail`` any struct.

    >>> step_of("paused", at_ms=5, reason="`liverank autopilot pause`").fields
    {'reason': '`liverank autopilot pause`'}
    """
    fields: Fields = {"reason": reason}
    if detail is not None:
        fields["detail"] = msgspec.json.encode(detail).decode()
    return AutopilotStep(time=at_ms, action=action, model=model, fields=fields)


def reason_of(step: AutopilotStep) -> str:
    """The sentence of a step; empty where it has none."""
    reason = step.fields.get("reason")
    return reason if isinstance(reason, str) else ""


def detail_of(step: AutopilotStep, kind: type[Detail]) -> Detail:
    """The detail of a step as this struct. Raises EventError where it holds no such detail."""
    text = step.fields.get("detail")
    try:
        return msgspec.json.decode(text if isinstance(text, str) else "", type=kind)
    except msgspec.MsgspecError as error:
        raise EventError(
            f"an event of autopilot ({step.action}, {step.at_ms}) has no detail of a "
            f"{kind.__name__}: {error}; was it logged by another version of liverank?"
        ) from None
