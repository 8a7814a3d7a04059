"""Why to believe it: which rows judged, what was claimed and what came, and the curves."""

from liverank.automl.report.html import charts
from liverank.automl.report.html.charts import Axes
from liverank.automl.report.html.metric_names import better_by, figure_of, in_text, written
from liverank.automl.report.html.numbers import day, number, percent
from liverank.automl.report.table_schema import Bin, Block, Line, TableReport
from liverank.markup import Html, joined, tag, worded

_SHARES = (0.0, 1.0)
_PURPOSES = {
    "fit": ("train", "Models learn from these."),
    "choose": ("choose", "These choose between models."),
    "judge": ("judge", "These only judge: no model learned from them or was chosen by them."),
}


def split(report: TableReport) -> Html:
    """Which rows were for what, as a bar."""
    total = sum(block.rows for block in report.split.blocks) or 1
    return tag(
        "section",
        tag("h2", "Why to believe it"),
        tag("p", worded(f"Rows are divided {report.split.reason}.")),
        tag(
            "div",
            *(
                tag(
                    "div",
                    tag("b", _PURPOSES[block.name][0]),
                    f" {block.rows:,}",
                    class_=f"block {block.name}",
                    style=f"flex:{max(block.rows / total, 0.16):.3f}",
                    title=_PURPOSES[block.name][1],
                )
                for block in report.split.blocks
            ),
            class_="blocks",
        ),
        tag("ul", *(_block_line(report, block) for block in report.split.blocks), class_="plain"),
    )


def claims(report: TableReport) -> Html:
    """Figures on rows that judge, beside the average's, the teacher's and the test table's."""
    served = report.served
    columns: list[tuple[str, dict[str, float | None]]] = [("rows held out", report.validation)]
    if report.test is not None:
        rows = "" if report.test_rows is None else f", {report.test_rows:,} rows"
        columns.append((f"test table{rows}", report.test))
    if report.baseline:
        columns.append(("the average alone", report.baseline))
    if served.teacher is not None:
        columns.append(("the blend that taught it", served.teacher))
    names = dict.fromkeys(name for _, figures in columns for name in figures)
    notes = []
    name = report.asked.objective
    if report.test is not None:
        off = better_by(name, report.validation.get(name), report.test.get(name))
        if off is not None:
            verdict = "as claimed" if abs(off) <= 0.1 else "not what was claimed"
            notes.append(
                f"{figure_of(name).name} claimed before and seen later differ by "
                f"{percent(abs(off))}: {verdict}."
            )
    if report.drift is not None and not report.drift.differs:
        loss = report.drift.figure
        notes.append(
            f"No sign of drift: a plain model's {in_text(loss)} is "
            f"{written(loss, report.drift.shuffled)} on shuffled rows and "
            f"{written(loss, report.drift.chronological)} on later ones, within noise."
        )
    return tag(
        "div",
        tag(
            "table",
            tag("tr", tag("th", ""), *(tag("th", title, class_="n") for title, _ in columns)),
            *(
                tag(
                    "tr",
                    tag("td", tag("b", figure_of(key).name), tag("small", figure_of(key).says)),
                    *(tag("td", written(key, f.get(key)), class_="n") for _, f in columns),
                )
                for key in names
            ),
        ),
        *(tag("p", note) for note in notes),
        class_="wide",
    )


def curves(report: TableReport) -> Html | None:
    """The curves of the task, each with a line on how to read it."""
    drawn = report.curves
    shown: list[Html] = []
    if drawn.gains:
        shown += _of_classes(report)
    if drawn.calibration:
        shown.append(_calibration(report, drawn.calibration))
    if drawn.scatter is not None:
        span = _span([*drawn.scatter.x, *drawn.scatter.y])
        axes = Axes(span, span, "predicted", "actual")
        shown.append(
            _panel(
                "Predicted and actual",
                "A dot a row; on the dashed line the model is right.",
                axes.draw(
                    charts.guide(axes, (span[0], span[0]), (span[1], span[1])),
                    charts.dots(axes, drawn.scatter),
                    told="predicted against actual values",
                ),
            )
        )
    if drawn.residuals is not None and any(drawn.residuals.counts):
        edges, counts = drawn.residuals.edges, drawn.residuals.counts
        axes = Axes((edges[0], edges[-1]), (0.0, max(counts) * 1.05), "actual - predicted", "rows")
        shown.append(
            _panel(
                "Errors",
                "Most should be near 0, and as many above as below.",
                axes.draw(
                    charts.bars(axes, drawn.residuals),
                    charts.guide(axes, (0.0, 0.0), (0.0, max(counts) * 1.05)),
                    told="how many rows have which error",
                ),
            )
        )
    if len(drawn.confusion) > 2:
        shown.append(_confusion(report))
    if not shown:
        return None
    square = len(shown) - (len(drawn.confusion) > 2)
    return tag("section", *shown, class_="charts" if square % 2 else "charts pairs")


