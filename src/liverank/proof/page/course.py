"""Charts of the lift of each metric at every look of the experiment."""

from liverank.experiments.reporting.html.chart import Frame
from liverank.markup import Html, tag
from liverank.proof.page.facts import PageFacts
from liverank.proof.page.words import interval_words, lift_words, metric_title
from liverank.proof.results import Look, MetricProof


def over_time(facts: PageFacts) -> Html | None:
    """A chart for each metric with more than one look (interim analysis)."""
    drawn = [metric for metric in facts.result.metrics if len(_known(metric)) > 1]
    if not drawn:
        return None
    days = float(facts.result.world.days_of_test)
    return tag(
        "section",
        tag("h2", "The lift over time"),
        tag(
            "p",
            "The line is the lift so far, the band where the truth lies. The band holds at all "
            "days together, so one may look every day and stop as soon as it leaves zero. The "
            "dashed line is the true lift, which the report does not know.",
        ),
        tag("div", *(_picture(metric, days) for metric in drawn), class_="charts"),
    )


def _known(metric: MetricProof) -> list[Look]:
    return [look for look in metric.reported.looks if look.lift is not None]


def _picture(metric: MetricProof, days: float) -> Html:
    looks = _known(metric)
    banded = [
        (look.day, low, high)
        for look in looks
        for low, high in [look.lift_ci]
        if low is not None and high is not None
    ]
    frame = Frame((0.0, 1.02 * days), _span(metric, banded), True, "days since the test began")
    marks = [
        frame.band([(day, low) for day, low, _ in banded], [(day, high) for day, _, high in banded])
    ]
    if metric.true_lift is not None:
        truth = [(0.0, metric.true_lift), (1.02 * days, metric.true_lift)]
        marks.append(frame.line(truth, "truth"))
    course = [(look.day, look.lift) for look in looks if look.lift is not None]
    marks += [frame.line(course, "line"), frame.dot(*course[-1])]
    first = next((look.day for look in looks if look.crossed), None)
    proven = "not proven" if first is None else f"proven on day {first:.0f}"
    title = metric_title(metric.name)
    caption = (
        f"{title}: {lift_words(metric.reported.lift)} at the end "
        f"({interval_words(metric.reported.lift_ci)}), {proven}"
    )
    return tag(
        "figure",
        tag("h3", title, tag("span", proven)),
        frame.draw(*marks, label=caption),
    )


def _span(metric: MetricProof, banded: list[tuple[float, float, float]]) -> tuple[float, float]:
    """The range of lifts in the chart: zero, the truth, and the bands except on the first days."""
    later = banded[len(banded) // 4 :]
    ends = [0.0, metric.true_lift or 0.0, *(end for _, low, high in later for end in (low, high))]
    low, high = min(ends), max(ends)
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin
