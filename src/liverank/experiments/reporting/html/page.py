"""The whole page: one file with its style and pictures in it, and no script.

Invariant: the page asks nothing of a network, and says so to the browser.
"""

from importlib.resources import files

from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.html import evidence, record, verdict
from liverank.markup import Html, joined, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if a name got through unescaped, a browser would run and load nothing."""


def render_report(report: Report) -> str:
    """The report as an HTML page."""
    style = (files("liverank.experiments.reporting.html") / "style.css").read_text(encoding="utf-8")
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", f"{report.experiment} · liverank experiment report"),
            tag("style", Html(style)),
        ),
        tag(
            "body",
            tag(
                "main",
                verdict.head(report),
                verdict.cards(report),
                evidence.over_time(report),
                evidence.metrics(report),
                record.split(report),
                evidence.novelty(report),
                record.segments(report),
                record.holdout(report),
                record.how(report),
            ),
        ),
        lang="en",
    )
    return joined(Html("<!doctype html>\n"), page, "\n")
