"""The report of a search on a table, and that of a search on rankings.

Both have the same records; a table adds the profile of its columns, rankings add the comparison
with heuristics and the further labels. Invariant: a report is JSON and decodes to an equal report.
"""

import importlib.metadata
import os
import platform
from importlib.util import find_spec
from typing import Any

import msgspec

from liverank.automl.evaluation.position_bias import PositionEffect
from liverank.automl.profile.leakage import Leak
from liverank.automl.report.comparison import Comparison
from liverank.automl.report.formats import FORMAT, upgraded
from liverank.automl.report.schema import (
    Calibration,
    Claim,
    Curves,
    Data,
    Drift,
    Ensemble,
    Importance,
    LeaderboardEntry,
    OverTime,
    Record,
    SearchRequest,
    ServedModel,
    Slice,
    SplitReport,
    UnseenTargets,
)
from liverank.automl.trials.feature_count import FeatureCountTrial
from liverank.automl.trials.plan import Plan

_PACKAGES = ("liverank", "numpy", "numba", "polars", "scipy")
"""Packages whose versions a report names, besides those that families train with."""


class SearchReport(Record, frozen=True, kw_only=True):
    """The fields of every report."""

    format: int = FORMAT
    asked: SearchRequest
    data: Data
    split: SplitReport
    seconds: float
    held_out: dict[str, float | None]
    """Figures of the served model on rows that it was not trained on; empty where there are none.
    """
    intervals: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    """95 % intervals of some of them, by a bootstrap over groups or rows."""
    baseline: dict[str, float | None] = msgspec.field(default_factory=dict)
    """The same figures of the constant baseline: always predicting the mean of the train rows."""
    served: ServedModel | None = None
    """Null where rows were too few for a search."""
    ensemble: Ensemble | None = None
    calibration: Calibration | None = None
    leaderboard: tuple[LeaderboardEntry, ...]
    """The best trial first."""
    skipped: dict[str, str] = msgspec.field(default_factory=dict)
    """Families and settings that were not tried, and why."""
    drift: Drift | None = None
    warnings: tuple[str, ...] = ()
    """The most serious first."""
    notes: tuple[str, ...] = ()
    curves: Curves = Curves()
    slices: tuple[Slice, ...] = ()
    stopped: str | None = None
    """The reason why the search ended before its budget, such as an interrupt."""
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    machine: str = ""

    @property
    def families(self) -> tuple[str, ...]:
        """The families with at least one trial, each once."""
        return tuple(dict.fromkeys(entry.family for entry in self.leaderboard))

    @property
    def members(self) -> tuple[LeaderboardEntry, ...]:
        """The models of the ensemble, the largest weight first."""
        kept = (entry for entry in self.leaderboard if entry.weight > 0)
        return tuple(sorted(kept, key=lambda entry: -entry.weight))


class TableReport(SearchReport, frozen=True, kw_only=True):
    """The report of a search on a table."""

    served: ServedModel
    test: dict[str, float | None] | None = None
    """Figures on the test table that the user gave; null without one."""
    test_rows: int | None = None
    """Rows that these figures are of."""
    test_unseen: UnseenTargets | None = None
    """Rows of the test table that they leave out; null where there are none."""
    leaks: tuple[Leak, ...] = ()
    importance: tuple[Importance, ...] = ()
    """Permutation importance, the largest first."""
    claim: Claim | None = None
    """Null where rows are not split by time, or too few blocks are known."""
    over_time: OverTime | None = None
    """Null where rows are not split by time."""


class RankingReport(SearchReport, frozen=True, kw_only=True):
    """The report of a search on rows of rankings, for the label that lists are ranked by."""

    used_features: tuple[str, ...]
    dropped_features: dict[str, str]
    """Features left out, each with the reason: ``"constant"``, ``"same as ..."``, or ``"unused"``
    by the final model. Serving does not compute features that no label's model uses."""
    importance: dict[str, float]
    """Share of the training gain by feature, the largest first."""
    position: PositionEffect | None = None
    """Effect of the position in a list on success; null where it was not estimated."""
    fewer: tuple[FeatureCountTrial, ...] = ()
    """Comparisons of fewer features with all, used to choose the features of the search."""
    against: Comparison | None = None
    """Comparison with popularity; null for labels that lists are not ranked by."""
    plan: Plan | None = None
    """The trials in their order, with all settings."""
    heads: dict[str, "RankingReport"] = msgspec.field(default_factory=dict)
    """Reports of the further labels, by name."""


def installed_versions() -> dict[str, str]:
    """Versions of the installed packages that a model depends on."""
    from liverank.automl.families import FAMILIES  # not needed to read a report

    packages = dict(zip(_PACKAGES, _PACKAGES, strict=True))
    for family in FAMILIES.values():
        package = family.TRAITS.package
        packages[family.TRAITS.distribution or package] = package
    return {
        name: importlib.metadata.version(name)
        for name, module in packages.items()
        if find_spec(module) is not None
    }


def machine() -> str:
    """The processor's architecture and its number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def encode_report(report: SearchReport) -> bytes:
    """A report as indented JSON; NaN and infinity become null."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def decode_report(content: bytes) -> TableReport:
    """The report of a table from report.json of any format. Raises msgspec.ValidationError."""
    return msgspec.convert(
        upgraded(msgspec.json.decode(content, type=dict[str, Any])), type=TableReport
    )


def decode_ranking_report(content: bytes) -> RankingReport:
    """The report of rankings from report.json of any format. Raises msgspec.ValidationError."""
    return msgspec.convert(
        upgraded(msgspec.json.decode(content, type=dict[str, Any])), type=RankingReport
    )
