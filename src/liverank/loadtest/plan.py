"""The plan and the result of a load process, as frozen structs that are sent as JSON.

Invariant: results of several processes add up.
"""

import msgspec

from liverank.loadtest.histogram import Counts, sum_of


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The load of one process, with its share of the rates, per second."""

    host: str
    port: int
    worker: int
    """The number of this process, from 0; part of its seed."""
    seed: int
    run: str
    """The run's name, part of the ids of its events."""
    rate: float | None
    """Rankings per second; None keeps every connection busy."""
    duration_s: float
    timeout_s: float
    connections: int
    """Maximum number of connections, for rankings and for events each."""
    candidates: int | None
    """Number of items in a request; None sends no items, so that all live items are ranked."""
    limit: int
    surface: str
    users: list[str]
    items: list[str]
    """Live items from which candidates and the items of events are drawn."""
    body: str | None
    """The body of all requests; None draws one for each."""
    check_every: int
    """One response in this many is decoded and checked in full."""
    events_rate: float
    events_batch: int
    event_types: list[str]


class Tallied(msgspec.Struct, kw_only=True):
    """Outcomes of one kind of request."""

    sent: int = 0
    """Requests that were due; one that is sent again counts once."""
    answered: int = 0
    """Responses with a status of success."""
    in_time: int = 0
    """Number of these responses before the end of the sending time."""
    retried: int = 0
    checked: int = 0
    opened: int = 0
    """Number of connections opened."""
    statuses: dict[str, int] = {}
    errors: dict[str, int] = {}
    fallbacks: dict[str, int] = {}
    wrong: list[str] = []
    """Descriptions of the first wrong responses."""
    latency: Counts = Counts()
    """Latencies from the due time of each request, in us."""
    late: Counts = Counts()
    """Delay from each request's due time until the process handled it, in us."""


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one process."""

    rank: Tallied
    events: Tallied
    seconds: float
    """Time from the start until the last request was due."""
    cpu_s: float
    """CPU time of the process while it sent and waited."""


MAX_WRONG = 5
"""Maximum number of wrong responses that are described."""


def merged(parts: list[Tallied]) -> Tallied:
    """The sum of the outcomes of several processes.

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
