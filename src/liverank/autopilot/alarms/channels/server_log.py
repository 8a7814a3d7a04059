"""The server's own log as a channel.

Invariant: a line names no user, because an erased user must not remain in logs.
"""

import msgspec

from liverank.autopilot.alarms.alarm import without_users
from liverank.autopilot.alarms.message import Message
from liverank.serving.server_log.events import write_event


class ServerLog(msgspec.Struct, frozen=True):
    """Writes one line for each message."""

    name: str = "the server's log"

    def send(self, message: Message) -> None:
        """Write the line."""
        alarm = message.alarm
        text = " ".join((f"{message.title}.", *message.paragraphs))
        if alarm is not None:
            text = without_users(text, alarm.users)
        kind = message.kind if alarm is None else alarm.kind
        if message.kind == "alarm_ended":
            write_event("autopilot_alarm_ended", text, kind=kind)
        elif alarm is not None:
            write_event("autopilot_alarm", text, kind=kind, severity=message.severity)
        else:
            write_event("autopilot_message", text, kind=kind)
