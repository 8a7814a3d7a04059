"""A policy that gets its lists from a real rank server in simulated time, over HTTP.

Every list is a ``/v1/rank`` request at the time of its visit, every event is sent to
``/v1/events``. Invariant: a list is requested only after all events before it are in the server's
log and feature state; so the same world, server and seed give the same log.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec

from liverank.errors import SimulatorError
from liverank.events.event import Event, Ranking
from liverank.events.wire import encode_event
from liverank.simulator.policies.contract import Visits
from liverank.simulator.server.connection import Answer, Connection, post
from liverank.simulator.simulate import SHOWN, SURFACE

_MARK = b"\r\nliverank-simulated: true\r\n"
_MOST_BYTES = 8_000_000
"""Size of waiting events in bytes at which they are sent; a server accepts 16 MB by default."""
_LINES = "application/x-ndjson"
_MOST_CHARACTERS = 300


class AnsweredBy(NamedTuple):
    """The source of a list: the variant of an experiment, and the model or fallback that ranked."""

    variant: str | None
    model: str | None
    fallback: str | None


class _Request(msgspec.Struct, frozen=True):
    user: str
    surface: str
    limit: int
    id: str


class _Item(msgspec.Struct, frozen=True, gc=False):
    item: str


class _Response(msgspec.Struct, frozen=True):
    items: list[_Item]
    variant: str | None
    model: str | None
    fallback: str | None


class _Rejected(msgspec.Struct, frozen=True):
    index: int
    reason: str


class _Taken(msgspec.Struct, frozen=True):
    accepted: int
    duplicates: int
    rejected: list[_Rejected]


class _Health(msgspec.Struct, frozen=True):
    rankings_lost: int


class ServedPolicy:
    """Ranks by the server at an address, which was started with ``--simulated``.

    ``shown`` is the number of requested items. Raises SimulatorError if no server answers there, or
    if it runs in real time.
    """

    def __init__(
        self,
        address: str,
        *,
        surface: str = SURFACE,
        shown: int = SHOWN,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self.answered: Counter[AnsweredBy] = Counter()
        """Number of lists by variant, model and fallback."""
        self.last: tuple[AnsweredBy, ...] = ()
        """The sources of the lists of the last step, in the order of its visits."""
        self._held = _Held(most_bytes)
        self._surface = surface
        self._shown = shown
        self._decoder = msgspec.json.Decoder(_Response)
        self._connection = Connection(address)
        try:
            self._check(address)
        except SimulatorError:
            self.close()
            raise

    def rank(self, visits: Visits) -> list[list[str]]:
        """The server's lists at the time of the visits.

        Raises SimulatorError if a request fails, or the server did not accept an event as new.
        """
        at = f"?at={visits.at_ms}"
        part, body = self._held.take()
        requests = [post(f"/v1/events{at}", body, _LINES)]
        requests += [
            post(
                f"/v1/rank{at}",
                msgspec.json.encode(_Request(user, self._surface, self._shown, ranking)),
            )
            for user, ranking in zip(visits.users, visits.rankings, strict=True)
        ]
        taken, *answers = self._connection.ask(requests)
        _check_taken(part, taken)
        lists, made = [], []
        for ranking, answer in zip(visits.rankings, answers, strict=True):
            if answer.status != 200:
                raise _refused(f"the list {ranking}", answer)
            response = self._decoder.decode(answer.body)
            lists.append([one.item for one in response.items])
            made.append(AnsweredBy(response.variant, response.model, response.fallback))
        self.last = tuple(made)
        self.answered.update(made)
        return lists

    def observe(self, events: Sequence[Event]) -> None:
        """Collect events, except rankings, which the server logs itself.

        They are sent before the next visits, or once there are many. Then raises SimulatorError for
        the first event that the server did not accept as new.
        """
        for event in events:
            if not isinstance(event, Ranking) and self._held.is_full_with(event):
                self._send()

    def settle(self) -> None:
        """Wait until all events and lists so far are in the server's log and folded.

        Raises SimulatorError for an event that the server did not accept as new, and if it could
        not log all rankings.
        """
        self._send()
        (answer,) = self._connection.ask([_get("/healthz")])
        lost = msgspec.json.decode(answer.body, type=_Health).rankings_lost
        if lost:
            raise SimulatorError(
                f"the server could not log {lost:,} of its rankings, so this run lacks them; look "
                "at the disk of the log, and begin again"
            )

    def _send(self) -> None:
        part, body = self._held.take()
        (answer,) = self._connection.ask([post("/v1/events", body, _LINES)])
        _check_taken(part, answer)

    @property
    def fallbacks(self) -> int:
        """Number of lists by a fallback level, because there was no model or it failed."""
        return sum(count for by, count in self.answered.items() if by.fallback is not None)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Settle unless there was an error; then close."""
        try:
            if kind is None:
                self.settle()
        finally:
            self.close()

    def _check(self, address: str) -> None:
        (answer,) = self._connection.ask([_get("/livez")])
        if _MARK not in answer.head:
            raise SimulatorError(
                f"{address}: this server does not say that its time is simulated; start it with "
                "`liverank serve --simulated`, on a project that serves nobody else"
            )


class _Held:
    """Buffer of events to send, as JSON lines; full when the body is long enough."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._events: list[Event] = []
        self._lines: list[bytes] = []
        self._bytes = 0

    def is_full_with(self, event: Event) -> bool:
        """Add an event; return whether the buffer is full."""
        line = encode_event(event)
        self._events.append(event)
        self._lines.append(line)
        self._bytes += len(line) + 1
        return self._bytes >= self._most_bytes

    def take(self) -> tuple[list[Event], bytes]:
        """Return the events and their body, and empty the buffer."""
        events, body = self._events, b"\n".join(self._lines)
        self._events, self._lines, self._bytes = [], [], 0
        return events, body


def _check_taken(part: Sequence[Event], answer: Answer) -> None:
    """Raise SimulatorError unless all events were accepted as new."""
    if answer.status != 202:
        first = f"{len(part):,} events from {_brief(part[0])}" if part else "no events"
        raise _refused(first, answer)
    taken = msgspec.json.decode(answer.body, type=_Taken)
    if taken.rejected:
        first_of = taken.rejected[0]
        raise SimulatorError(
            f"{len(taken.rejected):,} of {len(part):,} events were refused; the first is "
            f"{_brief(part[first_of.index])}: {first_of.reason}"
        )
    if taken.accepted != len(part):
        raise SimulatorError(
            f"{taken.duplicates:,} of {len(part):,} events from {_brief(part[0])} were in the "
            "log already; begin a world with a new log"
        )


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: liverank\r\n\r\n".encode()


def _brief(event: Event) -> str:
    return encode_event(event)[:_MOST_CHARACTERS].decode(errors="replace")


def _refused(what: str, answer: Answer) -> SimulatorError:
    text = answer.body[:_MOST_CHARACTERS].decode(errors="replace")
    return SimulatorError(f"{what}: the server answered {answer.status}: {text}")
