"""Renders the whole page: one file with inline style and pictures, and no script.

Invariant: the page makes no network requests, and its content policy forbids them.
"""

from importlib.resources import files

from liverank.markup import whole_page
from liverank.proof.page import cost, course, headline, learned, people, truth
from liverank.proof.page.facts import PageFacts

_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Space between a number and its percent sign."""


def render_page(facts: PageFacts) -> str:
    """The results of a proof as an HTML page."""
    house = (files("liverank.experiments.reporting.html") / "style.css").read_text(encoding="utf-8")
    own = (files("liverank.proof.page") / "style.css").read_text(encoding="utf-8")
    page = whole_page(
        "liverank: does a personal list beat “most popular”?",
        house + own,
        headline.head(facts),
        headline.cards(facts),
        people.lists(facts),
        course.over_time(facts),
        truth.to_gain(facts),
        truth.trust(facts),
        learned.learned(facts),
        cost.cost(facts),
        cost.go_on(facts),
    )
    return page.replace(" %", _NO_BREAK + "%")
