"""What a rank server writes into the log about itself, as details of events of autopilot.

Autopilot may run on another machine, so the log is how it learns of these.
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
    """Upper bounds of the latency's quantiles; None without rankings."""
    lag_s: float
    """Largest possible age of an event that was not folded."""
    log_bytes: int
    disk_free_bytes: int
    memory_bytes: int
    """Resident memory of all processes of the server."""
    memory_free_bytes: int
    """Memory of the machine that is available."""


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``shadowed``: a challenger compared with the champion on real requests."""

    champion: str | None
    """Version of the champion; None for popularity."""
    requests: int
    """Requests that both scored."""
    failures: int
    """Requests that the challenger could not score."""
    candidates: int
    champion_us: float
    challenger_us: float
    """Mean time to read features and score a request, microseconds."""
    overlap_at_10: float
    """Mean share of the first 10 items that both have in common; NaN is never logged."""
    mean_score: float
    """Mean score that the challenger gave."""
    mean_champion_score: float
