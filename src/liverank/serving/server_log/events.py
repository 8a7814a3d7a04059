"""The names and levels of events of the server's own log, and the function that writes them.

Invariant: every written event is in ``EVENTS``, and docs/serving.md documents each one.
"""

import logging
from logging import CRITICAL, ERROR, INFO, WARNING

LOGGER = "liverank.serving"
"""Name of the logger of all events; if it is not configured, warnings and worse go to stderr."""
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
    "autopilot_alarm": ERROR,
    "autopilot_alarm_ended": INFO,
    "autopilot_message": INFO,
    "autopilot_unsent": ERROR,
    "fault": ERROR,
    "other": WARNING,
}
"""Level of each event. ``other`` is a message of a library."""

_logger = logging.getLogger(LOGGER)


def write_event(event: str, message: str, *, is_fault: bool = False, **fields: object) -> None:
    """Write an event to the server's log; ``is_fault`` adds the current exception.

    ``message`` is for people, ``fields`` are for programs. Neither may contain the id of a user,
    because an erased user must not remain in logs.
    """
    _logger.log(
        EVENTS[event], "%s", message, exc_info=is_fault, extra={"event": event, "fields": fields}
    )
