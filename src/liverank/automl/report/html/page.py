"""The whole page: one file with its style and pictures in it, and no script.

Invariant: the page asks nothing of a network, and says so to the browser.
"""

from importlib.resources import files

from liverank.automl.report.html import details, explanation, overview, validation
from liverank.automl.report.table_schema import TableReport
from liverank.markup import whole_page


def render_report(report: TableReport) -> str:
    """The report as an HTML page."""
    title = f"{report.asked.target} · liverank model report"
    style = (files("liverank.automl.report.html") / "style.css").read_text(encoding="utf-8")
    return whole_page(
        title,
        style,
        overview.head(report),
        overview.cards(report),
        overview.warnings(report),
        validation.split(report),
        validation.claims(report),
        validation.curves(report),
        explanation.importance(report),
        explanation.slices(report),
        details.tried(report),
        details.columns(report),
        details.again(report),
    )
