"""The bundle that a release put into service, as a fold of the events of autopilot.

A promotion by hand is in it from the look that logged it. Invariant: the same events give the same
service.
"""

from collections.abc import Iterable

import msgspec

from liverank.autopilot.releasing.move import Change
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep

_CHANGES = ("released", "returned", "withdrawn")


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What the last release, return or withdrawal put into service."""

    version: str | None
    """The bundle in service; None for popularity."""
    since_ms: int
    before: str | None
    """The bundle that served before; None for popularity."""
    is_new: bool
    """Whether it came into service by a release, so that it is on probation."""


def is_on_probation(service: Service, probation_ms: float, at_ms: int) -> bool:
    """Whether a bundle was released so recently that it goes back at a sign of harm.

    >>> service = Service(version="b", since_ms=5, before="a", is_new=True)
    >>> is_on_probation(service, 10, at_ms=14), is_on_probation(service, 10, at_ms=15)
    (True, False)
    """
    return service.is_new and at_ms < service.since_ms + probation_ms


def service_of(steps: Iterable[AutopilotStep]) -> Service | None:
    """The service after these steps, which are in seq order; None before the first change.

    >>> from liverank.events.autopilot_steps import step_of
    >>> change = Change(before="a", after="b")
    >>> service_of([step_of("released", at_ms=5, reason="", model="b", detail=change)]).before
    'a'
    """
    service: Service | None = None
    for step in steps:
        if step.action not in _CHANGES:
            continue
        try:
            change = detail_of(step, Change)
        except EventError:
            continue  # of another version of liverank
        service = Service(
            version=change.after,
            since_ms=step.at_ms,
            before=change.before,
            is_new=step.action == "released" and not change.by_hand,
        )
    return service
