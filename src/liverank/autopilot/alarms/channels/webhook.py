"""A webhook that gets each message as plain JSON."""

import msgspec

from liverank.autopilot.alarms.channels.channel import TIMEOUT_S
from liverank.autopilot.alarms.channels.http_post import host_of, post_json
from liverank.autopilot.alarms.message import Message


class Webhook(msgspec.Struct, frozen=True):
    """POSTs the struct ``Message`` as JSON."""

    url: str
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """The kind and the host."""
        return f"webhook ({host_of(self.url)})"

    def send(self, message: Message) -> None:
        """POST the message. Raises NotificationError."""
        post_json(self.url, msgspec.json.encode(message), timeout_s=self.timeout_s)
