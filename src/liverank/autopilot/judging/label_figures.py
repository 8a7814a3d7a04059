"""The figures of one label and of its segments, with intervals.

Invariant: all methods are compared on the same items of the same lists, and with the same draws.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from liverank.autopilot.judging.components import (
    Component,
    ServedRows,
    chances_of,
    order_components,
    probability_components,
)
from liverank.autopilot.judging.ratios import DrawnRatios, Ratios
from liverank.autopilot.judging.segments import Segment, success_lists
from liverank.autopilot.judging.verdict import (
    CALIBRATION,
    CHALLENGER,
    CHAMPION,
    LOG_LOSS,
    METRICS,
    POPULARITY,
    UNBIASED_NDCG,
    Figure,
    LabelVerdict,
    SegmentVerdict,
    figure,
)
from liverank.dataset.bootstrap import percentile_interval
from liverank.dataset.metrics import log_loss

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
LARGER_IS_WORSE = (LOG_LOSS, CALIBRATION)
SEGMENT_METRICS = (UNBIASED_NDCG, LOG_LOSS)
NEGLIGIBLE_IN_SEGMENT = {UNBIASED_NDCG: 0.01, LOG_LOSS: 0.01}
"""Losses up to this are no harm in a segment, however certain; that of log-loss is a share of the
rival's."""


class Answers(NamedTuple):
    """One method's answers for the served rows of a label, float64[n].

    ``effects`` are those of the logged positions on the log-odds; None where ``scores`` are not
    log-odds.
    """

    scores: Floats
    effects: Floats | None = None


def label_verdict(
    label: str,
    rows: ServedRows,
    answers: Mapping[str, Answers],
    segments: Sequence[Segment] = (),
    *,
    seed: int,
    note: str = "",
) -> tuple[LabelVerdict, tuple[SegmentVerdict, ...]]:
    """The verdict on a label, and on segments, where the rival is the champion, or popularity.

    ``answers`` are by method: challenger, champion, popularity; methods may be missing.
    """
    ratios = Ratios(rows.users)
    for method, answer in answers.items():
        components = components_of(answer, rows)
        for metric, component in components.items():
            ratios.add((method, metric), *component)
        for segment in segments:
            for metric, component in _within(segment, answer, components, rows).items():
                ratios.add((method, metric, segment.name), *component)
    drawn = ratios.drawn(seed=seed)
    lists = rows.has_success
    verdict = LabelVerdict(
        label=label,
        rows=int(np.count_nonzero(rows.seen)),
        successes=int(rows.labels.sum()),
        lists=int(np.count_nonzero(lists)),
        people=len(np.unique(rows.users[lists])),
        methods={
            method: {
                metric: _figure(drawn.values[key], drawn.draws[key])
                for metric in METRICS
                if (key := (method, metric)) in drawn.values
            }
            for method in answers
        },
        differences={
            rival: {
                metric: _figure(*difference)
                for metric in METRICS
                if (difference := _difference(drawn, rival, metric)) is not None
            }
            for rival in (CHAMPION, POPULARITY)
            if rival in answers and CHALLENGER in answers
        },
        base_log_loss=_base_log_loss(rows),
        note=note,
    )
    rival = CHAMPION if CHAMPION in answers else POPULARITY
    return verdict, tuple(_segment_verdicts(segments, rival, drawn, rows))


def components_of(answer: Answers, rows: ServedRows) -> dict[str, Component]:
    """The components of all metrics that a method has."""
    components = order_components(answer.scores, rows)
    if answer.effects is not None:
        components |= probability_components(chances_of(answer.scores, answer.effects), rows)
    return components


def _within(
    segment: Segment, answer: Answers, components: dict[str, Component], rows: ServedRows
) -> dict[str, Component]:
    """The components by which a segment is judged.

    For a kind of items, order is that of these items among each other.
    """
    if segment.rows is None:
        return {
            metric: components[metric].within(segment.lists)
            for metric in SEGMENT_METRICS
            if metric in components
        }
    effects = None if answer.effects is None else answer.effects[segment.rows]
    own = components_of(Answers(answer.scores[segment.rows], effects), rows.take(segment.rows))
    return {metric: own[metric] for metric in SEGMENT_METRICS if metric in own}


