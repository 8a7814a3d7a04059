"""Sections of ranking reports only: the comparison with heuristics, positions, other labels."""

from liverank.automl.report.comparison import Comparison
from liverank.automl.report.html import charts
from liverank.automl.report.html.charts import Axes
from liverank.automl.report.html.numbers import number
from liverank.automl.report.reports import RankingReport
from liverank.automl.report.schema import Line
from liverank.markup import Html, tag, worded

_METRICS = {"ndcg@10": "NDCG@10", "list_auc": "AUC within lists"}
_MODEL = "model"


def comparison(report: RankingReport) -> Html | None:
    """The model and the heuristics, ranked by NDCG@10."""
    against = report.against
    if against is None:
        return None
    reason = f"{against.reason[:1].upper()}{against.reason[1:].rstrip('.')}."
    wider = against.wider
    return tag(
        "section",
        tag("h2", "Comparison with heuristics"),
        tag(
            "p",
            "Lists of the holdout rows, ranked by each method as if every item stood first. ",
            worded(reason),
        ),
        tag("div", _table(against), class_="wide") if against.methods else None,
        tag("h3", "Validation and holdout lists together") if wider is not None else None,
        tag("div", _table(wider), class_="wide") if wider is not None else None,
    )


def _table(against: Comparison) -> Html:
    ranked = sorted(against.methods.items(), key=lambda pair: -(pair[1].get("ndcg@10") or 0.0))
    head = tag("tr", tag("th", "method"), *(tag("th", m, class_="n") for m in _METRICS.values()))
    rows = [
        tag(
            "tr",
            tag("td", tag("b", name) if name == _MODEL else name),
            *(tag("td", _decimals(figures.get(metric)), class_="n") for metric in _METRICS),
            class_="chosen" if name == _MODEL else None,
        )
        for name, figures in ranked
    ]
    for metric, title in _METRICS.items():
        gain = against.differences.get(metric)
        if gain is not None and gain.value is not None:
            interval = ""
            if gain.low is not None and gain.high is not None:
                interval = f" (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
            text = f"{title}: model minus {against.best_heuristic} {gain.value:+.4f}{interval}"
            rows.append(tag("tr", tag("td", text, colspan=3, class_="soft")))
    return tag("table", head, *rows)


def labels(report: RankingReport) -> Html | None:
    """The figures of the further labels."""
    if not report.heads:
        return None
    head = tag(
        "tr",
        *(
            tag("th", title, class_="n" if i else None)
            for i, title in enumerate(("label", "rows", "log-loss", "baseline", "AUC"))
        ),
    )
    rows = [
        tag(
            "tr",
            tag("td", name),
            tag("td", f"{each.data.rows:,}", class_="n"),
            tag("td", number(each.held_out.get("log_loss"), 4), class_="n"),
            tag("td", number(each.baseline.get("log_loss"), 4), class_="n"),
            tag("td", _decimals(each.held_out.get("auc")), class_="n"),
        )
        for name, each in report.heads.items()
    ]
    return tag(
        "section",
        tag("h2", "Further labels"),
        tag("p", "Models of the other labels of the config, which read the same features."),
        tag("div", tag("table", head, *rows), class_="wide"),
    )


def position(report: RankingReport) -> Html | None:
    """The curve of the position effect."""
    effect = report.position
    if effect is None or len(effect.log_odds) < 2:
        return None
    count = len(effect.log_odds)
    low, high = min(0.0, *effect.log_odds), max(0.0, *effect.log_odds)
    axes = Axes((1.0, float(count)), (low, high), "position in the list", "log-odds")
    line = Line(name="position", x=tuple(float(i + 1) for i in range(count)), y=effect.log_odds)
    drawn = axes.draw(
        charts.guide(axes, (1.0, 0.0), (float(count), 0.0)),
        charts.curve(axes, line),
        description="log-odds of a success by position, relative to the first",
    )
    how = effect.method.replace("_", " ")
    return tag(
        "section",
        tag("h2", "Position effect"),
        tag(
            "p",
            "How the position in a list changes the log-odds of a success, relative to the first "
            f"position, estimated by {how} from {effect.rows:,} rows. Training corrects for it.",
        ),
        tag("div", tag("figure", drawn), class_="charts single"),
    )


def features(report: RankingReport) -> Html:
    """The features that the model reads, and those left out with the reason."""
    rows = [
        *(tag("tr", tag("td", name, class_="name"), tag("td", "used")) for name in _used(report)),
        *(
            tag("tr", tag("td", name, class_="name"), tag("td", reason))
            for name, reason in report.dropped_features.items()
        ),
    ]
    return tag(
        "section",
        tag("h2", "Features"),
        *(tag("p", worded(f"{note[:1].upper()}{note[1:]}.")) for note in report.notes),
        tag(
            "details",
            tag(
                "summary",
                f"{len(report.used_features)} features used, {len(report.dropped_features)} "
                "left out",
            ),
            tag("div", tag("table", *rows), class_="wide"),
        ),
    )


def _used(report: RankingReport) -> list[str]:
    """Features used, the most important first."""
    order = {name: i for i, name in enumerate(report.importance)}
    return sorted(report.used_features, key=lambda name: order.get(name, len(order)))


def _decimals(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
