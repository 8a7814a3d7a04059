"""The page of a report: whole, plain, and safe to open."""

import re
from functools import cache
from html.parser import HTMLParser

import msgspec
import pytest
from experiment_logs import START, World, log_of

from liverank.config import parse_config
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.html.page import render_report
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import report_input_of

TEXT = """
[label]
interaction = "join"
[users.fields]
country = "category"
[experiments.tab]
days = 8
start = 2027-01-01T00:00:00Z
guardrails = ["hides"]
[experiments.tab.variants]
popular = { rank = "popular" }
model = { rank = "model" }
[metrics.hides]
kind = "mean"
interaction = "hide"
direction = "down"
"""
VOID = {"meta", "line", "circle", "polyline", "polygon"}


@cache
def found(days: float = 8) -> Report:
    world = World(users=1500, days=8, lift=0.3, holdout=0.1, arrivals=0.5)
    now_ms = int(START + days * DAY_MS)
    request = report_input_of(parse_config(TEXT), "tab", now_ms=now_ms, listed=False)
    return report_of(request, [log_of(world).select(request.wanted().columns)])


class Outline(HTMLParser):
    """Checks that elements close in turn, and keeps the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data
            if self.open[-1] == "h2":
                self.headings.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_tells_the_decision_first_and_then_all_it_rests_on() -> None:
    report = found()
    told = outline(render_report(report))
    rest = report.decision.sentence.partition(": ")[2]
    assert rest in told.text
    assert told.text.index(rest) < told.text.index("The effect over time")
    assert told.headings == [
        "The effect over time",
        "Each metric",
        "Are the users split as they should be?",
        "Does the effect last?",
        "Segments",
        "Holdout",
        "How it was computed",
    ]
    for metric in report.metrics:
        assert metric.name in told.text
        assert metric.description.replace("`", "") in told.text
    for line in (*report.notes, *report.how):
        assert line.replace("`", "") in told.text


def test_the_page_needs_no_network_and_no_script() -> None:
    page = render_report(found())
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "<script" not in page
    assert not re.search(r"https?:|url\(|@import|src=", page)


def test_names_from_outside_never_become_markup() -> None:
    report = found()
    odd = "<script>alert(1)</script>"
    changed = msgspec.structs.replace(
        report,
        experiment=odd,
        notes=(odd,),
        segments=tuple(msgspec.structs.replace(one, level=odd) for one in report.segments),
    )
    page = render_report(changed)
    assert odd not in page
    assert odd in outline(page).text


@pytest.mark.parametrize("days", [0.2, 1.2, 3])
def test_an_early_report_is_a_whole_page_too(days: float) -> None:
    told = outline(render_report(found(days)))
    assert "Wait" in told.text
    assert "How it was computed" in told.headings
    assert "nan" not in told.text


def test_the_same_report_is_the_same_page() -> None:
    copy = msgspec.json.decode(msgspec.json.encode(found(3)))
    assert copy["decision"]["action"] == "wait"
    assert render_report(found(3)) == render_report(found(3))


def test_the_effect_is_drawn_at_every_look() -> None:
    page = render_report(found())
    (line,) = re.findall(r'points="([^"]*)" class="line"', page)
    primary = next(one for one in found().metrics if one.role == "primary")
    assert len(line.split()) == len(primary.variants[0].looks)
    assert page.count('class="boundary"') == 2
