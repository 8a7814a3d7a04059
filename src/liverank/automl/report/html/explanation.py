"""What the model goes by, and for which rows it does well or badly."""

from itertools import groupby

from liverank.automl.report.html import charts
from liverank.automl.report.html.metric_names import written
from liverank.automl.report.html.numbers import number, percent
from liverank.automl.report.table_schema import Slice, TableReport
from liverank.markup import Html, tag

_MOST_COLUMNS = 15
_MOST_SLICED = 6


def importance(report: TableReport) -> Html | None:
    """Bars of what is lost when a column is shuffled."""
    if not report.importance:
        return None
    shown = report.importance[:_MOST_COLUMNS]
    most = max((part.high for part in shown), default=0.0) or 1.0
    rows = [
        tag(
            "tr",
            tag("td", part.column, class_="name"),
            tag(
                "td",
                tag(
                    "div",
                    tag("i", style=f"width:{100 * max(part.rise, 0) / most:.1f}%"),
                    tag(
                        "u",
                        style=f"left:{100 * max(part.low, 0) / most:.1f}%;"
                        f"width:{100 * max(part.high - max(part.low, 0), 0) / most:.1f}%",
                    ),
                    class_="bar",
                ),
                class_="grow",
            ),
            tag("td", number(part.rise, 2), class_="n"),
        )
        for part in shown
    ]
    left = len(report.importance) - len(shown)
    loss = "RMSE" if report.asked.task == "regression" else "log-loss"
    return tag(
        "section",
        tag("h2", "What it goes by"),
        tag(
            "p",
            f"How much the {loss} of the judging rows would rise if a column were "
            "shuffled; the thin line is its 95 % interval. A column that stands in for another "
            "shares its weight."
            + (f" {left} more column{'s' * (left != 1)} matter less." if left else ""),
        ),
        tag("table", *rows, class_="bars"),
    )


def slices(report: TableReport) -> Html | None:
    """Parts of the rows, each with its loss beside that of all."""
    if not report.slices:
        return None
    loss = "RMSE" if report.asked.task == "regression" else "Log-loss"
    whole = _of_all(report)
    columns = list(dict.fromkeys(part.column for part in report.slices))[:_MOST_SLICED]
    shown = [part for part in report.slices if part.column in columns]
    low, high = min(part.low for part in shown), max(part.high for part in shown)
    span = min(low, whole), max(high, whole)
    tells = report.slices[0].observed is not None
    head = tag(
        "tr",
        tag("th", ""),
        tag("th", "rows", class_="n"),
        *([tag("th", "said", class_="n"), tag("th", "came", class_="n")] if tells else []),
        tag("th", loss, class_="n"),
        tag("th", f"95 %, beside all rows ({number(whole)})"),
    )
    body: list[Html] = []
    for column, parts in groupby(shown, key=lambda part: part.column):
        body.append(tag("tr", tag("th", column, colspan=6 if tells else 4), class_="group"))
        body += [_slice(report, part, span, whole) for part in parts]
    return tag(
        "section",
        tag("h2", "Where it does well, and where badly"),
        tag(
            "p",
            "Judging rows by the columns that matter most. Where the interval lies right of the "
            "dashed line the model is worse than it usually is.",
        ),
        tag("div", tag("table", head, *body, class_="slices"), class_="wide"),
    )


def _slice(report: TableReport, part: Slice, span: tuple[float, float], whole: float) -> Html:
    write = percent if report.asked.task == "binary" else number
    told = [part.predicted, part.observed] if part.observed is not None else []
    verdict = "worse" if part.low > whole else "better" if part.high < whole else None
    return tag(
        "tr",
        tag("td", part.value, class_="name"),
        tag("td", f"{part.rows:,}", class_="n"),
        *(tag("td", write(value), class_="n") for value in told),
        tag("td", written("log_loss", part.loss), class_="n"),
        tag("td", charts.interval(part.low, part.loss, part.high, span, whole), class_="grow"),
        class_=verdict,
    )


def _of_all(report: TableReport) -> float:
    """The loss of all judging rows: as reported, else from the slices of the first column."""
    name = "rmse" if report.asked.task == "regression" else "log_loss"
    known = report.validation.get(name)
    if known is not None:
        return known
    first = [s for s in report.slices if s.column == report.slices[0].column]
    power = 2 if report.asked.task == "regression" else 1
    mean = sum(s.rows * s.loss**power for s in first) / sum(s.rows for s in first)
    return float(mean ** (1 / power))
