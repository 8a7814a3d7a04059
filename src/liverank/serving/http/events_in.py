"""Appends events from HTTP bodies to the log.

Invariant: the events that the response counts as accepted are on disk.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from liverank.errors import EventError
from liverank.events.event import Event
from liverank.events.log import Log
from liverank.events.schema.declared import ANYTHING, Declared, Unknown
from liverank.events.wire import decode_events
from liverank.serving.http.log_errors import log_refusals
from liverank.serving.http.messages import BadRequestError, EventsResponse, RejectedEvent

ERASED = (
    "it belongs to an erased user, or is an edge to one, and happened before the erasure; only "
    "later events of that user are accepted"
)
"""Reason for refusing a valid event of an erased user."""

Arrival: TypeAlias = Callable[[Sequence[Event]], int]
"""Gives the time of arrival of events, Unix ms."""

OnUndeclared: TypeAlias = Callable[[Counter[Unknown]], None]
"""Gets the number of events of a body by undeclared name; called by any thread."""

_MAX_REASONS = 100
"""Maximum number of reasons in an error that refuses all events of a body."""


def _ignore(_: Counter[Unknown]) -> None:
    """An OnUndeclared that does nothing."""


def take_events(
    log: Log,
    body: bytes,
    *,
    arrived_ms: int | Arrival,
    declared: Declared = ANYTHING,
    on_undeclared: OnUndeclared = _ignore,
    until_s: float | None = None,
) -> EventsResponse:
    """Decode a body of events and append the valid ones; waits for the disk.

    Events whose fields contradict ``declared`` are refused. Names that it does not declare cause
    warnings, or if it is strict refusals; ``on_undeclared`` gets the number of events of each.
    ``arrived_ms`` may be computed from the valid events. ``until_s``, of ``time.monotonic``, is how
    long to wait for a lock of the log.
    Raises BadRequestError: 400 for a body that cannot be read or is empty, 422 if every event is
    refused, 503 while another process locks the log, 507 if the disk is full; else LogError.
    """
    try:
        decoded = decode_events(body)
    except EventError as error:
        raise BadRequestError(400, "body", str(error)) from None
    unknown = _undeclared(decoded.events, declared)
    decoded = declared.taken(decoded)
    if not decoded.events:
        if not decoded.rejected:
            raise BadRequestError(
                400, "body", "no events; send one event, an array of events, or one a line"
            )
        on_undeclared(unknown)
        raise _all_refused([RejectedEvent(one.position, one.reason) for one in decoded.rejected])
    if not isinstance(arrived_ms, int):
        arrived_ms = arrived_ms(decoded.events)
    with log_refusals("body"):
        appended = log.append(decoded.events, arrived_ms=arrived_ms, until_s=until_s)
    on_undeclared(unknown)
    rejected = [RejectedEvent(one.position, one.reason) for one in decoded.rejected]
    rejected += [RejectedEvent(decoded.positions[index], ERASED) for index in appended.suppressed]
    rejected.sort(key=lambda one: one.index)
    accepted = len(decoded.events) - appended.duplicates - len(appended.suppressed)
    if not accepted and not appended.duplicates:
        raise _all_refused(rejected)
    return EventsResponse(
        accepted=accepted,
        duplicates=appended.duplicates,
        rejected=rejected,
        warnings=[] if declared.is_strict else declared.warnings(unknown),
    )


def _undeclared(events: Sequence[Event], declared: Declared) -> Counter[Unknown]:
    """Number of events by undeclared name."""
    if not declared.types and not declared.surfaces:
        return Counter()
    return Counter(name for name in map(declared.unknown, events) if name is not None)


def _all_refused(rejected: Sequence[RejectedEvent]) -> BadRequestError:
    reasons = [f"[{one.index}] {one.reason}" for one in rejected[:_MAX_REASONS]]
    return BadRequestError(422, "body", f"every event was refused: {'; '.join(reasons)}")
