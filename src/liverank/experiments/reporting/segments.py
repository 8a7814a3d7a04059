"""The primary metric by segment, with a correction for the number of comparisons.

Segments are for exploration, not for decisions: among many segments one is expected to stand out by
chance, so p-values are corrected over all of them.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from liverank.experiments.gathering.gathered import Gathered, Segment
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.reporting.effects import effect_of
from liverank.experiments.reporting.facts import SegmentFact
from liverank.experiments.reporting.series import Series, columns_of, exposed_by
from liverank.experiments.reporting.splits import UNKNOWN_LEVEL, levels_of
from liverank.experiments.statistics.multiple import holm

_LEAST_UNITS = 50
"""Units of each arm below which a level is not compared."""
_LEVEL = 0.95


def segments_of(
    gathered: Gathered,
    series: Series,
    metric: Metric,
    arms: Sequence[str],
) -> tuple[SegmentFact, ...]:
    """The metric at the last look in each level with enough units; the control is ``arms[0]``."""
    control, *variants = arms
    found = []
    for segment in gathered.segments:
        labels, table = levels_of(gathered, segment, arms)
        if len(labels) < 2:
            continue
        for label, counts in zip(labels, table, strict=True):
            if counts[0] < _LEAST_UNITS:
                continue
            code = -1 if label == UNKNOWN_LEVEL else segment.texts.index(label)
            for variant, count in zip(variants, counts[1:], strict=True):
                if count >= _LEAST_UNITS:
                    found.append(_one(gathered, series, metric, (segment, code), control, variant))
    adjusted = holm([each.p for each in found])
    return tuple(
        msgspec.structs.replace(each, adjusted_p=p) for each, p in zip(found, adjusted, strict=True)
    )


def _one(
    gathered: Gathered,
    series: Series,
    metric: Metric,
    part: tuple[Segment, int],
    control: str,
    variant: str,
) -> SegmentFact:
    segment, code = part
    sides = []
    for name in (control, variant):
        arm = exposed_by(gathered, name, series.moments_ms[-1])
        units = arm.start + np.flatnonzero(segment.codes[arm] == code)
        table = columns_of(gathered, series.last[metric.name], series.before[metric.name], units)
        sides.append(metric.summarise(table))
    comparison = metric.compare(*sides, level=_LEVEL)
    return SegmentFact(
        segment=segment.name,
        level=UNKNOWN_LEVEL if code < 0 else segment.texts[code],
        variant=variant,
        effect=effect_of(comparison),
        p=comparison.p,
        adjusted_p=comparison.p,
    )
