"""What a rank server writes into the log about itself, as details of events of autopilot.

Autopilot may run on another machine, so the log is how it learns of these. In simulated time, what
depends on the machine is None, because the same requests give the same log.
Invariant: counts are of the time since the report before, so that they add up.
"""

import msgspec


class ServerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``reported``: how a server did since its last report."""

    from_ms: int
    to_ms: int
    rankings: dict[str, int]
    """Number of rankings by ``board.LEVELS``: ``model``, or a fallback level."""
    late: int
    """Rankings by popularity because the model would have been too late."""
    shed: int
    """Requests that were refused during an overload."""
    rankings_lost: int
    events_accepted: int
    events_rejected: int
    last_rejected: str | None
    """Reason of the last refused event."""
    p50_ms: float | None
    p99_ms: float | None
    """Upper bounds of the latency's quantiles, ms; None without rankings, or if it was longer than
    all bounds. All from here on is None in simulated time, but ``lag_s``."""
    lag_s: float
    """Largest possible age of an event that was not folded."""
    log_bytes: int | None
    disk_free_bytes: int | None
    memory_bytes: int | None
    """Resident memory of all processes of the server; None if that is unknown."""
    memory_free_bytes: int | None
    """Memory of the machine that is available; None if that is unknown."""


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``shadowed``: a challenger compared with the champion on real requests.

    Means are None where ``requests`` is 0.
    """

    champion: str | None
    """Version of the champion; None for popularity."""
    requests: int
    """Requests that both scored."""
    failures: int
    """Requests that the challenger could not score."""
    candidates: int
    champion_us: float | None
    challenger_us: float | None
    """Mean time to read features and score a request, microseconds; None in simulated time."""
    overlap_at_10: float | None
    """Mean share of the first 10 items that both have in common."""
    mean_score: float | None
    """Mean score that the challenger gave."""
    mean_champion_score: float | None
    """The same of the champion; None if that is popularity."""
    trouble: str | None = None
    """Why the challenger does not score at all, where that is so."""
