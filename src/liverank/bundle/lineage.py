"""The lineage of a bundle: the log, config, code and parent that its models come from.

Invariant: it holds no time at which something ran, no name of a machine and no name of a user, so
the same training gives the same bytes anywhere.
"""

from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """What the models of a bundle come from; times are Unix ms.

    >>> line = Lineage(
    ...     first_seq=1,
    ...     last_seq=9,
    ...     trained_until_ms=60_000,
    ...     lists_from_ms=0,
    ...     lists_to_ms=50_000,
    ...     lists=2,
    ...     rows=6,
    ...     config="{}",
    ...     config_sha256="44136fa355b3678a",
    ... )
    >>> line.parent is None, line.excluded_users
    (True, ())
    """

    log: str | None = None
    """Identity of the log, which its copies share; None for events of files."""
    generation: int | None = None
    """Generation of the log when it was read: it grows with each erasure and expiry."""
    first_seq: Count
    last_seq: Count
    """Last event that was read; those at or after ``trained_until_ms`` were not learned from."""
    trained_until_ms: int
    """Nothing that happened at or after this time was learned from."""
    lists_from_ms: int
    lists_to_ms: int
    """Times of the first and the last list."""
    lists: Count
    rows: Count
    """Items of these lists that were seen."""
    config: str
    """The config as JSON, without the addresses that alarms and letters go to."""
    config_sha256: str
    code: str = ""
    """Fingerprint of the modules of liverank that train: it changes with any of them."""
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    """Versions of Python, liverank and the packages that it trains with."""
    seeds: dict[str, int] = msgspec.field(default_factory=dict)
    parent: str | None = None
    """Version of the bundle in service when this one was trained."""
    variants: tuple[str, ...] = ()
    """Variants of experiments that were learned from alone; all if empty."""
    excluded_users: tuple[str, ...] = ()
    """Users whose rankings were left out, as 16 hex digits of the hash that features use."""
    excluded_stretches_ms: tuple[tuple[int, int], ...] = ()
    """Stretches of time whose rankings were left out: from, and to before."""

    @property
    def config_fields(self) -> dict[str, Any]:
        """The config as a JSON object. Raises msgspec.DecodeError where it is none."""
        return msgspec.json.decode(self.config, type=dict[str, Any])
