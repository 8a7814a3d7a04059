"""The page of a letter: one file, which prints on one sheet, without script and network."""

from importlib.resources import files

from liverank.autopilot.letter.chart import course_chart
from liverank.autopilot.letter.letter import Letter
from liverank.autopilot.letter.sections import (
    Figure,
    Row,
    experiments_in_words,
    figures_of,
    how_measured,
    released_rows,
    released_summary,
    trouble_rows,
    troubles_left_out,
    volume_rows,
)
from liverank.autopilot.letter.words import dates_words, label_words
from liverank.markup import Html, tag, whole_page, worded

_NO_BREAK = "\N{NO-BREAK SPACE}"


def render_html(letter: Letter) -> str:
    """The letter as an HTML page; the same letter gives the same bytes."""
    style = (files("liverank.autopilot.letter") / "style.css").read_text(encoding="utf-8")
    page = whole_page(
        f"liverank: {letter.title}",
        style,
        tag(
            "p",
            tag("b", letter.title),
            f" · {dates_words(letter.from_ms, letter.to_ms)} (UTC)",
            class_="kicker",
        ),
        tag("h1", worded(letter.headline)),
        _value(letter),
        _changed(letter),
        _released(letter),
        _wrong(letter),
        _look_at(letter),
        tag(
            "footer",
            "Written by liverank from its log. Intervals hold with 95 % for one number of one "
            "week; over a year of letters, two or three of them miss by chance.",
        ),
    )
    return page.replace(" %", f"{_NO_BREAK}%")


def _value(letter: Letter) -> Html:
    figures = figures_of(letter)
    chart = course_chart(letter.value.course, label_words(letter.label))
    return tag(
        "section",
        tag("div", *map(_figure, figures), class_="numbers") if figures else None,
        *(tag("p", worded(text), class_="soft") for text in how_measured(letter)),
        *(tag("p", worded(text)) for text in experiments_in_words(letter)),
        None
        if chart is None
        else tag(
            "figure",
            tag(
                "figcaption",
                f"Change of {label_words(letter.label)} per item seen against “most popular”, "
                "by week, with 95 % intervals",
            ),
            chart,
        ),
    )


def _figure(figure: Figure) -> Html:
    is_unknown = figure.value == "unknown"
    return tag(
        "div",
        tag("b", figure.value, class_="unknown" if is_unknown else None),
        tag("span", figure.name),
        *(tag("small", note) for note in figure.notes),
        class_=figure.tone,
    )


def _changed(letter: Letter) -> Html:
    rows = [
        tag("tr", tag("td", name), tag("td", now, class_="n"), tag("td", change, class_="c"))
        for name, now, change in volume_rows(letter)
    ]
    return tag(
        "section",
        tag("h2", "What changed against the week before"),
        tag("table", *rows) if rows else tag("p", "Unknown, because the log has no events of it."),
    )


def _released(letter: Letter) -> Html:
    rows = released_rows(letter)
    return tag(
        "section",
        tag("h2", "What was released, and what was not"),
        tag("p", released_summary(letter)),
        tag("table", *map(_row, rows)) if rows else None,
    )


def _wrong(letter: Letter) -> Html:
    rows, more = trouble_rows(letter), troubles_left_out(letter)
    return tag(
        "section",
        tag("h2", "What went wrong"),
        tag("table", *map(_trouble, rows)) if rows else tag("p", "Nothing."),
        tag("p", worded(more), class_="soft") if more else None,
    )


def _row(row: Row) -> Html:
    return tag(
        "tr",
        tag("td", row.when, class_="when"),
        tag("td", row.what, class_=f"what {row.tone}".strip()),
        tag("td", worded(row.why)),
    )


def _trouble(row: Row) -> Html:
    return tag(
        "tr",
        tag("td", row.when, class_="when"),
        tag("td", worded(row.what), tag("small", row.why)),
    )


def _look_at(letter: Letter) -> Html:
    items = [
        tag("li", tag("b", worded(one.what)), tag("p", worded(one.next_step)))
        for one in letter.advice
    ]
    return tag(
        "section",
        tag("h2", "What to look at"),
        tag("ol", *items) if items else tag("p", "Nothing."),
    )
