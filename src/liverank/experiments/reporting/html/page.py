"""Renders the whole page: one file with inline style and pictures, and no script.

Invariant: the page makes no network requests, and its content policy forbids them.
"""

from importlib.resources import files

from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.html import evidence, record, verdict
from liverank.markup import whole_page


def render_report(report: Report) -> str:
    """The report as an HTML page."""
    style = (files("liverank.experiments.reporting.html") / "style.css").read_text(encoding="utf-8")
    return whole_page(
        f"{report.experiment} · liverank experiment report",
        style,
        verdict.head(report),
        verdict.cards(report),
        evidence.over_time(report),
        evidence.metrics(report),
        record.split(report),
        evidence.novelty(report),
        record.segments(report),
        record.holdout(report),
        record.how(report),
    )
