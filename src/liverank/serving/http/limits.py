"""Limits on the size and the time of requests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for one connection.

    Address and headers have at most ``head_bytes`` and must arrive within ``head_s``. A body has at
    most ``body_bytes``; some of it must arrive every ``stall_s``, and all of it within ``body_s``
    plus one second for each ``body_bytes_a_second``. The client must read some of an answer every
    ``stall_s``. An idle connection is closed after ``keep_alive_s``.
    """

    body_bytes: int = 16_000_000
    head_bytes: int = 65_536
    head_s: float = 10.0
    stall_s: float = 10.0
    body_s: float = 30.0
    body_bytes_a_second: float = 20_000.0
    keep_alive_s: float = 75.0


def too_long(limits: Limits) -> str:
    """The message about a body that is longer than allowed.

    >>> too_long(Limits(body_bytes=1_000_000))[:36]
    'more than 1,000,000 bytes; send less'
    """
    return (
        f"more than {limits.body_bytes:,} bytes; send less at a time, or raise "
        "`serving.max_body_mb` in liverank.toml"
    )
