"""Notes on a metric's values that a reader needs before trusting its result."""

import numpy as np
from scipy import stats

from liverank.errors import ExperimentError
from liverank.experiments.analysis.measure import Measured
from liverank.experiments.analysis.spec import MetricSpec
from liverank.experiments.analysis.units import Units

_FEW = 10
"""Events or non-events of an arm below which its rate is not approximately normal."""
_SMALL = 30
"""Units of an arm below which means are not approximately normal."""
_LARGE_SHARE = 0.05
"""Share of an arm's total above which a single unit is noted."""
_UNEQUAL = 0.001
"""p-value below which the share of missing values is unequal between the arms."""


def check_missing(measured: Measured, units: Units) -> list[str]:
    """Notes on units without the metric."""
    total = np.bincount(units.arm, minlength=len(units.arms))
    known = np.bincount(measured.arm, minlength=len(units.arms))
    missing = total - known
    if not missing.any():
        return []
    name = measured.spec.name
    counts = ", ".join(f"{arm} {count:,}" for arm, count in zip(units.arms, missing, strict=True))
    return [f"{name}: {missing.sum():,} units have no value and are left out of it ({counts})"]


def warn_of_missing(measured: Measured, units: Units) -> list[str]:
    """A warning if the share of units without the metric differs between the arms."""
    total = np.bincount(units.arm, minlength=len(units.arms))
    known = np.bincount(measured.arm, minlength=len(units.arms))
    missing = total - known
    if not (missing.any() and known.any()):
        return []
    if stats.chi2_contingency([missing, known]).pvalue >= _UNEQUAL:
        return []
    shares = ", ".join(
        f"{arm} {100 * share:.3g} %" for arm, share in zip(units.arms, missing / total, strict=True)
    )
    return [
        f"{measured.spec.name} cannot be trusted: its values are missing in one arm more than in "
        f"another ({shares}); if missing means none, write 0"
    ]


def check_covariates(metric: MetricSpec, units: Units) -> list[str]:
    """Notes on covariates that differ between arms.

    Raises ExperimentError for one that is missing more often in one arm than in another: being
    known would then be a proxy for the arm, and the adjustment would remove the effect.
    """
    notes = []
    for name in (name for covariate in metric.covariates for name in covariate.columns):
        values = units.columns[name]
        known = ~np.isnan(values)
        counts = [
            np.bincount(units.arm[mask], minlength=len(units.arms)) for mask in (known, ~known)
        ]
        is_in_question = all(count.any() for count in counts)
        if is_in_question and stats.chi2_contingency(counts).pvalue < _UNEQUAL:
            missing = ", ".join(
                f"{arm} {n:,}" for arm, n in zip(units.arms, counts[1], strict=True)
            )
            raise ExperimentError(
                f"covariate `{name}` is missing in one arm more than in another ({missing}), so "
                "adjusting by it would take the effect away; leave it out, or complete it"
            )
        groups = [values[known & (units.arm == number)] for number in range(len(units.arms))]
        if all(len(group) > 1 and group.std() > 0 for group in groups):
            p = stats.f_oneway(*groups).pvalue
            if p < _UNEQUAL:
                notes.append(
                    f"covariate `{name}` differs between the arms (p = {p:.2g}); if it was not "
                    "known before the experiment, leave it out: it takes the effect away"
                )
    return notes


def check_values(measured: Measured, arms: tuple[str, ...]) -> list[str]:
    """Notes on the values of the units that have the metric."""
    name, kind = measured.spec.name, measured.spec.kind
    values = measured.columns[:, 0]
    notes = []
    whole = bool((values == np.round(values)).all())
    negative = int((values < 0).sum())
    if whole and negative and negative < 0.1 * len(values):
        notes.append(
            f"{name}: {negative:,} values are negative, the least {values.min():g}; wrong if it "
            "counts something, or if it stands for a missing value"
        )
    if kind == "ratio":
        empty = int((measured.columns[:, 1] == 0).sum())
        if empty:
            notes.append(f"{name}: {empty:,} units have a denominator of 0; they add nothing to it")
        orphans = int(((measured.columns[:, 1] == 0) & (values != 0)).sum())
        if orphans:
            notes.append(f"{name}: {orphans:,} units have a numerator over a denominator of 0")
    if kind == "quantile":
        if measured.spec.covariates:
            notes.append(f"{name}: a quantile is not adjusted; its covariates are not used")
        return notes
    is_binary = bool(np.isin(values, (0.0, 1.0)).all())
    for number, arm in enumerate(arms):
        own = values[measured.arm == number]
        if len(own) == 0:
            continue
        if len(own) < _SMALL:
            notes.append(
                f"{name}: arm {arm} has only {len(own)} units; its interval and p are rough"
            )
        elif is_binary and kind == "mean":
            few = int(min(own.sum(), len(own) - own.sum()))
            if few < _FEW and 0 < values.mean() < 1:
                notes.append(
                    f"{name}: arm {arm} has only {few} units of the rarer kind; its interval and p "
                    "are rough"
                )
        elif (total := np.abs(own).sum()) > 0 and len(own) > 2 / _LARGE_SHARE:
            share = np.abs(own).max() / total
            if share > _LARGE_SHARE:
                notes.append(
                    f"{name}: one unit has {100 * share:.0f} % of arm {arm}'s total; cap such "
                    "values, or compare a quantile too"
                )
    return notes