def _of_classes(report: TableReport) -> list[Html]:
    drawn = report.curves
    positives = drawn.gains[0]
    several = len(drawn.gains) > 1
    axes = Axes(_SHARES, _SHARES, "false positives", "true positives found")
    recall = Axes(_SHARES, _SHARES, "positives found (recall)", "of those called (precision)")
    reach = Axes(_SHARES, _SHARES, "rows, likeliest first", "positives found")
    legend = _legend(drawn.roc) if several else None
    at_10 = _at(positives, 0.1)
    return [
        _panel(
            "ROC",
            "The further up and left, the better; the dashed line is chance.",
            axes.draw(
                charts.guide(axes, (0, 0), (1, 1)),
                *([] if several else [charts.area(axes, drawn.roc[0])]),
                *(charts.curve(axes, line, place) for place, line in enumerate(drawn.roc)),
                told="receiver operating characteristic",
            ),
            legend,
        ),
        _panel(
            "Precision and recall",
            "How many of the rows called are right, the more of the positives are to be found.",
            recall.draw(
                *([] if several else [charts.area(recall, drawn.pr[0])]),
                *(charts.curve(recall, line, place) for place, line in enumerate(drawn.pr)),
                told="precision at each recall",
            ),
            legend,
        ),
        _panel(
            "Lift",
            "Each class, likeliest rows first: how much of it is found."
            if several
            else f"The likeliest tenth of the rows holds {percent(at_10)} of “{positives.name}”, "
            f"{number(at_10 / 0.1, 2)} times its share.",
            reach.draw(
                charts.guide(reach, (0, 0), (1, 1)),
                *([] if several else [charts.area(reach, positives)]),
                *(charts.curve(reach, line, place) for place, line in enumerate(drawn.gains)),
                told="share of positives among the likeliest rows",
            ),
            legend,
        ),
    ]


def _calibration(report: TableReport, parts: tuple[Bin, ...]) -> Html:
    if report.asked.task == "regression":
        span = _span([value for p in parts for value in (p.predicted, p.low, p.high)])
        said = "Rows of alike predictions: what was said, and what came on average."
    else:
        span = _SHARES
        said = "When it says 30 %, it should happen in 30 of 100 cases: dots on the dashed line."
    axes = Axes(span, span, "said", "happened")
    drawn = axes.draw(
        charts.guide(axes, (span[0], span[0]), (span[1], span[1])),
        charts.bins(axes, parts),
        told="what was said against what happened",
    )
    return _panel("Calibration", said, drawn)


def _confusion(report: TableReport) -> Html:
    table, classes = report.curves.confusion, report.asked.classes
    rows = []
    for name, counts in zip(classes, table, strict=True):
        total = sum(counts) or 1.0
        cells = [
            tag("td", f"{n:,.0f}" if n else "", class_="n", style=f"--share:{n / total:.2f}")
            for n in counts
        ]
        rows.append(tag("tr", tag("th", name), *cells))
    head = tag("tr", tag("th", "is \\ called"), *(tag("th", c, class_="n") for c in classes))
    grid = tag("div", tag("table", head, *rows, class_="confusion"), class_="wide")
    said = "Rows of each class, and what they were called."
    return _panel("Confusion", said, grid, class_="broad")


def _panel(
    title: str, said: str, drawn: Html, legend: Html | None = None, class_: str | None = None
) -> Html:
    return tag("figure", tag("h3", title), drawn, legend, tag("figcaption", said), class_=class_)


def _legend(lines: tuple[Line, ...]) -> Html:
    keys = (
        tag("span", tag("i", class_=f"key s{place % 8}"), line.name)
        for place, line in enumerate(lines)
    )
    return tag("p", *keys, class_="legend")


def _block_line(report: TableReport, block: Block) -> Html:
    mean = ""
    if block.mean is not None:
        binary = report.asked.task == "binary"
        mean = (
            f", “{report.asked.classes[1]}” in {percent(block.mean)}"
            if binary
            else f", mean {number(block.mean)}"
        )
    dates = "" if block.from_ms is None else f", {day(block.from_ms)} to {day(block.to_ms)}"
    purpose = _PURPOSES[block.name]
    text = f"{block.rows:,} rows{dates}{mean}. {purpose[1]}"
    return tag("li", joined(tag("b", purpose[0]), ": ", text))


def _at(line: Line, x: float) -> float:
    """The height of a rising line at a place."""
    for place in range(1, len(line.x)):
        if line.x[place] >= x:
            x0, x1, y0, y1 = line.x[place - 1], line.x[place], line.y[place - 1], line.y[place]
            return y0 + (y1 - y0) * ((x - x0) / (x1 - x0) if x1 > x0 else 1.0)
    return line.y[-1]


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)
