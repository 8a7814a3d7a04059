"""The contract of a channel. A new one is one module here, and its line in ``configured.py``."""

from typing import Protocol

from liverank.autopilot.alarms.message import Message

TIMEOUT_S = 15.0
"""Longest wait for an answer of a receiver, for each step of the exchange."""


class Channel(Protocol):
    """One way to reach people. Its own thread uses it, one message at a time."""

    @property
    def name(self) -> str:
        """The name for people, without secrets, such as ``slack (hooks.slack.com)``."""

    def send(self, message: Message) -> None:
        """Send a message; on return it was accepted. Raises NotificationError if it was not."""
