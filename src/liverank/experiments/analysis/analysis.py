"""Analyse a table of an experiment: the split, each metric in each variant, and the decision.

Invariant: whatever could silently mislead is an ExperimentError, or a note of the analysis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from liverank.errors import ExperimentError
from liverank.experiments.analysis.arms import choose_control
from liverank.experiments.analysis.checks import (
    check_covariates,
    check_missing,
    check_values,
    warn_of_missing,
)
from liverank.experiments.analysis.decision import decide
from liverank.experiments.analysis.measure import Measured, measure
from liverank.experiments.analysis.results import Decision, MetricResult, Stage, correct
from liverank.experiments.analysis.spec import TableSpec
from liverank.experiments.analysis.split import Split
from liverank.experiments.analysis.table_split import split_of
from liverank.experiments.analysis.units import Units, read_units
from liverank.experiments.statistics.comparison import Comparison
from liverank.experiments.statistics.sample_ratio import ALARM
from liverank.experiments.statistics.sequential import nominal_level, repeated_p, spending

_RECENT_DAYS = 7
_LOW = 0.01
"""p-value of the split below which a note reports it."""
_WIDEST = 8.0
"""Standard errors beyond which a boundary is treated as infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The results of an experiment that is given as a table."""

    control: str
    split: Split
    results: tuple[MetricResult, ...]
    """Each metric in each variant, metrics in the order given."""
    level: float
    """Confidence level of the intervals."""
    alpha: float
    decision: Decision
    notes: tuple[str, ...]


def analyse(table: pl.DataFrame | Mapping[str, Any], spec: TableSpec) -> Analysis:
    """Analyse a table with one row a unit, or several that are summed; a dict of arrays works too.

    Raises ExperimentError if the table cannot be analysed.

    >>> from liverank.experiments.analysis.spec import parse_metric
    >>> table = {"user": range(4000), "group": [0, 1] * 2000, "bought": [0, 1, 0, 0] * 1000}
    >>> spec = TableSpec(unit="user", variant="group", metrics=[parse_metric("mean(bought)")])
    >>> found = analyse(table, spec)
    >>> found.results[0].comparison.difference, found.decision.action
    (0.5, 'ship')
    """
    frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(dict(table))
    _check_spec(spec)
    notes: list[str] = []
    units = read_units(frame, spec, notes)
    control = choose_control(units.arms, spec.control, notes)
    split = split_of(frame, units, spec)
    notes += _about_split(split)
    results: list[MetricResult] = []
    warnings: list[str] = []
    primary = next((metric for metric in spec.metrics if not metric.is_guardrail), None)
    decisive: list[str] = []
    for metric in spec.metrics:
        notes += check_covariates(metric, units)
        measured = measure(metric, units)
        missing_values = warn_of_missing(measured, units)
        decides = metric.is_guardrail or metric is primary
        (decisive if decides else warnings).extend(missing_values)
        results += _compare(measured, units, spec, control, notes)
    results = correct(results)
    decision = decide(results, split=split, stage=_stage(units, spec), alpha=spec.alpha)
    decision = replace(decision, reasons=(*warnings, *decision.reasons))
    if decisive and split.ok:
        decision = _untrusted(decisive, decision)
    return Analysis(
        control=control,
        split=split,
        results=tuple(results),
        level=_level(spec),
        alpha=spec.alpha,
        decision=decision,
        notes=tuple(dict.fromkeys([*notes, _about_looks(spec)])),
    )


def _untrusted(warnings: list[str], decision: Decision) -> Decision:
    """The decision where the primary metric is missing more often in one arm than in another."""
    return replace(
        decision,
        action="wait",
        variant=None,
        sentence=f"Wait: {warnings[0]}.",
        reasons=(*warnings[1:], f"if it could be: {decision.sentence}", *decision.reasons),
    )


def _check_spec(spec: TableSpec) -> None:
    if not spec.metrics:
        raise ExperimentError("there is no metric; give one, such as conversion=mean(COLUMN)")
    names = [metric.name for metric in spec.metrics]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ExperimentError(f"two metrics are named `{twice[0]}`; give each a name of its own")
    if not 0 < spec.alpha < 0.5:
        raise ExperimentError(f"alpha is {spec.alpha:g}; it is between 0 and 0.5, such as 0.05")


def _level(spec: TableSpec) -> float:
    if not spec.looks:
        return 1 - spec.alpha
    return nominal_level(min(float(spending(spec.alpha, spec.looks)[-1]), _WIDEST))


def _compare(
    measured: Measured, units: Units, spec: TableSpec, control: str, notes: list[str]
) -> list[MetricResult]:
    metric = measured.spec
    notes += check_missing(measured, units)
    _check_denominators(measured, units)
    notes += check_values(measured, units.arms)
    control_index = units.arms.index(control)
    results = []
    for other, variant in enumerate(units.arms):
        if other == control_index:
            continue
        found = measured.compare(control_index, other, _level(spec))
        if found.reason:
            notes.append(f"{metric.name}: {found.reason}")
        elif found.control < 0:
            notes.append(
                f"{metric.name}: the control's value is below zero, so a lift above 0 % is a lower "
                "value; read the difference"
            )
        results.append(
            MetricResult(
                variant=variant,
                metric=metric.name,
                comparison=found,
                p=_p_at_this_look(found, spec),
                direction=metric.direction,
                is_guardrail=metric.is_guardrail,
                margin=metric.margin,
            )
        )
    return results


def _check_denominators(measured: Measured, units: Units) -> None:
    if measured.spec.kind != "ratio":
        return
    name, column = measured.spec.name, measured.spec.columns[1]
    below = measured.columns[:, 1]
    if (below < 0).any():
        raise ExperimentError(
            f"metric `{name}`: {int((below < 0).sum()):,} units have a negative `{column}`, the "
            f"least {below.min():g}; a denominator counts something"
        )
    totals = np.bincount(measured.arm, weights=below, minlength=len(units.arms))
    for arm, total in zip(units.arms, totals, strict=True):
        if total == 0:
            raise ExperimentError(
                f"metric `{name}`: every `{column}` of arm `{arm}` is 0, so there is no ratio"
            )


def _p_at_this_look(found: Comparison, spec: TableSpec) -> float:
    if not spec.looks:
        return found.p
    z = -float(special.ndtri(found.p / 2))
    return repeated_p(min(z, 35.0), spec.looks)


def _stage(units: Units, spec: TableSpec) -> Stage:
    users = len(units.arm)
    daily = float("nan")
    if units.first_day is not None:
        last = int(units.first_day.max())
        days = min(_RECENT_DAYS, last - int(units.first_day.min()) + 1)
        daily = int((units.first_day > last - days).sum()) / days
    return Stage(
        users=users,
        unit="units",
        planned_users=users / spec.looks[-1] if spec.looks else float("nan"),
        daily_users=daily,
        now_ms=units.last_ms,
    )


def _about_split(split: Split) -> list[str]:
    """Notes on a split that is as planned as a whole."""
    if not split.ok:
        return []
    notes = [f"the split of a part is off, so look into it: {line}" for line in split.where]
    if split.p < _LOW:
        notes.append(
            f"the split is near the edge: its p is {split.p:.2g}, and below {ALARM:g} it is broken"
        )
    return notes


def _about_looks(spec: TableSpec) -> str:
    if spec.looks:
        return f"look {len(spec.looks)}, corrected for the earlier ones by alpha spending"
    return (
        "this is right for one look at a time fixed beforehand; if you looked before and would "
        "have stopped, give all looks by --looks"
    )
