"""The effect of positions that a bundle's report estimated, for each of its labels."""

from typing import Any

import msgspec

from liverank.automl.evaluation.position_bias import PositionEffect
from liverank.automl.report.formats import upgraded
from liverank.bundle.bundle import Bundle

_NONE = PositionEffect(log_odds=(0.0,), rows=0, method="partial_dependence")


def report_of(bundle: Bundle, label: str) -> dict[str, Any]:
    """The report of a label's model; empty where there is none."""
    report = upgraded(bundle.report)
    if label != next(iter(bundle.heads)):
        report = (report.get("heads") or {}).get(label) or {}
    return report


def position_effect_of(bundle: Bundle, label: str) -> PositionEffect:
    """The estimated effect of positions on a label; none at all where it was not estimated."""
    found = report_of(bundle, label).get("position")
    return _NONE if found is None else msgspec.convert(found, PositionEffect)
