"""What a search on rows of rankings did and found, as data: the report that a bundle carries.

Invariant: a report is JSON and decodes to an equal report; a figure that is not known is null.
"""

import importlib.metadata
import math

import msgspec

from liverank.automl.evaluation.position_bias import PositionEffect
from liverank.automl.search.feature_count import FewerTried
from liverank.automl.trials.plan import Plan

PACKAGES = ("liverank", "lightgbm", "numpy", "scipy")
"""Packages whose versions a report names."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the report."""


class Candidate(_Record, frozen=True):
    """One model that was tried."""

    name: str
    log_loss: float | None
    """On the rows that choose."""
    seconds: float
    rounds: int | None = None
    """Boosting rounds kept, the mean over folds; null for a linear model."""
    stopped: str | None = None
    """``"budget"`` when time ran out before the loss stopped falling."""
    list_loss: float | None = None
    """On the rows that choose, how unlikely successes were to be the ones of their lists: the mean
    over rows of the softmax loss; null where too few lists tell."""


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


class Served(_Record, frozen=True):
    """What is served of the blend: all of it, a faster part, or a forest that it taught."""

    kind: str
    us_per_row_55: float
    """Microseconds a candidate in batches of 55, on one core."""
    size_mb: float


class Scores(_Record, frozen=True):
    """How the model did on the newest block, which chose nothing but blend and calibration."""

    rows: int
    positives: int
    log_loss: float | None
    base_rate_log_loss: float | None
    """Of always answering with the share of successes so far; a useful model is below it.

    Where places are known to change what people do, both this and the model's are told the place.
    """
    auc: float | None


class Span(_Record, frozen=True):
    """A block of rows in time; both ends belong to it."""

    rows: int
    positives: int
    from_ms: int
    to_ms: int


class Difference(_Record, frozen=True):
    """A metric of lists: the model less the best heuristic, with 95 %, drawn over people."""

    value: float | None
    low: float | None
    high: float | None


class Against(_Record, frozen=True):
    """The model beside the heuristics that need none, on the lists of the newest block.

    ``lists`` are those with a success; items are as if they had all stood first.
    """

    lists: int
    methods: dict[str, dict[str, float | None]]
    """By method: ``list_auc`` and ``ndcg@10``."""
    best_heuristic: str | None
    """By ``ndcg@10``, on these very lists."""
    differences: dict[str, Difference]
    """By metric."""
    beats: bool
    """Whether the model may be served: its ``ndcg@10`` is above that of the best heuristic, and its
    log-loss below that of always answering with the share of successes."""
    reason: str
    """In words."""
    wider: "Against | None" = None
    """The same with the lists that chose between models, which then decides; null where the newest
    lists alone can tell."""


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
    served: Served | None
    scores: Scores | None
    used_features: tuple[str, ...]
    dropped_features: dict[str, str]
    """Left out, each with the reason: ``"constant"``, ``"same as ..."``, or ``"unused"`` by the
    model that was kept. Serving does not compute those that no head uses."""
    importance: dict[str, float]
    """Share of the gain that each used feature brought, the largest first."""
    position: PositionEffect | None = None
    """What places do to a success, which no feature tells; null where there was no saying."""
    fewer: tuple[FewerTried, ...] = ()
    """How fewer features did beside all, by which those to search with were chosen."""
    against: Against | None = None
    """Beside popularity; null for labels that lists are not ranked by."""
    skipped: dict[str, str] = {}
    """Families that were not tried, and why."""
    notes: tuple[str, ...] = ()
    plan: Plan | None = None
    """What was tried in which order, with all settings."""
    versions: dict[str, str] = {}
    heads: dict[str, "TrainingReport"] = {}
    """Reports of the labels beside the first, by name."""


def known(value: float) -> float | None:
    """A figure for a report: None in place of NaN.

    >>> known(float("nan")) is None
    True
    """
    return None if math.isnan(value) else float(value)


def installed_versions() -> dict[str, str]:
    """The version of each package in ``PACKAGES``."""
    return {package: importlib.metadata.version(package) for package in PACKAGES}
