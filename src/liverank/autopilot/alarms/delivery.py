"""Sends messages to all channels, each in a thread of its own, and retries what was not accepted.

A channel that hangs delays no other and no caller. Until a channel has accepted a message, a file
keeps it, which ``liverank autopilot status`` shows and the next process goes on with. Invariant:
a message that a channel accepted is not sent to it again; only a process that is killed at that
moment may repeat one, with the same ``id``.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from liverank.autopilot.alarms.channels.channel import Channel
from liverank.autopilot.alarms.message import Message
from liverank.autopilot.alarms.outbox import Outbox, Undelivered
from liverank.errors import NotificationError
from liverank.serving.server_log.events import write_event

NOT_TRIED = "not tried yet"
"""Why a message is in the file before the first attempt."""
MOST_WAITING = 200
"""Messages that wait for one channel at most; of more, the oldest is given up."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How long to try, and how often; the pause doubles after each attempt."""

    first_pause_s: float = 2.0
    longest_pause_s: float = 600.0
    give_up_after_s: float = 86_400.0
    """Time from the first attempt after which a message is given up."""

    def pause_s(self, attempts: int) -> float:
        """The pause after so many attempts.

        >>> [Retry().pause_s(attempts) for attempts in (1, 2, 3, 30)]
        [2.0, 4.0, 8.0, 600.0]
        """
        return float(min(self.first_pause_s * 2.0 ** min(attempts - 1, 40), self.longest_pause_s))


class Delivery:
    """Sends to some channels. Any thread may call it.

    ``file`` keeps what is not accepted yet; its folder must exist. Messages that it holds for
    these channels are tried again at once.
    """

    def __init__(
        self, channels: Sequence[Channel], file: Path, *, retry: Retry | None = None
    ) -> None:
        self._unlogged_ms: dict[str, int] = {}
        self._outbox = Outbox(file, {channel.name for channel in channels})
        by_channel = self._outbox.waiting()
        self._senders = [
            _Sender(channel, self._outbox, Retry() if retry is None else retry)
            for channel in channels
        ]
        for sender in self._senders:
            sender.begin(by_channel.get(sender.channel.name, ()))

    def send(self, message: Message) -> None:
        """Hand a message to every channel; returns when the file has it."""
        for sender in self._senders:
            sender.add(message)

    def send_unlogged(self, message: Message, *, repeat_ms: float) -> None:
        """Send a message about an alarm that the log could not take, once in ``repeat_ms``.

        What was sent is remembered by this process only. One thread at a time may call it.
        """
        key = message.id if message.alarm is None else message.alarm.key
        sent_ms = self._unlogged_ms.get(key)
        if sent_ms is None or message.at_ms - sent_ms >= repeat_ms:
            self._unlogged_ms[key] = message.at_ms
            self.send(message)

    def undelivered(self) -> tuple[Undelivered, ...]:
        """What is not accepted yet, or given up, by channel."""
        return self._outbox.entries()

    def close(self, *, wait_s: float) -> bool:
        """Send what waits, for ``wait_s`` at most, and stop; what is left stays in the file.

        Returns whether everything was accepted.
        """
        until_s = time.monotonic() + wait_s
        for sender in self._senders:
            sender.finish()
        emptied = [sender.join(until_s) for sender in self._senders]
        return all(emptied)


class _Sender:
    """The messages of one channel, and the thread that sends them in their order."""

    def __init__(self, channel: Channel, outbox: Outbox, retry: Retry) -> None:
        self.channel = channel
        self._outbox, self._retry = outbox, retry
        self._waiting: deque[Message] = deque()
        self._changed = threading.Condition()
        self._finishes = self._stops = False
        self._attempts = 0
        self._first_s = 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"messages to {channel.name}", daemon=True
        )

    def begin(self, earlier: Sequence[Message]) -> None:
        """Start the thread, with messages of an earlier process."""
        self._waiting.extend(earlier)
        self._thread.start()

    def add(self, message: Message) -> None:
        """Add a message, unless it waits already."""
        with self._changed:
            if any(message.id == one.id for one in self._waiting):
                return
            # under the lock, so that it cannot be accepted before the file has it
            self._outbox.keep(self.channel.name, message, NOT_TRIED)
            if len(self._waiting) >= MOST_WAITING:
                # the first one may be on its way
                second = self._waiting[1]
                del self._waiting[1]
                self._give_up(second, f"more than {MOST_WAITING} messages wait")
            self._waiting.append(message)
            self._changed.notify_all()

    def finish(self) -> None:
        """Send what waits, and then stop."""
        with self._changed:
            self._finishes = True
            self._changed.notify_all()

    def join(self, until_s: float) -> bool:
        """Wait until the thread ends, or stop it then; return whether nothing waits."""
        self._thread.join(max(until_s - time.monotonic(), 0.0))
        with self._changed:
            self._stops = True
            self._changed.notify_all()
            return not self._waiting

    def _run(self) -> None:
        while (message := self._next()) is not None:
            try:
                self.channel.send(message)
            except NotificationError as error:
                self._refused(message, str(error))
            else:
                self._accepted(message)

    def _next(self) -> Message | None:
        """Wait for the next message that is due; None when it is time to stop."""
        with self._changed:
            if self._attempts:
                self._pause(self._retry.pause_s(self._attempts))
            while not self._waiting and not self._finishes and not self._stops:
                self._changed.wait()
            if self._stops or not self._waiting:
                return None
            return self._waiting[0]

    def _pause(self, pause_s: float) -> None:
        """Wait for so long, or until it is time to stop."""
        until_s = time.monotonic() + pause_s
        while not self._stops and (left_s := until_s - time.monotonic()) > 0:
            self._changed.wait(left_s)

    def _accepted(self, message: Message) -> None:
        with self._changed:
            self._waiting.popleft()
            self._attempts = 0
        self._outbox.drop(self.channel.name, message)

    def _refused(self, message: Message, why: str) -> None:
        with self._changed:
            if not self._attempts:
                self._first_s = time.monotonic()
                self._write(message, f"{why}; it is tried again")
            self._attempts += 1
            if time.monotonic() - self._first_s >= self._retry.give_up_after_s:
                self._waiting.popleft()
                self._attempts = 0
                self._give_up(message, why)
                return
        self._outbox.keep(self.channel.name, message, why)

    def _give_up(self, message: Message, why: str) -> None:
        self._outbox.give_up(self.channel.name, message, why)
        self._write(message, f"{why}; it is given up")

    def _write(self, message: Message, why: str) -> None:
        write_event(
            "autopilot_unsent",
            f"{self.channel.name}: a message was not sent: {why}",
            channel=self.channel.name,
            kind=message.kind,
        )
