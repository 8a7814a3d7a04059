"""Objectives of a load test: a figure, a comparison and a bound, such as ``p99<100ms``.

Invariant: an objective for a figure that was not measured is not met.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from liverank.errors import LoadTestError

_TIMES_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_PERCENTILES = ("p50", "p90", "p99", "p99.9", "max", "mean")

UNITS: dict[str, str] = {
    **dict.fromkeys(_PERCENTILES, "ms"),
    **{f"events_{name}": "ms" for name in _PERCENTILES},
    "fold_lag_p50": "ms",
    "fold_lag_p99": "ms",
    "fold_lag_max": "ms",
    "late_p99": "ms",
    "rate": "",
    "events_rate": "",
    "errors": "",
    "events_errors": "",
    "fallbacks": "",
    "retries": "",
    "cpu_us": "us",
}
"""Units by figure that an objective may use."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_OBJECTIVE = re.compile(r"([a-z_0-9.]+?)\s*(<=|>=|<|>|=)\s*(\d+(?:\.\d+)?)\s*([a-z]*)")


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure and its bound, in the figure's unit."""

    text: str
    figure: str
    comparison: str
    bound: float


class ObjectiveResult(msgspec.Struct, frozen=True):
    """An objective, the measured value, and whether it is met."""

    objective: str
    measured: float | None
    met: bool


def parse_objective(text: str) -> Objective:
    """Parse an objective. Raises LoadTestError.

    >>> parse_objective("p99 < 0.1s")
    Objective(text='p99 < 0.1s', figure='p99', comparison='<', bound=100.0)
    """
    match = _OBJECTIVE.fullmatch(text.strip())
    if match is None:
        raise LoadTestError(
            f"--objective {text!r}: expected a figure, one of < <= > >= =, and a number, such as "
            "p99<100ms or errors=0"
        )
    figure, comparison, number, unit = match.groups()
    if figure not in UNITS:
        raise LoadTestError(
            f"--objective {text!r}: no figure {figure!r}; expected one of {', '.join(UNITS)}"
        )
    own = UNITS[figure]
    allowed = _TIMES_MS if own else {}
    if unit and unit not in allowed:
        expected = f"one of {', '.join(allowed)}, or none for {own}" if own else "none"
        raise LoadTestError(f"--objective {text!r}: no unit {unit!r}; expected {expected}")
    bound = float(number)
    if unit and unit != own:
        bound *= _TIMES_MS[unit] / _TIMES_MS[own]
    return Objective(text, figure, comparison, bound)


def judge(objective: Objective, figures: Mapping[str, float | None]) -> ObjectiveResult:
    """Compare an objective with the figures, each in its own unit.

    >>> judge(parse_objective("errors=0"), {"errors": 2})
    ObjectiveResult(objective='errors=0', measured=2, met=False)
    """
    measured = figures.get(objective.figure)
    met = measured is not None and _COMPARISONS[objective.comparison](measured, objective.bound)
    return ObjectiveResult(objective.text, measured, met)