def _segment_verdicts(
    segments: Sequence[Segment], rival: str, drawn: DrawnRatios, rows: ServedRows
) -> list[SegmentVerdict]:
    """Intervals are widened by the number of comparisons (Bonferroni)."""
    compared = {
        (segment.name, metric): difference
        for segment in segments
        for metric in SEGMENT_METRICS
        if (difference := _difference(drawn, rival, metric, segment.name)) is not None
    }
    confidence = 1 - (1 - CONFIDENCE) / max(len(compared), 1)
    verdicts = []
    for segment in segments:
        lists = success_lists(segment, rows)
        people = len(np.unique(rows.users[lists]))
        differences, worse = {}, []
        for metric in SEGMENT_METRICS:
            if (segment.name, metric) not in compared:
                continue
            value, draws = compared[segment.name, metric]
            found = _wide_figure(value, draws, people, confidence)
            differences[metric] = found
            against = drawn.values[rival, metric, segment.name]
            if is_clearly_worse(found, metric, against):
                worse.append(metric)
        own = segment.rows if segment.rows is not None else segment.lists[rows.of_list]
        verdicts.append(
            SegmentVerdict(
                name=segment.name,
                lists=int(np.count_nonzero(lists)),
                people=people,
                rows=int(np.count_nonzero(own & rows.seen)),
                differences=differences,
                worse=tuple(worse),
            )
        )
    return verdicts


def is_clearly_worse(difference: Figure, metric: str, against: float) -> bool:
    """Whether a segment's interval excludes that its loss is negligible or none.

    ``against`` is the rival's figure.

    >>> is_clearly_worse(Figure(value=-0.05, low=-0.09, high=-0.01), "unbiased_ndcg@10", 0.4)
    True
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return False
    negligible = NEGLIGIBLE_IN_SEGMENT[metric]
    if metric in LARGER_IS_WORSE:
        return low > 0 and value > negligible * against
    return high < 0 and value < -negligible


def _difference(
    drawn: DrawnRatios, rival: str, metric: str, *segment: str
) -> tuple[float, Floats] | None:
    """The challenger minus a rival, and its draws; None where either has no such figure."""
    one, other = (CHALLENGER, metric, *segment), (rival, metric, *segment)
    if one not in drawn.values or other not in drawn.values:
        return None
    values = np.array([drawn.values[one], drawn.values[other]])
    draws = np.array([drawn.draws[one], drawn.draws[other]])
    if metric == CALIBRATION:
        values, draws = _distance_from_1(values), _distance_from_1(draws)
    return float(values[0] - values[1]), draws[0] - draws[1]


def _distance_from_1(ratios: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        logs: Floats = np.abs(np.log(ratios))
    return logs


def _figure(value: float, draws: Floats) -> Figure:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return figure(value, np.nan, np.nan)
    return figure(value, *percentile_interval(known, CONFIDENCE))


def _wide_figure(value: float, draws: Floats, people: int, confidence: float) -> Figure:
    """An interval by Student's t and the standard error of draws.

    The percentiles of a thousand draws are too coarse that far out.
    """
    known = draws[np.isfinite(draws)]
    if len(known) < 2 or people < 2:
        return figure(value, np.nan, np.nan)
    reach = float(stdtrit(people - 1, (1 + confidence) / 2)) * float(known.std(ddof=1))
    return figure(value, value - reach, value + reach)


def _base_log_loss(rows: ServedRows) -> float | None:
    labels = rows.only_seen().labels
    if not len(labels):
        return None
    share = np.full(len(labels), labels.mean())
    return figure(log_loss(share, labels), np.nan, np.nan).value
