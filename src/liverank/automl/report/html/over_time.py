"""The table over time: the loss of block after block, the mean target, and how inputs move."""

from liverank.automl.report.html import charts
from liverank.automl.report.html.charts import Axes
from liverank.automl.report.html.metric_names import in_text, title_of, written
from liverank.automl.report.html.numbers import number, percent
from liverank.automl.report.reports import TableReport
from liverank.automl.report.schema import Claim, Line, OverTime
from liverank.automl.trials.drift_policy import DriftPolicy
from liverank.markup import Html, tag

_ROWS = "share of the rows, oldest first"
_LEAST_SPAN = 0.1
"""Smallest span of the losses that a chart shows, relative to their middle."""


def over_time(report: TableReport) -> Html | None:
    """What to expect of later rows, and three charts by time; None without a split by time."""
    seen = report.over_time
    if seen is None:
        return None
    study = seen.study
    return tag(
        "section",
        tag("h2", "Over time"),
        None if report.claim is None else tag("p", _claim(report.claim)),
        None if study is None else tag("p", _verdict(study)),
        tag(
            "div",
            _losses(report, seen),
            _lines("Target", _target_text(report), seen.target, _target_name(report)),
            _lines(
                "Inputs",
                "How far the values of the columns that moved most are from the oldest ones: "
                "0 is the same mix of values, 1 has none in common.",
                seen.inputs,
                "distance from the oldest rows",
            ),
            class_="charts",
        ),
        None if study is None else _settings(study),
    )


def _claim(claim: Claim) -> str:
    name = claim.figure
    return (
        f"Expect a {in_text(name)} of {written(name, claim.value)} on later rows: "
        f"{written(name, claim.low)} to {written(name, claim.high)} in 19 of 20 cases, by "
        f"{claim.blocks} blocks of rows that came after those their models were trained on."
    )


def _verdict(study: DriftPolicy) -> str:
    n = len(study.origins)
    if not study.seen:
        return (
            f"No drift beyond noise: at {n} moments in the past, a plain model did on the rows "
            "that followed as it did on shuffled ones."
        )
    slopes = ", ".join(f"{each.slope:.2f}" for each in study.origins)
    return (
        f"Rows change with time: at {n} moments in the past, a plain model's loss on the rows that "
        "followed was not that on shuffled rows. The slopes that its margins would have needed "
        f"there are {slopes} (1 is right; below 1 it was too sure)."
    )


def _losses(report: TableReport, seen: OverTime) -> Html | None:
    known = [(i, block) for i, block in enumerate(seen.blocks) if block.loss is not None]
    if len(known) < 2:
        return None
    line = Line(
        name="loss",
        x=tuple(float(i + 1) for i, _ in known),
        y=tuple(float(block.loss or 0.0) for _, block in known),
    )
    name = title_of(report.asked.objective)
    return _panel(
        f"{name} by block",
        "Each block is predicted by models that were trained on the rows before it; the last block "
        "is the holdout.",
        (line,),
        Axes(_wide(line.x), _at_least(_wide(line.y)), "block", name, x_step=1.0),
    )


def _lines(title: str, text: str, lines: tuple[Line, ...], y_name: str) -> Html | None:
    if not lines:
        return None
    highest = max(value for line in lines for value in line.y)
    lowest = min(value for line in lines for value in line.y)
    axes = Axes((0.0, 1.0), _wide((min(lowest, 0.0), highest)), _ROWS, y_name)
    return _panel(title, text, lines, axes)


def _panel(title: str, text: str, lines: tuple[Line, ...], axes: Axes) -> Html:
    keys = (
        tag("span", tag("i", class_=f"key s{i % 8}"), line.name) for i, line in enumerate(lines)
    )
    return tag(
        "figure",
        tag("h3", title),
        axes.draw(
            *(charts.curve(axes, line, i) for i, line in enumerate(lines)),
            description=f"{title}: {axes.y_name} by {axes.x_name}",
        ),
        tag("p", *keys, class_="legend") if len(lines) > 1 else None,
        tag("figcaption", text),
    )


def _settings(study: DriftPolicy) -> Html | None:
    if len(study.settings) < 2:  # nothing to compare with
        return None
    rows = [
        tag(
            "tr",
            tag("td", each.name),
            tag("td", number(each.loss), class_="n"),
            tag("td", f"{number(each.gain)} ± {number(each.error)}", class_="n"),
        )
        for each in study.settings
    ]
    head = tag(
        "tr",
        tag("th", "a plain model trained on"),
        tag("th", "loss on the rows that followed", class_="n"),
        tag("th", "better by, ± standard error", class_="n"),
    )
    return tag("div", tag("table", head, *rows), class_="wide")


def _target_name(report: TableReport) -> str:
    task = report.asked.task
    if task == "binary":
        return f"share of “{report.asked.classes[1]}”"
    return "share of the class" if task == "multiclass" else "mean"


def _target_text(report: TableReport) -> str:
    blocks = report.over_time.blocks if report.over_time is not None else ()
    last = blocks[-1] if blocks else None
    if last is None or last.observed is None or last.predicted is None:
        return "How often each class is seen."
    if report.asked.task == "binary":
        observed, predicted = percent(last.observed), percent(last.predicted)
    else:
        observed, predicted = number(last.observed), number(last.predicted)
    return f"On the holdout rows it is {observed}, and {predicted} was predicted."


def _wide(values: tuple[float, ...]) -> tuple[float, float]:
    """The span of values, with some space at both ends."""
    low, high = min(values), max(values)
    space = 0.06 * (high - low) or 0.5
    return (low if low == 0.0 else low - space), high + space


def _at_least(span: tuple[float, float]) -> tuple[float, float]:
    """A span, widened to a tenth of its middle where it is less: noise must not look like a trend.

    >>> _at_least((0.0, 1.0)), _at_least((0.99, 1.01))
    ((0.0, 1.0), (0.95, 1.05))
    """
    middle = (span[0] + span[1]) / 2
    half = max((span[1] - span[0]) / 2, _LEAST_SPAN * abs(middle) / 2)
    return middle - half, middle + half
