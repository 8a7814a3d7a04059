"""The whole page: one file with its style and pictures in it, and no script.

Invariant: the page asks nothing of a network, and says so to the browser.
"""

from importlib.resources import files

from liverank.automl.html import belief, reasons, record, verdict
from liverank.automl.table_report import TableReport
from liverank.markup import whole_page


def render_report(report: TableReport) -> str:
    """The report as an HTML page."""
    title = f"{report.asked.target} · liverank model report"
    style = (files("liverank.automl.html") / "style.css").read_text(encoding="utf-8")
    return whole_page(
        title,
        style,
        verdict.head(report),
        verdict.cards(report),
        verdict.warnings(report),
        belief.split(report),
        belief.claims(report),
        belief.curves(report),
        reasons.importance(report),
        reasons.slices(report),
        record.tried(report),
        record.columns(report),
        record.again(report),
    )
