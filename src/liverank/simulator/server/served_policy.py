"""A policy that asks a real rank server in simulated time, over HTTP.

Every list is a real ``/v1/rank`` at the moment of its visit, every event goes through a real
``/v1/events``. Invariant: a list is asked for only after all events before it are in the server's
log and in what it ranks from; so the same world, server and seed give the same log.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import msgspec

from liverank.errors import SimulatorError
from liverank.events.event import Event, Ranking
from liverank.events.wire import encode_event
from liverank.simulator.policies.contract import Visits
from liverank.simulator.server.connection import Answer, Connection, post

SURFACE = "live_tab"
_MARK = b"\r\nliverank-simulated: true\r\n"
_MOST_BYTES = 8_000_000
"""Of events in one request; a server takes 16 MB by default."""
_SAYS = 300


class AnsweredBy(NamedTuple):
    """What made a list: the variant of an experiment, and the model or what ranked in its place."""

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


class ServedPolicy:
    """Ranks by the server at an address, which was started with ``--simulated``.

    ``shown`` is how many items it asks for. Raises SimulatorError when nobody answers there, or a
    server that lives in real time.
    """

    def __init__(
        self,
        address: str,
        *,
        surface: str = SURFACE,
        shown: int = 20,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self.answered: Counter[AnsweredBy] = Counter()
        """How many lists each variant, model and fallback made."""
        self.last: tuple[AnsweredBy, ...] = ()
        """What made the lists of the last step, in the order of its visits."""
        self._surface = surface
        self._shown = shown
        self._most_bytes = most_bytes
        self._decoder = msgspec.json.Decoder(_Response)
        self._connection = Connection(address)
        try:
            self._check(address)
        except SimulatorError:
            self.close()
            raise

    def rank(self, visits: Visits) -> list[list[str]]:
        """The server's lists at the time of the visits. Raises SimulatorError when one fails."""
        path = f"/v1/rank?at={visits.at_ms}"
        requests = [
            post(path, msgspec.json.encode(_Request(user, self._surface, self._shown, ranking)))
            for user, ranking in zip(visits.users, visits.rankings, strict=True)
        ]
        lists, made = [], []
        for ranking, answer in zip(visits.rankings, self._connection.ask(requests), strict=True):
            if answer.status != 200:
                raise _refused(f"the list {ranking}", answer)
            response = self._decoder.decode(answer.body)
            lists.append([one.item for one in response.items])
            made.append(AnsweredBy(response.variant, response.model, response.fallback))
        self.last = tuple(made)
        self.answered.update(made)
        return lists

    def observe(self, events: Sequence[Event]) -> None:
        """Send events but rankings, which the server logs itself; they are folded when it returns.

        Raises SimulatorError, which names the first one that the server did not take as new.
        """
        sent = [event for event in events if not isinstance(event, Ranking)]
        for part, body in _bodies(sent, self._most_bytes):
            (answer,) = self._connection.ask([post("/v1/events", body, "application/x-ndjson")])
            if answer.status != 202:
                raise _refused(f"{len(part):,} events from {_said(part[0])}", answer)
            taken = msgspec.json.decode(answer.body, type=_Taken)
            if taken.rejected:
                first = taken.rejected[0]
                what = f"{len(taken.rejected):,} of {len(part):,} events were refused; the first"
                raise SimulatorError(f"{what} is {_said(part[first.index])}: {first.reason}")
            if taken.accepted != len(part):
                raise SimulatorError(
                    f"{taken.duplicates:,} of {len(part):,} events from {_said(part[0])} were in "
                    "the log already; begin a world with a new log"
                )

    @property
    def fallbacks(self) -> int:
        """How many lists a rung below the model made, because there was no model or by mishap."""
        return sum(count for by, count in self.answered.items() if by.fallback is not None)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, address: str) -> None:
        (answer,) = self._connection.ask([b"GET /livez HTTP/1.1\r\nhost: liverank\r\n\r\n"])
        if _MARK not in answer.head:
            raise SimulatorError(
                f"{address}: this server does not say that its time is simulated; start it with "
                "`liverank serve --simulated`, on a project that serves nobody else"
            )


def _bodies(events: Sequence[Event], most_bytes: int) -> Iterator[tuple[Sequence[Event], bytes]]:
    """Events as bodies of one line each, of at most so many bytes where one event is shorter."""
    lines: list[bytes] = []
    begin = size = 0
    for place, event in enumerate(events):
        line = encode_event(event)
        if lines and size + len(line) + 1 > most_bytes:
            yield events[begin:place], b"\n".join(lines)
            lines, begin, size = [], place, 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield events[begin:], b"\n".join(lines)


def _said(event: Event) -> str:
    return encode_event(event)[:_SAYS].decode(errors="replace")


def _refused(what: str, answer: Answer) -> SimulatorError:
    said = answer.body[:_SAYS].decode(errors="replace")
    return SimulatorError(f"{what}: the server answered {answer.status}: {said}")
