"""Tables that scroll horizontally on narrow screens."""

from collections.abc import Sequence

from liverank.markup import Html, tag


def grid(
    heads: Sequence[str], rows: Sequence[Html], *, numbers: Sequence[int] = (), class_: str = "wide"
) -> Html:
    """A table; the columns in ``numbers`` are right-aligned."""
    named = [
        tag("th", name, class_="n" if column in numbers else None)
        for column, name in enumerate(heads)
    ]
    return tag("div", tag("table", tag("tr", *named), *rows), class_=class_)


def cell(text: str | None, *under: str | None, label: str | None = None) -> Html:
    """A cell with a number and small lines below; stacked tables (on phones) show ``label``."""
    lines = (tag("small", line) for line in under if line)
    return tag("td", text, *lines, class_="n", data_label=label)
