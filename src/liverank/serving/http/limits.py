"""What a client of the server may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take.

    ``head_bytes`` of address and headers, which must come within ``head_s``; ``body_bytes`` of
    body, of which something must come every ``stall_s``, and all within ``body_s`` and a second for
    each ``body_bytes_a_second``; of its answers, it must read something every ``stall_s``;
    ``keep_alive_s`` between two requests.
    """

    body_bytes: int = 16_000_000
    head_bytes: int = 65_536
    head_s: float = 10.0
    stall_s: float = 10.0
    body_s: float = 30.0
    body_bytes_a_second: float = 20_000.0
    keep_alive_s: float = 75.0


def too_long(limits: Limits) -> str:
    """What is wrong with a body that is longer than is allowed.

    >>> too_long(Limits(body_bytes=1_000_000))[:36]
    'more than 1,000,000 bytes; send less'
    """
    return (
        f"more than {limits.body_bytes:,} bytes; send less at a time, or raise "
        "`serving.max_body_mb` in liverank.toml"
    )
