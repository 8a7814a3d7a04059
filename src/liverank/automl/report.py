"""What a search did and found, as data: the report that a bundle carries.

Invariant: a report is JSON and decodes to an equal report; a figure that is not known is null.
"""

import importlib.metadata
import math

import msgspec

PACKAGES = ("liverank", "lightgbm", "numpy", "scipy")
"""Packages whose versions a report names."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the report."""


class Candidate(_Record, frozen=True):
    """One model that was tried."""

    name: str
    log_loss: float | None
    """On the block that chooses."""
    seconds: float
    rounds: int | None = None
    """Boosting rounds kept; null for a linear model."""
    stopped: str | None = None
    """``"budget"`` when time ran out before the loss stopped falling."""


class Member(_Record, frozen=True):
    """One model of the blend that was kept."""

    name: str
    weight: float
    refit: bool
    """Whether it was trained again on all rows, or time was too short and it stayed as it was."""


class Calibration(_Record, frozen=True):
    """margin = slope x raw + offset."""

    slope: float
    offset: float
    kept: bool
    """Whether it lowered the log-loss on the block that judges; else slope 1 and offset 0."""


class Scores(_Record, frozen=True):
    """How the model did on the newest block, which chose nothing but blend and calibration."""

    rows: int
    positives: int
    log_loss: float | None
    base_rate_log_loss: float | None
    """Of always answering with the share of successes so far; a useful model is below it."""
    auc: float | None
    list_auc: float | None
    ndcg_at_10: float | None


class Span(_Record, frozen=True):
    """A block of rows in time; both ends belong to it."""

    rows: int
    positives: int
    from_ms: int
    to_ms: int


class TrainingReport(_Record, frozen=True):
    """All of a search."""

    rows: int
    positives: int
    seed: int
    budget_s: float
    seconds: float
    fit: Span
    choose: Span | None
    judge: Span | None
    candidates: tuple[Candidate, ...]
    blend: tuple[Member, ...]
    calibration: Calibration
    scores: Scores | None
    used_features: tuple[str, ...]
    dropped_features: dict[str, str]
    """Left out, each with the reason: ``"constant"``, ``"same as ..."``, or ``"unused"`` by the
    model that was kept. Serving does not compute them."""
    importance: dict[str, float]
    """Share of the gain that each used feature brought, the largest first."""
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = {}


def known(value: float) -> float | None:
    """A figure for a report: None in place of NaN.

    >>> known(float("nan")) is None
    True
    """
    return None if math.isnan(value) else float(value)


def installed_versions() -> dict[str, str]:
    """The version of each package in ``PACKAGES``."""
    return {package: importlib.metadata.version(package) for package in PACKAGES}
