"""The verdict on a challenger, as it goes into the log and into the letter.

Invariant: a verdict is JSON, and decoding it gives back an equal verdict.
"""

import math

import msgspec

UNBIASED_NDCG, NDCG, LIST_AUC = "unbiased_ndcg@10", "ndcg@10", "list_auc"
LOG_LOSS, CALIBRATION = "log_loss", "calibration"
METRICS = (UNBIASED_NDCG, NDCG, LIST_AUC, LOG_LOSS, CALIBRATION)
"""Metrics of a method. ``unbiased_ndcg@10`` decides on order: it does not favour the method by
which the lists were served. ``calibration`` is observed over predicted successes: 1 is perfect."""
CHALLENGER, CHAMPION, POPULARITY = "challenger", "champion", "popularity"


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a verdict."""


class Figure(_Record, frozen=True):
    """A value with an interval, by a bootstrap over people; null is unknown."""

    value: float | None
    low: float | None
    high: float | None


class LabelVerdict(_Record, frozen=True):
    """The figures of one label; those of the first label decide on the order of lists."""

    label: str
    rows: int
    """Items that were seen, whose label is known."""
    successes: int
    lists: int
    """Lists with a success."""
    people: int
    """People who got these lists."""
    methods: dict[str, dict[str, Figure]]
    """By ``challenger``, ``champion`` and ``popularity``, by metric."""
    differences: dict[str, dict[str, Figure]]
    """The challenger minus ``champion`` or ``popularity``, by metric. That of ``calibration`` is of
    the distances from 1 on the log scale, so that a value above 0 is worse."""
    base_log_loss: float | None
    """Log-loss of always answering with the share of successes of these rows."""
    note: str = ""
    """Why a bundle has no figures of this label."""


class SegmentVerdict(_Record, frozen=True):
    """The challenger minus its rival in one segment, with intervals for several comparisons."""

    name: str
    lists: int
    """Lists with a success."""
    people: int
    rows: int
    differences: dict[str, Figure]
    """By metric."""
    worse: tuple[str, ...] = ()
    """The metrics by which the challenger is clearly worse."""


class Speed(_Record, frozen=True):
    """How fast a model scores, and how large it is."""

    scoring_us: float
    """Median time to score a list of ``items`` items, in microseconds."""
    items: int
    bytes: int
    """Size of the arrays of all its models."""
    features: int


class Claim(_Record, frozen=True):
    """What the challenger's report expected, next to what came."""

    metric: str
    claimed: float
    came: Figure


class Check(_Record, frozen=True):
    """A condition of acceptance."""

    name: str
    passed: bool
    sentence: str


class Verdict(_Record, frozen=True):
    """Whether a challenger may be released, and why."""

    challenger: str
    """Version of the bundle."""
    champion: str | None
    """Version of the bundle; null where popularity is in service."""
    from_ms: float
    until_ms: float
    """The lists were served from ``from_ms`` until before ``until_ms``, Unix ms."""
    lists: int
    """Lists of the time whose label window is over."""
    people: int
    is_accepted: bool
    reason: str
    """One sentence for people."""
    checks: tuple[Check, ...]
    labels: tuple[LabelVerdict, ...]
    """The label that ranks lists is the first."""
    segments: tuple[SegmentVerdict, ...]
    speeds: dict[str, Speed]
    """By ``challenger`` and ``champion``."""
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def figure(value: float, low: float, high: float) -> Figure:
    """A figure of six digits; NaN becomes None.

    >>> figure(0.12345678, math.nan, 1.0)
    Figure(value=0.123457, low=None, high=1.0)
    """
    return Figure(value=_short(value), low=_short(low), high=_short(high))


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
