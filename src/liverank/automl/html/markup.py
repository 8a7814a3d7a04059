"""Elements of a page, and how figures are written in it.

Invariant: text becomes part of a page only escaped, since names and values of columns are other
people's data.
"""

import math
import re
from datetime import UTC, datetime
from html import escape


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: object) -> Html:
    """An element; children that are not ``Html`` are escaped, None and empty ones are left out.

    ``class_`` is written ``class``, other underscores as hyphens; an attribute of None is left out.

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


def worded(text: str) -> Html:
    """A sentence in which names between backticks are set as code.

    >>> worded("is `a<b` known?")
    'is <code>a&lt;b</code> known?'
    """
    parts = re.split(r"`([^`]+)`", text)
    return joined(*(tag("code", p) if place % 2 else p for place, p in enumerate(parts)))


def number(value: float | None, digits: int = 3) -> str:
    """A figure with so many significant digits, whole thousands in full; a dash where unknown.

    >>> number(0.21349), number(12345.6), number(None), number(-0.5), number(2e-7)
    ('0.213', '12,346', '-', '-0.500', '2e-07')
    """
    if value is None or not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 10 ** (digits - 1):
        text = f"{value:,.0f}"
    elif size and size < 1e-4:
        text = f"{value:.1g}"
    else:
        text = f"{value:.{max(digits - 1 - math.floor(math.log10(size)), 0) if size else 0}f}"
        text = text.rstrip("0").rstrip(".") if "." in text and digits < 3 else text
    return text


def megabytes(value: float) -> str:
    """A size for people.

    >>> megabytes(0.0991), megabytes(3.14), megabytes(1500)
    ('99 kB', '3.1 MB', '1.5 GB')
    """
    if value < 1:
        return f"{number(value * 1000, 2)} kB"
    return f"{number(value, 2)} MB" if value < 1000 else f"{number(value / 1000, 2)} GB"


def percent(share: float | None) -> str:
    """A share in hundredths.

    >>> percent(0.0314), percent(0.42), percent(None)
    ('3.1 %', '42 %', '-')
    """
    if share is None or not math.isfinite(share):
        return "-"
    return f"{100 * share:.0f} %" if abs(share) >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def day(at_ms: float | None) -> str:
    """The day of a moment, in UTC.

    >>> day(0.0), day(None)
    ('1970-01-01', '-')
    """
    return "-" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def seconds(value: float) -> str:
    """A duration for people.

    >>> seconds(0.42), seconds(58.3), seconds(300)
    ('0.42 s', '58 s', '5 min')
    """
    if value < 10:
        return f"{value:.2g} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"
