"""The options of a table's analysis: its columns, metrics, arms and error level.

Metrics are written as ``NAME=mean(COLUMN)``, ``NAME=ratio(COLUMN,COLUMN)`` or
``NAME=quantile(COLUMN,Q)``; a column whose name contains a comma is put in double quotes.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from liverank.errors import ExperimentError
from liverank.experiments.statistics.non_inferiority import Direction

MetricKind = Literal["mean", "ratio", "quantile"]

_EXPRESSION = re.compile(r"\s*(?:(?P<name>[^=]*?)\s*=)?\s*(?P<kind>\w+)\s*\((?P<within>.*)\)\s*")
_ALLOWED = "write NAME=mean(COLUMN), NAME=ratio(NUMERATOR,DENOMINATOR) or NAME=quantile(COLUMN,0.9)"
_COUNTS: dict[str, int] = {"mean": 1, "ratio": 2, "quantile": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A metric of a table."""

    name: str
    kind: MetricKind
    columns: tuple[str, ...]
    """One column, or numerator and denominator."""
    q: float = 0.5
    """Level of a quantile."""
    covariates: tuple["MetricSpec", ...] = ()
    """Means, or ratios, of columns that were known before the experiment."""
    direction: Direction = "up"
    is_guardrail: bool = False
    margin: float | None = None
    """The tolerated relative loss of a guardrail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """The options of a table's analysis."""

    unit: str
    """Column of the unit that was assigned to a variant, such as a user."""
    variant: str
    metrics: Sequence[MetricSpec]
    """The first that is not a guardrail decides."""
    control: str | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    """Planned shares of variants; equal shares if none are given."""
    time: str | None = None
    """Column with the time or day of a row, if units have several rows."""
    cluster: str | None = None
    """Column of the assigned cluster, where assignment is coarser than a unit."""
    segments: Sequence[str] = ()
    """Columns in which to search for the cause of a broken split."""
    alpha: float = 0.05
    looks: Sequence[float] = ()
    """Shares of the planned units at the looks so far, this one last; empty for a single look."""
    drop_mixed: bool = False
    """Whether to leave out units that are in two arms; otherwise they are an error."""

    @property
    def columns(self) -> list[str]:
        """All columns that the options name, without repeats."""
        metrics = [*self.metrics, *(one for metric in self.metrics for one in metric.covariates)]
        named = [self.unit, self.variant, *(name for one in metrics for name in one.columns)]
        named += [name for name in (self.time, self.cluster) if name]
        return list(dict.fromkeys([*named, *self.segments]))


def parse_metric(text: str) -> MetricSpec:
    """Parse a metric's expression. Raises ExperimentError, which lists the allowed forms.

    >>> parse_metric("rate=ratio(clicks, views)").columns
    ('clicks', 'views')
    >>> parse_metric("p90=quantile(minutes,0.9)").q
    0.9
    >>> parse_metric("median(minutes)")
    Traceback (most recent call last):
    liverank.errors.ExperimentError: metric `median(minutes)`: there is no `median`; write ...
    """
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise ExperimentError(f"metric `{text}`: not understood; {_ALLOWED}")
    kind = found["kind"].lower()
    if kind not in _COUNTS:
        raise ExperimentError(f"metric `{text}`: there is no `{kind}`; {_ALLOWED}")
    parts = _parts(found["within"])
    if len(parts) != _COUNTS[kind] or not all(parts):
        raise ExperimentError(
            f"metric `{text}`: `{kind}` takes {_COUNTS[kind]} values between its brackets, and "
            f"there are {len([part for part in parts if part])}; {_ALLOWED}"
        )
    q = _quantile(parts.pop(), text) if kind == "quantile" else 0.5
    name = (found["name"] or "").strip() or text.strip()
    return MetricSpec(name=name, kind=cast("MetricKind", kind), columns=tuple(parts), q=q)


def parse_covariate(text: str) -> tuple[str | None, MetricSpec]:
    """Parse a covariate: the name of its metric (None for all metrics), and its columns.

    It is a column, ``METRIC=COLUMN``, or ``METRIC=ratio(NUMERATOR,DENOMINATOR)``.

    >>> parse_covariate("conversion=visits_before")[0]
    'conversion'
    """
    metric, equals, column = text.partition("=")
    if not equals:
        metric, column = "", text
    found = _EXPRESSION.fullmatch(column)
    if found is not None and found["kind"] in ("mean", "ratio"):
        spec = parse_metric(column)
    else:
        spec = MetricSpec(name=column.strip(), kind="mean", columns=(column.strip(),))
    return metric.strip() or None, spec


def _parts(within: str) -> list[str]:
    row = next(csv.reader([within], skipinitialspace=True), [])
    return [part.strip() for part in row]


def _quantile(text: str, whole: str) -> float:
    try:
        q = float(text)
    except ValueError:
        q = 0.0
    if not 0 < q < 1:
        raise ExperimentError(
            f"metric `{whole}`: `{text}` is no quantile; give a number between 0 and 1, such as 0.9"
        )
    return q
