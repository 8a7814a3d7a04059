"""Feature importance, and the performance by slice."""

from itertools import groupby

from liverank.automl.report.html import charts
from liverank.automl.report.html.metric_names import written
from liverank.automl.report.html.numbers import number, percent
from liverank.automl.report.reports import RankingReport, SearchReport, TableReport
from liverank.automl.report.schema import Importance, Slice
from liverank.markup import Html, tag

_MOST_COLUMNS = 15
_MOST_SLICED = 6


def permutation_importance(report: TableReport) -> Html | None:
    """Bars of the rise of the loss when a column is shuffled, with intervals."""
    if not report.importance:
        return None
    shown = report.importance[:_MOST_COLUMNS]
    most = max((part.high for part in shown), default=0.0) or 1.0
    loss = "RMSE" if report.asked.task == "regression" else "log-loss"
    return _importance(
        f"How much the {loss} of the holdout rows rises when the values of a column are shuffled; "
        "the thin line is the 95 % interval. Columns that carry the same information share "
        "their importance.",
        [
            _bar(part.column, part.rise / most, number(part.rise, 2), _whisker(part, most))
            for part in shown
        ],
        left=len(report.importance) - len(shown),
    )


def gain_importance(report: RankingReport) -> Html | None:
    """Bars of the share of the training gain of each feature."""
    if not report.importance:
        return None
    shown = list(report.importance.items())[:_MOST_COLUMNS]
    most = shown[0][1] or 1.0
    return _importance(
        "Share of the improvement of the loss in training that came from splits on each feature. "
        "Features that carry the same information share their importance.",
        [_bar(name, share / most, percent(share)) for name, share in shown],
        left=len(report.importance) - len(shown),
    )


def _importance(text: str, rows: list[Html], *, left: int) -> Html:
    more = f" {left} more {'matter' if left > 1 else 'matters'} less." if left else ""
    return tag(
        "section",
        tag("h2", "Feature importance"),
        tag("p", text + more),
        tag("table", *rows, class_="bars"),
    )


def _bar(name: str, share: float, value: str, whisker: Html | None = None) -> Html:
    bar = tag("i", style=f"width:{100 * max(share, 0):.1f}%")
    return tag(
        "tr",
        tag("td", name, class_="name"),
        tag("td", tag("div", bar, whisker, class_="bar"), class_="grow"),
        tag("td", value, class_="n"),
    )


def _whisker(part: Importance, most: float) -> Html:
    low = max(part.low, 0)
    left, width = 100 * low / most, 100 * max(part.high - low, 0) / most
    return tag("u", style=f"left:{left:.1f}%;width:{width:.1f}%")


def slices(report: SearchReport) -> Html | None:
    """The loss of parts of the rows, compared with that of all."""
    if not report.slices:
        return None
    loss = "RMSE" if report.asked.task == "regression" else "Log-loss"
    whole = _whole_loss(report)
    columns = list(dict.fromkeys(part.column for part in report.slices))[:_MOST_SLICED]
    shown = [part for part in report.slices if part.column in columns]
    low, high = min(part.low for part in shown), max(part.high for part in shown)
    span = min(low, whole), max(high, whole)
    has_means = report.slices[0].observed is not None
    means = [tag("th", "predicted", class_="n"), tag("th", "observed", class_="n")]
    head = tag(
        "tr",
        tag("th", ""),
        tag("th", "rows", class_="n"),
        *(means if has_means else []),
        tag("th", loss, class_="n"),
        tag("th", f"95 % interval; dashed: all rows ({number(whole)})"),
    )
    body: list[Html] = []
    for column, parts in groupby(shown, key=lambda part: part.column):
        body.append(tag("tr", tag("th", column, colspan=6 if has_means else 4), class_="group"))
        body += [_slice(report, part, span, whole) for part in parts]
    return tag(
        "section",
        tag("h2", "Performance by slice"),
        tag(
            "p",
            "Holdout rows by the values of the most important columns. Where the interval is to "
            "the right of the dashed line, the model is worse than on average.",
        ),
        tag("div", tag("table", head, *body, class_="slices"), class_="wide"),
    )


def _slice(report: SearchReport, part: Slice, span: tuple[float, float], whole: float) -> Html:
    write = percent if report.asked.task == "binary" else number
    means = [part.predicted, part.observed] if part.observed is not None else []
    verdict = "worse" if part.low > whole else "better" if part.high < whole else None
    return tag(
        "tr",
        tag("td", part.value, class_="name"),
        tag("td", f"{part.rows:,}", class_="n"),
        *(tag("td", write(value), class_="n") for value in means),
        tag("td", written("log_loss", part.loss), class_="n"),
        tag("td", charts.interval(part.low, part.loss, part.high, span, whole), class_="grow"),
        class_=verdict,
    )


def _whole_loss(report: SearchReport) -> float:
    """The loss of all holdout rows: as reported, else from the slices of the first column."""
    name = "rmse" if report.asked.task == "regression" else "log_loss"
    known = report.held_out.get(name)
    if known is not None:
        return known
    first = [s for s in report.slices if s.column == report.slices[0].column]
    power = 2 if report.asked.task == "regression" else 1
    mean = sum(s.rows * s.loss**power for s in first) / sum(s.rows for s in first)
    return float(mean ** (1 / power))
