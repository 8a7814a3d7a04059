"""The whole page: one file with its style and pictures in it, and no script.

Invariant: the page asks nothing of a network, and says so to the browser.
"""

from importlib.resources import files

from liverank.automl.html import belief, reasons, record, verdict
from liverank.automl.table_report import TableReport
from liverank.markup import Html, joined, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if a name got through unescaped, a browser would run and load nothing."""


def render_report(report: TableReport) -> str:
    """The report as an HTML page."""
    title = f"{report.asked.target} · liverank model report"
    style = (files("liverank.automl.html") / "style.css").read_text(encoding="utf-8")
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title),
            tag("style", Html(style)),
        ),
        tag(
            "body",
            tag(
                "main",
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
            ),
        ),
        lang="en",
    )
    return joined(Html("<!doctype html>\n"), page, "\n")
