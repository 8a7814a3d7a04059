"""What a load process gets and what it reports: frozen structs that cross the process border.

Invariant: both are JSON; reports of several processes add up.
"""

import msgspec

from liverank.loadtest.histogram import Counts, sum_of


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does. Rates are its own share, a second."""

    host: str
    port: int
    worker: int
    """The number of this process, from 0; part of its seed."""
    seed: int
    run: str
    """A name of the run, part of the ids of its events."""
    rate: float | None
    """Rankings a second; None keeps every connection busy."""
    duration_s: float
    timeout_s: float
    connections: int
    """The most connections for rankings, and the most for events."""
    candidates: int | None
    """Items to rank in a request; None names none, which ranks all that is live."""
    limit: int
    surface: str
    users: list[str]
    items: list[str]
    """Live items, to draw candidates and the items of events from."""
    body: str | None
    """One body for all requests; None draws each."""
    check_every: int
    """One in so many answers is decoded and checked in full."""
    events_rate: float
    events_batch: int
    event_types: list[str]


class Tallied(msgspec.Struct, kw_only=True):
    """What became of one kind of request."""

    sent: int = 0
    """Requests that were due; one that is sent again counts once."""
    answered: int = 0
    """Answers with a status of success."""
    in_time: int = 0
    """Those that came before the time to send was over."""
    retried: int = 0
    checked: int = 0
    opened: int = 0
    """Connections opened."""
    statuses: dict[str, int] = {}
    errors: dict[str, int] = {}
    fallbacks: dict[str, int] = {}
    wrong: list[str] = []
    """What was wrong with the first answers that were."""
    latency: Counts = Counts()
    """From when each request was due, in us."""
    late: Counts = Counts()
    """How far behind its due time the process handled each request, in us."""


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one process did."""

    rank: Tallied
    events: Tallied
    seconds: float
    """From the start until the last request was due."""
    cpu_s: float
    """Processor time of the process while it sent and waited."""


MAX_WRONG = 5
"""Wrong answers that are described in words."""


def merged(parts: list[Tallied]) -> Tallied:
    """The sum of what several processes tallied.

    >>> both = merged([Tallied(sent=2, errors={"timeout": 1}), Tallied(sent=3)])
    >>> both.sent, both.errors
    (5, {'timeout': 1})
    """
    total = Tallied()
    for part in parts:
        total.sent += part.sent
        total.answered += part.answered
        total.in_time += part.in_time
        total.retried += part.retried
        total.checked += part.checked
        total.opened += part.opened
        total.wrong = (total.wrong + part.wrong)[:MAX_WRONG]
        for into, more in (
            (total.statuses, part.statuses),
            (total.errors, part.errors),
            (total.fallbacks, part.fallbacks),
        ):
            for name, count in more.items():
                into[name] = into.get(name, 0) + count
    total.latency = sum_of(part.latency for part in parts).to_counts()
    total.late = sum_of(part.late for part in parts).to_counts()
    return total
