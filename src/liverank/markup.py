"""HTML elements as Python calls.

Invariant: text enters a page only escaped, since names and values of columns are untrusted data.
"""

import re
from html import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Policy by which a browser runs and loads nothing, even if a name were not escaped."""


class Html(str):
    """Text that is already markup, and is not escaped again."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: object) -> Html:
    """An HTML element; children that are not ``Html`` are escaped, None and empty ones left out.

    ``class_`` becomes ``class``, other underscores become hyphens; attributes of None are left out.

    >>> tag("p", "a < b", tag("b", "!"), class_="loud", data_of=3)
    '<p class="loud" data-of="3">a &lt; b<b>!</b></p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in ("line", "rect", "circle", "path", "polyline", "polygon", "meta"):
        return Html(f"<{name}{written}/>" if name != "meta" else f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Html:
    """Elements and texts one after another.

    >>> joined("<", None, tag("i", "x"))
    '&lt;<i>x</i>'
    """
    return Html(
        "".join(c if isinstance(c, Html) else escape(str(c)) for c in children if c is not None)
    )


def whole_page(title: str, style: str, *parts: str | None) -> str:
    """An HTML page in one file: ``style`` is its CSS, ``parts`` are its content.

    >>> print(whole_page("A & B", "p { margin: 0 }", tag("p", "hello")).rpartition("</title>")[2])
    <style>p { margin: 0 }</style></head><body><main><p>hello</p></main></body></html>
    <BLANKLINE>
    """
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
        tag("body", tag("main", *parts)),
        lang="en",
    )
    return joined(Html("<!doctype html>\n"), page, "\n")


def worded(text: str) -> Html:
    """A sentence as HTML, with names between backticks as code.

    >>> worded("is `a<b` known?")
    'is <code>a&lt;b</code> known?'
    """
    parts = re.split(r"`([^`]+)`", text)
    return joined(*(tag("code", p) if index % 2 else p for index, p in enumerate(parts)))
