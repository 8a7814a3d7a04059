"""Events that arrive over HTTP, into the log.

Invariant: what the response calls accepted is on disk.
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
    "it is of a user who was erased, or an edge to one, and happened before the erasure; "
    "only what they do after it is taken in"
)
"""Why an event is refused that was fine but for whose it is."""

Arrival: TypeAlias = Callable[[Sequence[Event]], int]
"""Says when events arrive, Unix ms."""

OnUndeclared: TypeAlias = Callable[[Counter[Unknown]], None]
"""Told how many events of a body have each name that is not declared; called by any thread."""

_MAX_TOLD = 100
"""Rejected events told one by one in an error that refuses them all."""


def _tell_nobody(_: Counter[Unknown]) -> None:
    """An OnUndeclared that tells nobody."""


def take_events(
    log: Log,
    body: bytes,
    *,
    arrived_ms: int | Arrival,
    declared: Declared = ANYTHING,
    on_undeclared: OnUndeclared = _tell_nobody,
    until_s: float | None = None,
) -> EventsResponse:
    """Decode a body of events and append the good ones; waits for the disk.

    Events are refused whose fields are not as ``declared``. Names that are not declared are told
    of, or where it is strict refused; ``on_undeclared`` is given how many events had each.
    ``arrived_ms`` may depend on the good events.
    ``until_s`` is how long others may keep it from the log, by ``time.monotonic``.
    Raises BadRequestError: 400 for a body that cannot be read or holds nothing, 422 when every
    event is refused, 503 while others hold the log, 507 when the disk is full; else LogError.
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
        raise _all_refused([RejectedEvent(one.place, one.reason) for one in decoded.rejected])
    if not isinstance(arrived_ms, int):
        arrived_ms = arrived_ms(decoded.events)
    with log_refusals("body"):
        appended = log.append(decoded.events, arrived_ms=arrived_ms, until_s=until_s)
    on_undeclared(unknown)
    rejected = [RejectedEvent(one.place, one.reason) for one in decoded.rejected]
    rejected += [RejectedEvent(decoded.places[place], ERASED) for place in appended.suppressed]
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
    """How many events have each name that is not declared."""
    if not declared.types and not declared.surfaces:
        return Counter()
    return Counter(name for name in map(declared.unknown, events) if name is not None)


def _all_refused(rejected: Sequence[RejectedEvent]) -> BadRequestError:
    reasons = [f"[{one.index}] {one.reason}" for one in rejected[:_MAX_TOLD]]
    return BadRequestError(422, "body", f"every event was refused: {'; '.join(reasons)}")
