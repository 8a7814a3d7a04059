"""Validation: how rows were split, the figures next to the baseline, and the curves."""

from liverank.automl.report.html import charts
from liverank.automl.report.html.charts import Axes
from liverank.automl.report.html.metric_names import (
    better_by,
    in_text,
    meaning_of,
    title_of,
    written,
)
from liverank.automl.report.html.numbers import day, number, percent
from liverank.automl.report.reports import SearchReport, TableReport
from liverank.automl.report.schema import Bin, Block, Histogram, Line
from liverank.markup import Html, joined, tag, worded

_SHARES = (0.0, 1.0)
_PURPOSES = {
    "train": "Models are trained on these.",
    "validation": "Models are chosen and combined by their loss on these.",
    "holdout": "No model was trained on these or chosen by them.",
}


def split(report: SearchReport) -> Html:
    """The blocks of rows as a bar, and what each is for."""
    total = sum(block.rows for block in report.split.blocks) or 1
    return tag(
        "section",
        tag("h2", "Validation"),
        tag("p", worded(f"Rows are split {report.split.reason}.")),
        tag(
            "div",
            *(
                tag(
                    "div",
                    tag("b", block.name),
                    f" {block.rows:,}",
                    class_=f"block {block.name}",
                    style=f"flex:{max(block.rows / total, 0.16):.3f}",
                    title=_PURPOSES[block.name],
                )
                for block in report.split.blocks
            ),
            class_="blocks",
        ),
        tag("ul", *(_block_line(report, block) for block in report.split.blocks), class_="plain"),
    )


def figures(report: SearchReport) -> Html | None:
    """Figures on rows held out, next to those of the test table, the baseline and the teacher."""
    if not report.held_out:
        return None
    columns = _columns(report)
    names = dict.fromkeys(name for _, figures in columns for name in figures)
    return tag(
        "div",
        tag(
            "table",
            tag("tr", tag("th", ""), *(tag("th", title, class_="n") for title, _ in columns)),
            *(
                tag(
                    "tr",
                    tag("td", tag("b", title_of(key)), tag("small", meaning_of(key))),
                    *(tag("td", written(key, f.get(key)), class_="n") for _, f in columns),
                )
                for key in names
            ),
        ),
        *(tag("p", note) for note in _notes(report)),
        class_="wide",
    )


def _columns(report: SearchReport) -> list[tuple[str, dict[str, float | None]]]:
    """Titles and figures of the columns of the table of figures."""
    columns: list[tuple[str, dict[str, float | None]]] = [("rows held out", report.held_out)]
    if isinstance(report, TableReport) and report.test is not None:
        rows = "" if report.test_rows is None else f", {report.test_rows:,} rows"
        if report.test_unseen is not None:
            rows = f", {report.test_rows:,} of {report.test_unseen.of:,} rows"
        columns.append((f"test table{rows}", report.test))
    if report.baseline:
        columns.append(("constant baseline", report.baseline))
    if report.served is not None and report.served.teacher is not None:
        columns.append(("full ensemble", report.served.teacher))
    return columns


def _notes(report: SearchReport) -> list[str]:
    notes = []
    name, drift = report.asked.objective, report.drift
    if isinstance(report, TableReport) and report.asked.positive is not None:
        notes.append(
            f"The positive class is “{report.asked.positive}”: average precision, precision and "
            "recall are of it."
        )
    if isinstance(report, TableReport) and report.test is not None:
        off = better_by(name, report.held_out.get(name), report.test.get(name))
        if off is not None:
            verdict = "as expected" if abs(off) <= 0.1 else "more than expected"
            notes.append(
                f"{title_of(name)} on the test table differs from that on rows held out by "
                f"{percent(abs(off))}: {verdict}."
            )
    if drift is not None and not drift.differs:
        loss = drift.figure
        notes.append(
            f"No sign of drift: a plain model's {in_text(loss)} is "
            f"{written(loss, drift.shuffled)} on shuffled rows and "
            f"{written(loss, drift.chronological)} on later ones, within noise."
        )
    return notes


def curves(report: SearchReport) -> Html | None:
    """The curves of the task, each with a line on how to read it."""
    drawn = report.curves
    shown = _of_classes(report) if drawn.gains else []
    if drawn.calibration:
        shown.append(_calibration(report, drawn.calibration))
    if drawn.scatter is not None:
        shown.append(_scatter(drawn.scatter))
    if drawn.residuals is not None and any(drawn.residuals.counts):
        shown.append(_residuals(drawn.residuals))
    if len(drawn.confusion) > 2:
        shown.append(_confusion(report))
    if not shown:
        return None
    square = len(shown) - (len(drawn.confusion) > 2)
    return tag("section", *shown, class_="charts" if square % 2 else "charts pairs")


def _scatter(points: Line) -> Html:
    span = _span([*points.x, *points.y])
    axes = Axes(span, span, "predicted", "observed")
    drawn = axes.draw(
        charts.guide(axes, (span[0], span[0]), (span[1], span[1])),
        charts.dots(axes, points),
        description="predicted against observed values",
    )
    text = "A dot a row; on the dashed line the prediction is right."
    return _panel("Predicted and observed", text, drawn)


