"""Messages between a server's processes, with file descriptors of shared memory.

The folding process sends to the supervisor, which forwards to the workers. Invariant: a message
arrives complete, in order and with its descriptors, or the channel is closed.
"""

import array
import socket
import struct

import msgspec

from liverank.events.event import ExperimentChange
from liverank.experiments.release import Release
from liverank.features.layout.layout import Layout

_LENGTH = struct.Struct("<I")
_MAX_FDS = 4
SEND_S = 2.0
"""Longest wait of a message until the other end accepts it."""


class NewView(msgspec.Struct, frozen=True, tag=True):
    """A new view to rank from; sent with the descriptors of state and of live items.

    If the config names experiments, a third descriptor is that of the popularity for variants, and
    ``changes`` are the experiments' starts, steps and ends. ``number`` counts the views of a
    server, from 1. ``bundle`` is the directory of the bundle, or None; ``fallback``, ``reason`` and
    ``promoted`` are as in ``FallbackLevel``. ``release`` is the challenger on trial;
    with ``explores``, no bundle was ever promoted, and autopilot explores.
    """

    number: int
    incarnation: int
    generation: int
    layout: Layout
    bundle: str | None
    fallback: str | None
    reason: str | None
    promoted: str | None
    changes: tuple[ExperimentChange, ...] = ()
    release: Release | None = None
    explores: bool = False


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The log was folded for the first time, up to ``seq``."""

    seq: int


class Failure(msgspec.Struct, frozen=True, tag=True):
    """A process cannot continue; ``kind`` is the class of the error."""

    kind: str
    what: str


class Troubles(msgspec.Struct, frozen=True, tag=True):
    """Present problems of the folding process; a field is None if there is no problem.

    Each field is a reason. ``log``: the view lags behind the log. ``bundle``: the bundle that was
    promoted last is not served. ``stale``: rankings still use events that were removed from the
    log. ``snapshot``: the last snapshot failed. ``folding``: there is no folding process.
    """

    log: str | None = None
    bundle: str | None = None
    stale: str | None = None
    snapshot: str | None = None
    folding: str | None = None


Message = NewView | Ready | Failure | Troubles
_decoder = msgspec.msgpack.Decoder(Message)


class Channel:
    """One end of a channel between two processes.

    >>> first, second = channel_pair()
    >>> first.send(Ready(7))
    >>> second.receive()
    [(Ready(seq=7), [])]
    >>> first.close()
    >>> second.receive()
    [None]
    >>> second.close()
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._bytes = bytearray()
        self._fds: list[int] = []

    def fileno(self) -> int:
        """The descriptor to wait on until there is something to receive."""
        return self._socket.fileno()

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send a message; waits while the buffer of the other end is full.

        Raises OSError if the other end is closed, or accepts nothing for SEND_S. Part of the
        message may have been sent then, so the channel must not be used any more.
        """
        body = msgspec.msgpack.encode((len(fds), msgspec.Raw(msgspec.msgpack.encode(message))))
        data = _LENGTH.pack(len(body)) + body
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._socket.settimeout(SEND_S)
        try:
            sent = self._socket.sendmsg([data], ancillary)
            self._socket.sendall(data[sent:])
        finally:
            self._socket.settimeout(None)

    def receive(self) -> list[tuple[Message, list[int]] | None]:
        """Wait for input; returns the complete messages with their descriptors.

        None stands for the end of the channel.
        """
        size = socket.CMSG_SPACE(_MAX_FDS * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(1 << 16, size)
        except ConnectionResetError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self._fds.extend(fds)
        if not data:
            return [None]
        self._bytes += data
        messages: list[tuple[Message, list[int]] | None] = []
        while len(self._bytes) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                break
            count, raw = msgspec.msgpack.decode(
                bytes(self._bytes[_LENGTH.size : end]), type=tuple[int, msgspec.Raw]
            )
            messages.append((_decoder.decode(raw), self._fds[:count]))
            del self._bytes[:end], self._fds[:count]
        return messages

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


def channel_pair() -> tuple[Channel, Channel]:
    """Both ends of a new channel."""
    first, second = socket.socketpair()
    return Channel(first), Channel(second)
