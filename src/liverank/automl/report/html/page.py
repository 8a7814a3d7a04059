"""The whole page: one file with its style and pictures in it, and no script.

Invariant: the page loads nothing from a network, and forbids the browser to do so.
"""

from importlib.resources import files

from liverank.automl.report.html import (
    details,
    explanation,
    over_time,
    overview,
    rankings,
    validation,
)
from liverank.automl.report.reports import RankingReport, SearchReport, TableReport
from liverank.markup import Html, whole_page


def render_report(report: TableReport | RankingReport) -> str:
    """The report as an HTML page."""
    parts = _of_table(report) if isinstance(report, TableReport) else _of_rankings(report)
    title = f"{report.asked.target} · liverank model report"
    style = (files("liverank.automl.report.html") / "style.css").read_text(encoding="utf-8")
    return whole_page(title, style, *_top(report), *parts)


def _top(report: SearchReport) -> tuple[Html | None, ...]:
    return (
        overview.head(report),
        overview.cards(report),
        overview.warnings(report),
    )


def _of_table(report: TableReport) -> tuple[Html | None, ...]:
    return (
        validation.split(report),
        validation.figures(report),
        validation.curves(report),
        over_time.over_time(report),
        explanation.permutation_importance(report),
        explanation.slices(report),
        details.leaderboard(report),
        details.columns(report),
        details.reproduce(report),
    )


def _of_rankings(report: RankingReport) -> tuple[Html | None, ...]:
    return (
        rankings.comparison(report),
        validation.split(report),
        validation.figures(report),
        validation.curves(report),
        explanation.gain_importance(report),
        explanation.slices(report),
        rankings.position(report),
        rankings.labels(report),
        details.leaderboard(report),
        rankings.features(report),
        details.reproduce(report),
    )