def _residuals(histogram: Histogram) -> Html:
    edges, top = histogram.edges, max(histogram.counts) * 1.05
    axes = Axes((edges[0], edges[-1]), (0.0, top), "observed - predicted", "rows")
    drawn = axes.draw(
        charts.bars(axes, histogram),
        charts.guide(axes, (0.0, 0.0), (0.0, top)),
        description="number of rows by error",
    )
    return _panel("Errors", "Most should be near 0, and as many above as below.", drawn)


def _of_classes(report: SearchReport) -> list[Html]:
    drawn = report.curves
    positives = drawn.gains[0]
    several = len(drawn.gains) > 1
    axes = Axes(_SHARES, _SHARES, "false positive rate", "true positive rate")
    recall = Axes(_SHARES, _SHARES, "recall", "precision")
    reach = Axes(_SHARES, _SHARES, "share of rows, highest first", "share of positives")
    legend = _legend(drawn.roc) if several else None
    at_10 = _at(positives, 0.1)
    return [
        _panel(
            "ROC",
            "The closer to the upper left corner, the better; the dashed line is chance.",
            axes.draw(
                charts.guide(axes, (0, 0), (1, 1)),
                *([] if several else [charts.area(axes, drawn.roc[0])]),
                *(charts.curve(axes, line, i) for i, line in enumerate(drawn.roc)),
                description="receiver operating characteristic",
            ),
            legend,
        ),
        _panel(
            "Precision and recall",
            "Share of the rows called positive that are positive, by the share of positives found.",
            recall.draw(
                *([] if several else [charts.area(recall, drawn.pr[0])]),
                *(charts.curve(recall, line, i) for i, line in enumerate(drawn.pr)),
                description="precision by recall",
            ),
            legend,
        ),
        _panel(
            "Lift",
            "Share of each class among the rows with the highest predictions for it."
            if several
            else f"The tenth of the rows with the highest predictions has {percent(at_10)} of the "
            f"positives, {number(at_10 / 0.1, 2)} times as many as chance.",
            reach.draw(
                charts.guide(reach, (0, 0), (1, 1)),
                *([] if several else [charts.area(reach, positives)]),
                *(charts.curve(reach, line, i) for i, line in enumerate(drawn.gains)),
                description="share of positives by share of rows",
            ),
            legend,
        ),
    ]


def _calibration(report: SearchReport, parts: tuple[Bin, ...]) -> Html:
    if report.asked.task == "regression":
        span = _span([value for p in parts for value in (p.predicted, p.low, p.high)])
        text = "Rows with similar predictions: mean prediction and mean observed value."
    else:
        span = _SHARES
        text = "Of rows predicted at 30 %, 30 of 100 should be positive: on the dashed line."
    axes = Axes(span, span, "predicted", "observed")
    drawn = axes.draw(
        charts.guide(axes, (span[0], span[0]), (span[1], span[1])),
        charts.bins(axes, parts),
        description="predicted against observed shares",
    )
    return _panel("Calibration", text, drawn)


def _confusion(report: SearchReport) -> Html:
    table, classes = report.curves.confusion, report.asked.classes
    rows = []
    for name, counts in zip(classes, table, strict=True):
        total = sum(counts) or 1.0
        cells = [
            tag("td", f"{n:,.0f}" if n else "", class_="n", style=f"--share:{n / total:.2f}")
            for n in counts
        ]
        rows.append(tag("tr", tag("th", name), *cells))
    head = tag(
        "tr", tag("th", "observed \\ predicted"), *(tag("th", c, class_="n") for c in classes)
    )
    grid = tag("div", tag("table", head, *rows, class_="confusion"), class_="wide")
    text = "Number of rows by observed and predicted class."
    return _panel("Confusion matrix", text, grid, class_="broad")


def _panel(
    title: str, text: str, drawn: Html, legend: Html | None = None, class_: str | None = None
) -> Html:
    return tag("figure", tag("h3", title), drawn, legend, tag("figcaption", text), class_=class_)


def _legend(lines: tuple[Line, ...]) -> Html:
    keys = (
        tag("span", tag("i", class_=f"key s{i % 8}"), line.name) for i, line in enumerate(lines)
    )
    return tag("p", *keys, class_="legend")


def _block_line(report: SearchReport, block: Block) -> Html:
    mean = ""
    if block.mean is not None:
        if not isinstance(report, TableReport):
            mean = f", {percent(block.mean)} successes"
        elif report.asked.task == "binary":
            mean = f", “{report.asked.classes[1]}” in {percent(block.mean)}"
        else:
            mean = f", mean {number(block.mean)}"
    dates = "" if block.from_ms is None else f", {day(block.from_ms)} to {day(block.to_ms)}"
    text = f"{block.rows:,} rows{dates}{mean}. {_PURPOSES[block.name]}"
    return tag("li", joined(tag("b", block.name), ": ", text))


def _at(line: Line, x: float) -> float:
    """The height of a rising line at ``x``, interpolated."""
    for i in range(1, len(line.x)):
        if line.x[i] >= x:
            x0, x1, y0, y1 = line.x[i - 1], line.x[i], line.y[i - 1], line.y[i]
            return y0 + (y1 - y0) * ((x - x0) / (x1 - x0) if x1 > x0 else 1.0)
    return line.y[-1]


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)
