"""Buckets of units: the draws that decide which units take part, and with which variant.

A draw uses SHA-256, so that it can be reproduced in any language; docs/experiments.md has
reference vectors. Invariant: the draws of a unit with different salts are independent, and none
depends on the time.
"""

from dataclasses import dataclass
from hashlib import sha256

from liverank.config_experiments import BUCKETS, Experiment

_DRAW_BYTES = 8


def bucket_of(salt: str, unit: str) -> int:
    """The bucket of a unit, from 0 to 9,999.

    The first 8 bytes of SHA-256 of the UTF-8 text ``salt``, NUL, ``unit``, as a big-endian number,
    modulo 10,000.

    >>> bucket_of("tab_model", "u1"), bucket_of("tab_model", "u2")
    (9212, 3965)
    """
    text = f"{salt}\0{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(text).digest()[:_DRAW_BYTES], "big") % BUCKETS


@dataclass(frozen=True, slots=True)
class Draws:
    """The buckets of a unit in an experiment, one for each choice."""

    layer: int
    """Decides which experiment of the layer the unit is in."""
    ramp: int
    """Decides whether it takes part at a given ramp."""
    holdout: int
    """Decides whether it is in the holdout."""
    variant: int
    """Decides which variant it gets."""


def draws_of(name: str, experiment: Experiment, unit: str) -> Draws:
    """All draws of a unit in the experiment of that name."""
    salt = experiment.salt or name
    return Draws(
        layer=bucket_of(f"layer:{experiment.layer or experiment.surface}", unit),
        ramp=bucket_of(f"{salt}:ramp", unit),
        holdout=bucket_of(f"{salt}:holdout", unit),
        variant=bucket_of(salt, unit),
    )


def ends_of(shares: dict[str, float]) -> dict[str, int]:
    """The end of each variant's range of buckets (exclusive), in the config's order.

    The shares are added up, multiplied by 10,000 and rounded (half up); the last one ends at
    10,000.

    >>> ends_of({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    {'a': 3333, 'b': 6667, 'c': 10000}
    """
    ends: dict[str, int] = {}
    total = 0.0
    for name, share in shares.items():
        total += share
        ends[name] = int(total * BUCKETS + 0.5)
    ends[next(reversed(ends))] = BUCKETS
    return ends


def variant_at(ends: dict[str, int], bucket: int) -> str:
    """The variant whose range contains this bucket.

    >>> variant_at({"a": 5000, "b": 10000}, 5000)
    'b'
    """
    return next(name for name, end in ends.items() if bucket < end)
