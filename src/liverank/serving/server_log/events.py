"""The events of the server's own log, and how code writes one.

Invariant: an event that is written is in ``EVENTS``, and docs/serving.md says what each one means.
"""

import logging
from logging import CRITICAL, ERROR, INFO, WARNING

LOGGER = "liverank.serving"
"""The logger of all events; where nobody configured it, warnings and worse go to stderr."""
EVENTS = {
    "start": INFO,
    "simulated": WARNING,
    "ready": INFO,
    "end": INFO,
    "process_started": INFO,
    "process_stopped": INFO,
    "process_ended": ERROR,
    "process_failed": CRITICAL,
    "bundle_served": INFO,
    "bundle_refused": ERROR,
    "fallback_began": WARNING,
    "fallback_ended": INFO,
    "refused": WARNING,
    "slow_request": WARNING,
    "request": INFO,
    "erased": INFO,
    "log_unread": ERROR,
    "log_folded_again": INFO,
    "rankings_lost": ERROR,
    "snapshot_taken": INFO,
    "snapshot_failed": ERROR,
    "snapshot_loaded": INFO,
    "snapshot_unused": WARNING,
    "alarm": ERROR,
    "alarm_ended": INFO,
    "fault": ERROR,
    "other": WARNING,
}
"""The level of each event. ``other`` is what a library says."""

_logger = logging.getLogger(LOGGER)


def write_event(event: str, message: str, *, is_fault: bool = False, **fields: object) -> None:
    """Write an event to the server's log; ``is_fault`` adds the exception at hand.

    ``message`` says it in words, ``fields`` in values that a program reads. None of them is the id
    of a user: an erased user must not stay in logs.
    """
    _logger.log(
        EVENTS[event], "%s", message, exc_info=is_fault, extra={"event": event, "fields": fields}
    )
