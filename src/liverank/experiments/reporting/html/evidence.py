"""Sections of the page with the evidence: effects over time, each metric, and novelty."""

import math

from liverank.experiments.analysis.words import p_value, percent
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.facts import LookFact, MetricFact, Report, VariantResult
from liverank.experiments.reporting.html.chart import Frame, forest
from liverank.experiments.reporting.html.tables import cell, grid
from liverank.experiments.reporting.html.words import scale_of, shown, value_text
from liverank.markup import Html, joined, tag, worded

_MARKS = {"better": "fine", "safe": "fine", "worse": "bad", "harmed": "bad"}


def over_time(report: Report) -> Html | None:
    """The primary metric at every look, with the boundary."""
    pictures = [
        _track(report, metric, variant)
        for metric in report.metrics
        if metric.role == "primary"
        for variant in metric.variants
        if len(variant.looks) > 1
    ]
    if not pictures:
        return None
    return tag("section", tag("h2", "The effect over time"), *pictures)


def metrics(report: Report) -> Html | None:
    """A row for each metric and variant."""
    if not report.metrics:
        return None
    goals = [metric for metric in report.metrics if metric.role != "guardrail"]
    guards = [metric for metric in report.metrics if metric.role == "guardrail"]
    return tag(
        "section",
        tag("h2", "Each metric"),
        _table(report, goals),
        *(
            [
                tag("h3", "Guardrails"),
                tag("p", "They must not get worse, and can stop the experiment any time."),
                _table(report, guards),
            ]
            if guards
            else []
        ),
        tag(
            "details",
            tag("summary", "How each is computed"),
            tag(
                "dl",
                *(
                    joined(tag("dt", metric.name), tag("dd", worded(metric.description)))
                    for metric in report.metrics
                ),
            ),
        ),
    )


def novelty(report: Report) -> Html | None:
    """The primary metric's effect by days since exposure."""
    found = [
        _by_day(metric, variant)
        for metric in report.metrics
        if metric.role == "primary"
        for variant in metric.variants
        if variant.novelty is not None
    ]
    if not found:
        return None
    return tag("section", tag("h2", "Does the effect last?"), *found)


def _track(report: Report, metric: MetricFact, variant: VariantResult) -> Html:
    looks = variant.looks
    is_lift = not any(math.isnan(look.effect.lift) for look in looks)
    drawn = [_drawn(look, is_lift=is_lift) for look in looks]
    later = drawn[len(drawn) // 2 :]
    reach = max(
        [abs(value) for one in later for value in one[1:] if math.isfinite(value)], default=1.0
    )
    planned = (report.planned_end_ms - report.start_ms) / DAY_MS
    # slightly wider, so that the last dot is not clipped
    frame = Frame((0.0, 1.02 * planned), (-reach, reach), is_lift, "days since the start")
    banded = [one for one in drawn if math.isfinite(one[2])]
    bounded = [one for one in drawn if math.isfinite(one[4])]
    marks = [
        frame.band([(one[0], one[2]) for one in banded], [(one[0], one[3]) for one in banded]),
        *(
            frame.line([(one[0], side * one[4]) for one in bounded], "boundary")
            for side in (1.0, -1.0)
        ),
        frame.line([(one[0], one[1]) for one in drawn], "line"),
        frame.dot(drawn[-1][0], drawn[-1][1]),
    ]
    crossed = "" if variant.crossed_ms is None else " It has crossed the boundary."
    label = f"{metric.name}, {variant.variant} against {report.control}, at each look"
    return tag(
        "figure",
        tag("h3", f"{metric.name}: {variant.variant} against {report.control}"),
        frame.draw(*marks, label=label),
        tag(
            "figcaption",
            tag("span", "", class_="key line"),
            f"{'lift' if is_lift else 'difference'} so far  ",
            tag("span", "", class_="key band"),
            "where the truth lies, at all looks together  ",
            tag("span", "", class_="key boundary"),
            f"beyond this line it decides.{crossed}",
        ),
    )


Drawn = tuple[float, float, float, float, float]


def _drawn(look: LookFact, *, is_lift: bool) -> Drawn:
    """Day, effect, its interval, and the boundary, on the scale of the chart."""
    effect = look.effect
    ends = effect.lift_ci if is_lift else effect.difference_ci
    value = effect.lift if is_lift else effect.difference
    edge = look.bound * effect.se / (abs(scale_of(effect)) if is_lift else 1.0)
    return look.day, value, *ends, edge


def _table(report: Report, chosen: list[MetricFact]) -> Html:
    effects = [shown(variant.effect) for metric in chosen for variant in metric.variants]
    reach = max(
        (abs(end) for one in effects for end in one[:3] if one.is_lift and math.isfinite(end)),
        default=1.0,
    )
    several = len(report.variants) > 1
    heads = ["metric", report.control, "variant" if several else report.variants[0], "effect", ""]
    rows = []
    for metric in chosen:
        for variant in metric.variants:
            effect = shown(variant.effect)
            mark = _MARKS.get(variant.verdict, "")
            picture = (
                forest(effect.low, effect.value, effect.high, reach, mark)
                if effect.is_lift
                else None
            )
            rows.append(
                tag(
                    "tr",
                    tag("th", metric.name, _small(metric, variant)),
                    cell(value_text(variant.effect.control), label=report.control),
                    cell(
                        value_text(variant.effect.value),
                        variant.variant if several else None,
                        label=variant.variant,
                    ),
                    cell(tag("b", effect.text(effect.value)), effect.interval, label="effect"),
                    tag("td", picture, _verdict(variant, metric), class_=f"verdict {mark}"),
                )
            )
    return grid(heads, rows, numbers=(1, 2, 3), class_="wide stack")


def _small(metric: MetricFact, variant: VariantResult) -> Html:
    words = []
    if metric.role == "primary":
        words.append("primary metric")
    if metric.direction == "down":
        words.append("less is better")
    if metric.margin is not None:
        words.append(f"{percent(metric.margin).lstrip('+')} worse is borne")
    if variant.variance_saved > 0.005:
        words.append(f"{percent(variant.variance_saved).lstrip('+')} less noise by CUPED")
    return tag("small", "; ".join(words))


def _verdict(variant: VariantResult, metric: MetricFact) -> Html:
    p = variant.p if metric.role == "guardrail" else variant.adjusted_p
    reason = f"; {variant.effect.reason}" if variant.effect.reason else ""
    return tag("small", f"{variant.verdict}, p {p_value(p)}{reason}")


def _by_day(metric: MetricFact, variant: VariantResult) -> Html:
    assert variant.novelty is not None
    days = variant.novelty.days
    is_lift = not any(math.isnan(one.effect.lift) for one in days)
    drawn = [
        (
            one.day,
            *(
                (one.effect.lift, *one.effect.lift_ci)
                if is_lift
                else (one.effect.difference, *one.effect.difference_ci)
            ),
        )
        for one in days
    ]
    reach = 1.1 * max(
        [
            abs(value)
            for one in drawn[: max(len(drawn) // 2, 3)]
            for value in one[1:]
            if math.isfinite(value)
        ],
        default=1.0,
    )
    frame = Frame((0.0, float(days[-1].day) + 0.5), (-reach, reach), is_lift, "day since exposure")
    marks = [
        joined(frame.whisker(day, low, high), frame.dot(day, value))
        for day, value, low, high in drawn
        if math.isfinite(low)
    ]
    return tag(
        "figure",
        tag("h3", f"{metric.name} of {variant.variant}, by day since each user's first list"),
        frame.draw(*marks, label="effect on each day since exposure, with 95 % intervals"),
        tag("figcaption", variant.novelty.sentence),
    )
