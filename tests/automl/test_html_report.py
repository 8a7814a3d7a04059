"""The HTML report: it says what the data says, it is well formed, and it lets nothing in or out."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from made_up_reports import made_up_report
from msgspec.structs import replace

from liverank.automl.report.html.charts import ticks
from liverank.automl.report.html.numbers import number
from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import decode_ranking_report, decode_report, encode_report
from liverank.automl.report.schema import Curves
from liverank.markup import joined, tag

NASTY = '</td><script>alert("x")</script>&<b>`"\''
OLD_BUNDLES = Path(__file__).parents[1] / "bundle/old_bundles"
TASKS = ("binary", "multiclass", "regression")


class Reader(HTMLParser):
    """Reads a page, checks that elements close in order, and keeps tags and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.links = [], [], "", []

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.links += [v for k, v in attributes if k in ("href", "src", "xlink:href", "action")]
        assert not [k for k, _ in attributes if k.startswith("on")]
        if name != "meta":
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.tags.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("task", TASKS)
def test_a_page_is_well_formed_and_tells_the_story_of_its_task(task):
    page = render_report(made_up_report(task))
    reader = read(page)
    for heading in ("Predicting churned", "Validation", "Leaderboard", "Reproduce"):
        assert heading in reader.text
    assert "lightgbm" in reader.text
    assert {"binary": "Lift", "multiclass": "Confusion", "regression": "Errors"}[task] in page
    assert "closing fee" in reader.text
    assert "No warnings" not in reader.text
    assert not re.search(r"\bnan\b|\binf\b", page.lower())


@pytest.mark.parametrize("task", TASKS)
def test_names_and_values_of_columns_are_shown_and_never_become_markup(task):
    tame = read(render_report(made_up_report(task)))
    reader = read(render_report(made_up_report(task, target=NASTY, column=NASTY)))
    assert reader.tags == tame.tags
    assert reader.text.count(NASTY) >= 2
    assert "script" not in reader.tags


@pytest.mark.parametrize("task", TASKS)
def test_a_page_asks_nothing_of_a_network(task):
    page = render_report(made_up_report(task))
    assert read(page).links == []
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert len(page) < 200_000


def test_names_of_features_and_labels_of_a_ranking_report_never_become_markup():
    old = json.loads((OLD_BUNDLES / "ranking/report.json").read_text(encoding="utf-8"))
    report = decode_ranking_report(json.dumps(old).encode())
    nasty = replace(
        report,
        asked=replace(report.asked, target=NASTY),
        importance={NASTY: 1.0},
        used_features=(NASTY,),
        dropped_features={NASTY: NASTY},
        heads={NASTY: report.heads["stay"]},
        notes=(NASTY,),
    )
    reader = read(render_report(nasty))
    assert reader.text.count(NASTY) >= 5
    assert "script" not in reader.tags
    assert reader.links == []


def test_a_report_with_little_in_it_is_a_page_too():
    full = made_up_report("binary", warned=False)
    bare = replace(
        full, curves=Curves(), slices=(), importance=(), test=None, baseline={}, intervals={},
        leaderboard=full.leaderboard[:1], ensemble=None, calibration=None, drift=None, skipped={},
        held_out={"log_loss": None, "auc": 0.7},
        served=replace(full.served, teacher=None),
    )  # fmt: skip
    reader = read(render_report(bare))
    assert "No warnings" in reader.text
    assert "1 model of 1 family tried" in reader.text


def test_a_model_that_is_worse_than_the_average_is_called_so():
    report = made_up_report("binary")
    worse = replace(report, baseline={"log_loss": 0.2})
    assert "do not use it" in read(render_report(worse)).text


@pytest.mark.parametrize("task", TASKS)
def test_a_report_is_json_and_comes_back_equal(task):
    report = made_up_report(task)
    assert decode_report(encode_report(report)) == report


def test_figures_have_few_digits_and_the_unknown_a_dash():
    assert [number(value) for value in (0.0, 1.0, 99.951, 100.0, 1e-9, float("nan"))] == [
        "0", "1.00", "100.0", "100", "1e-09", "-",
    ]  # fmt: skip


def test_only_text_that_is_markup_already_stays_as_it_is():
    assert joined(tag("b", "<"), "<b>") == "<b>&lt;</b>&lt;b&gt;"
    assert tag("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'


@pytest.mark.parametrize("span", [(0.0, 1.0), (-3.0, 17.0), (1e6, 1.01e6), (0.0, 1e-6)])
def test_ticks_lie_within_their_span_and_are_as_many_as_one_can_read(span):
    found = ticks(*span)
    assert 3 <= len(found) <= 8
    assert all(span[0] <= value <= span[1] for value in found)
    assert len({round(b - a, 15) for a, b in pairwise(found)}) <= 3
