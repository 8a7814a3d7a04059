"""Charts as inline SVG: axes, and the marks between them. Colours come from the style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from liverank.automl.report.html.numbers import number
from liverank.automl.report.schema import Bin, Histogram, Line
from liverank.markup import Html, joined, tag

_WIDTH, _HEIGHT = 340.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 10.0, 38.0


@dataclass(frozen=True)
class Axes:
    """Two spans of values, drawn in a frame of a fixed size.

    >>> axes = Axes((0.0, 1.0), (0.0, 2.0), "recall", "precision")
    >>> axes.at(0.0, 2.0)
    (56.0, 10.0)
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_name: str
    y_name: str
    x_step: float = 0.0
    """Smallest distance between two ticks of x: 1 where x counts something."""

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates of a point; points beyond the spans are moved to their ends."""
        across = _share(x, self.x) * (_WIDTH - _LEFT - _RIGHT) + _LEFT
        down = (1 - _share(y, self.y)) * (_HEIGHT - _TOP - _BOTTOM) + _TOP
        return round(across, 1), round(down, 1)

    def draw(self, *marks: Html, description: str) -> Html:
        """The chart; ``description`` is its text for screen readers."""
        return tag(
            "svg",
            *(self._tick_x(value) for value in ticks(*self.x, least=self.x_step)),
            *(self._tick_y(value) for value in ticks(*self.y)),
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 5, self.x_name, "middle", "axis"),
            _text(
                -(_TOP + _HEIGHT - _BOTTOM) / 2,
                11,
                self.y_name,
                "middle",
                "axis",
                transform="rotate(-90)",
            ),
            *marks,
            viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            role="img",
            aria_label=description,
        )

    def _tick_x(self, value: float) -> Html:
        x, y = self.at(value, self.y[0])
        return joined(
            tag("line", x1=x, x2=x, y1=_TOP, y2=y, class_="grid"),
            _text(x, y + 14, _short(value), "middle", "tick"),
        )

    def _tick_y(self, value: float) -> Html:
        x, y = self.at(self.x[0], value)
        return joined(
            tag("line", x1=x, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"),
            _text(x - 5, y + 3.5, _short(value), "end", "tick"),
        )


def ticks(low: float, high: float, wanted: int = 5, *, least: float = 0.0) -> list[float]:
    """Round values within a span, at least ``least`` apart.

    >>> ticks(0.0, 1.0), ticks(3.0, 47.0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [10.0, 20.0, 30.0, 40.0])
    >>> ticks(0.9, 2.1, least=1.0)
    [1.0, 2.0]
    """
    if not high > low:
        return [low]
    rough = max((high - low) / wanted, least)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.10g}") for i in range(first, last + 1)]


def curve(axes: Axes, line: Line, colour: int = 0) -> Html:
    """A line; ``colour`` is an index into the colours of the style sheet."""
    points = " ".join("{},{}".format(*axes.at(x, y)) for x, y in zip(line.x, line.y, strict=True))
    return tag("polyline", points=points, class_=f"line s{colour % 8}")


def area(axes: Axes, line: Line) -> Html:
    """The area under a line."""
    inside = [axes.at(x, y) for x, y in zip(line.x, line.y, strict=True)]
    ends = [axes.at(line.x[-1], axes.y[0]), axes.at(line.x[0], axes.y[0])]
    points = " ".join(f"{x},{y}" for x, y in [*inside, *ends])
    return tag("polygon", points=points, class_="area")


def guide(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> Html:
    """A dashed line to compare with."""
    (x1, y1), (x2, y2) = axes.at(*start), axes.at(*end)
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="guide")


def dots(axes: Axes, line: Line) -> Html:
    """A dot for each row."""
    points = (axes.at(x, y) for x, y in zip(line.x, line.y, strict=True))
    return joined(*(tag("circle", cx=x, cy=y, r=1.8, class_="dot") for x, y in points))


def bins(axes: Axes, parts: Sequence[Bin]) -> Html:
    """Dots with their intervals."""
    drawn = []
    for part in parts:
        x, y = axes.at(part.predicted, part.observed)
        low, high = axes.at(part.predicted, part.low)[1], axes.at(part.predicted, part.high)[1]
        drawn.append(tag("line", x1=x, x2=x, y1=low, y2=high, class_="whisker"))
        drawn.append(tag("circle", cx=x, cy=y, r=3.5, class_="bin"))
    return joined(*drawn)


def bars(axes: Axes, histogram: Histogram) -> Html:
    """A bar between each pair of edges."""
    drawn = []
    spans = zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True)
    for low, high, count in spans:
        (x, y), (x2, y2) = axes.at(low, count), axes.at(high, 0.0)
        width = round(max(x2 - x - 1, 0.5), 1)
        drawn.append(
            tag("rect", x=x, y=y, width=width, height=round(y2 - y, 1), class_="histogram")
        )
    return joined(*drawn)


def interval(low: float, value: float, high: float, span: tuple[float, float], mark: float) -> Html:
    """An interval in a row of a table, with the ``mark`` that all are compared with."""
    a, b, c, m = (round(200 * _share(each, span), 1) for each in (low, value, high, mark))
    return tag(
        "svg",
        tag("line", x1=m, x2=m, y1=0, y2=18, class_="guide"),
        tag("line", x1=a, x2=c, y1=9, y2=9, class_="whisker"),
        tag("circle", cx=b, cy=9, r=4, class_="bin"),
        viewBox="-5 0 210 18",
        class_="interval",
        role="img",
        aria_label=f"{number(value)}, from {number(low)} to {number(high)}",
    )


def _text(x: float, y: float, text: str, anchor: str, class_: str, **more: object) -> Html:
    at = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    return tag("text", text, **at, text_anchor=anchor, class_=class_, **more)


def _share(value: float, span: tuple[float, float]) -> float:
    width = span[1] - span[0]
    return min(max((value - span[0]) / width, 0.0), 1.0) if width > 0 else 0.5


def _short(value: float) -> str:
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            return f"{value / (1e3 if letter == 'k' else unit):g}{letter}"
    return f"{value:g}"
