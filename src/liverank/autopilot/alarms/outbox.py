"""The messages that a channel did not accept yet, in one small file of the data directory.

Invariant: what the file holds was written as a whole, so that a kill leaves nothing half-done.
"""

import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from liverank.autopilot.alarms.message import Message
from liverank.durable import write_durably
from liverank.serving.server_log.events import write_event

FILE = "undelivered.json"
"""Name of the file in the data directory."""
MOST_GIVEN_UP = 20
"""Messages that are listed after they were given up; older ones are forgotten."""


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a channel did not accept yet."""

    channel: str
    message: Message
    why: str
    """What came back the last time, without secrets."""
    given_up: bool = False


def undelivered_in(file: Path) -> tuple[Undelivered, ...]:
    """What the file holds; nothing where it does not exist, or is of another version."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Undelivered, ...])
    except (FileNotFoundError, msgspec.MsgspecError):
        return ()


class Outbox:
    """The file, for the threads of one process, and for these channels.

    Where the file cannot be written (a full disk is what an alarm may be about), messages are
    kept in memory, and the server's log says so.
    """

    def __init__(self, file: Path, channels: Collection[str]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._entries = {
            _key(one.channel, one.message): one
            for one in undelivered_in(file)
            if one.channel in channels
        }

    def entries(self) -> tuple[Undelivered, ...]:
        """All of them, the oldest first."""
        with self._lock:
            return tuple(self._entries.values())

    def waiting(self) -> Mapping[str, list[Message]]:
        """The messages to try again, by channel."""
        found: dict[str, list[Message]] = {}
        for entry in self.entries():
            if not entry.given_up:
                found.setdefault(entry.channel, []).append(entry.message)
        return found

    def keep(self, channel: str, message: Message, why: str) -> None:
        """Keep a message that is not accepted yet."""
        self._put(Undelivered(channel=channel, message=message, why=why))

    def give_up(self, channel: str, message: Message, why: str) -> None:
        """Keep a message for show only."""
        self._put(Undelivered(channel=channel, message=message, why=why, given_up=True))

    def drop(self, channel: str, message: Message) -> None:
        """Forget a message that was accepted."""
        with self._lock:
            if self._entries.pop(_key(channel, message), None) is not None:
                self._write()

    def _put(self, entry: Undelivered) -> None:
        key = _key(entry.channel, entry.message)
        with self._lock:
            if self._entries.get(key) == entry:
                return
            self._entries[key] = entry
            given_up = [key for key, one in self._entries.items() if one.given_up]
            for old in given_up[:-MOST_GIVEN_UP]:
                del self._entries[old]
            self._write()

    def _write(self) -> None:
        try:
            write_durably(self._file, msgspec.json.encode(list(self._entries.values())))
        except OSError as error:
            write_event(
                "autopilot_unsent",
                f"{self._file} cannot be written: {error.strerror}; messages that wait are lost "
                "when this process ends",
            )


def _key(channel: str, message: Message) -> tuple[str, str]:
    return channel, message.id
