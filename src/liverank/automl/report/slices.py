"""Performance by slice: the rows with one value, or one range of values, of a column at a time.

Invariant: the slices of a column are disjoint and cover all rows but those of slices too small.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.metrics.intervals import weighted_mean
from liverank.automl.report.schema import Slice
from liverank.models.encoder.columns import Columns, Input

Floats = NDArray[np.float64]

_MOST_LEVELS = 6
_RANGES = 4
_LEAST_ROWS = 20


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Losses of n rows, float64[n], with their targets and predictions; one entry a row.

    observed   target; None for several classes
    predicted  prediction; None for several classes
    weight     None where all rows weigh 1
    groups     rows of one group are treated as dependent, which widens the intervals; or None
    squared    whether losses are squared errors, whose root is reported
    """

    losses: Floats
    observed: Floats | None = None
    predicted: Floats | None = None
    weight: Floats | None = None
    groups: NDArray[np.int64] | None = None
    squared: bool = False


def find_slices(columns: Columns, inputs: Iterable[Input], outcomes: Outcomes) -> tuple[Slice, ...]:
    """Slices by each input, in the order given.

    >>> columns = {"city": np.array(["Ulm", "Bonn"] * 30, object)}
    >>> inputs = [Input(name="city", type="category")]
    >>> slices = find_slices(columns, inputs, Outcomes(np.arange(60) % 2.0))
    >>> [(s.value, s.rows, s.loss) for s in slices]
    [('Bonn', 30, 1.0), ('Ulm', 30, 0.0)]
    """
    losses = outcomes.losses
    weight = np.ones(len(losses)) if outcomes.weight is None else outcomes.weight
    slices = []
    for form in inputs:
        for value, mask in _parts(form, columns[form.name]):
            if mask.sum() >= _LEAST_ROWS and weight[mask].sum() > 0:
                slices.append(_slice(form.name, value, mask, outcomes, weight))
    return tuple(slices)


def _slice(
    column: str, value: str, mask: NDArray[np.bool_], outcomes: Outcomes, weight: Floats
) -> Slice:
    w, groups = weight[mask], outcomes.groups
    loss, low, high = weighted_mean(
        outcomes.losses[mask], w, None if groups is None else groups[mask]
    )
    if outcomes.squared:
        loss, low, high = loss**0.5, max(low, 0.0) ** 0.5, high**0.5
    observed, predicted = outcomes.observed, outcomes.predicted
    return Slice(
        column=column,
        value=value,
        rows=int(mask.sum()),
        observed=None if observed is None else _mean(observed[mask], w),
        predicted=None if predicted is None else _mean(predicted[mask], w),
        loss=loss,
        low=low,
        high=high,
    )


def _parts(form: Input, values: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Names and masks of the parts of a column."""
    if form.type == "category":
        return _by_level(values)
    if form.type in ("text", "list"):
        values = np.array([np.nan if v is None else len(v) for v in values], np.float64)
    missing = ("missing", np.isnan(values))
    match form.type:
        case "boolean":
            return [("no", values == 0), ("yes", values == 1), missing]
        case "time":
            return [*_by_range(values, _day), missing]
        case "text":
            return [*_by_range(values, lambda v: f"{v:.0f}", "character"), missing]
        case "list":
            return [*_by_range(values, lambda v: f"{v:.0f}", "element"), missing]
        case _:
            return [*_by_range(values, lambda v: f"{v:.4g}"), missing]


def _by_level(values: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    known = np.array([v is not None for v in values], np.bool_)
    levels, counts = np.unique(values[known].astype(str), return_counts=True)
    order = np.lexsort((levels, -counts))
    texts = np.array(["" if v is None else v for v in values], dtype=str)
    common = levels[order][:_MOST_LEVELS]
    parts = [(str(level), known & (texts == level)) for level in common]
    rest = known & ~np.isin(texts, common)
    return [*parts, (f"{len(levels) - len(common)} others", rest), ("missing", ~known)]


def _by_range(
    values: Floats, write: Callable[[float], str], unit: str = ""
) -> list[tuple[str, NDArray[np.bool_]]]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return []
    cuts = np.unique(np.quantile(known, np.arange(1, _RANGES) / _RANGES, method="lower"))
    cuts = cuts[cuts < known.max()]
    codes = np.where(np.isnan(values), -1, np.searchsorted(cuts, values))
    parts = []
    for code in range(len(cuts) + 1):
        mask = codes == code
        low, high = float(values[mask].min()), float(values[mask].max())
        name = write(low) if write(low) == write(high) else f"{write(low)} to {write(high)}"
        if unit:
            name += f" {unit}{'' if name == '1' else 's'}"
        parts.append((name, mask))
    return parts


def _mean(values: Floats, weight: Floats) -> float:
    return float(np.average(values, weights=weight))


def _day(at_ms: float) -> str:
    return str(np.datetime64(int(at_ms), "ms").astype("datetime64[D]"))
