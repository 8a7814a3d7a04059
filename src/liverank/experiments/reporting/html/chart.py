"""Charts of effects as inline SVG. Colours and font sizes come from the style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from liverank.experiments.analysis.words import percent
from liverank.markup import Html, joined, tag

_WIDTH, _HEIGHT = 560.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 12.0, 44.0

_WIDE, _HIGH = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_PLOT: dict[str, object] = {
    "x": _LEFT,
    "y": _TOP,
    "width": _WIDE,
    "height": _HIGH,
    "viewBox": f"{_LEFT:g} {_TOP:g} {_WIDE:g} {_HIGH:g}",
}
"""Position and size of the plot area in the picture; the margins are for the axes."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """Ranges of days and effects, mapped to a picture of a fixed size."""

    days: tuple[float, float]
    effects: tuple[float, float]
    is_lift: bool
    x_name: str

    def at(self, day: float, effect: float) -> Point:
        """The coordinates of a day and an effect in the picture."""
        x = _share(day, self.days) * _WIDE + _LEFT
        y = (1 - _share(effect, self.effects)) * _HIGH + _TOP
        return round(x, 1), round(y, 1)

    def draw(self, *marks: Html, label: str) -> Html:
        """The picture as SVG; ``label`` describes it in words."""
        return tag(
            "svg",
            *(self._x_tick(value) for value in ticks(*self.days, whole=True)),
            *(self._y_tick(value) for value in ticks(*self.effects)),
            # a nested svg clips shapes to the plot area
            tag("svg", *marks, **_PLOT),
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, self.x_name, "middle"),
            viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            role="img",
            aria_label=label,
            class_="chart",
        )

    def line(self, points: Sequence[Point], class_: str) -> Html:
        """A line through points (day, effect)."""
        return tag("polyline", points=self._points(points), class_=class_)

    def band(self, low: Sequence[Point], high: Sequence[Point]) -> Html:
        """The area between two lines."""
        return tag("polygon", points=self._points([*low, *reversed(high)]), class_="band")

    def dot(self, day: float, effect: float, class_: str = "dot") -> Html:
        """A dot at a point (day, effect)."""
        x, y = self.at(day, effect)
        return tag("circle", cx=x, cy=y, r=4, class_=class_)

    def whisker(self, day: float, low: float, high: float) -> Html:
        """A vertical interval of effects at one day."""
        x, top = self.at(day, high)
        return tag("line", x1=x, x2=x, y1=top, y2=self.at(day, low)[1], class_="whisker")

    def _points(self, points: Sequence[Point]) -> str:
        return " ".join("{:g},{:g}".format(*self.at(*point)) for point in points)

    def _x_tick(self, day: float) -> Html:
        x, y = self.at(day, self.effects[0])
        return _text(x, y + 17, f"{day:g}", "middle")

    def _y_tick(self, effect: float) -> Html:
        x, y = self.at(self.days[0], effect)
        name = percent(effect) if self.is_lift else f"{effect:+.3g}"
        return joined(
            tag(
                "line",
                x1=x,
                x2=_WIDTH - _RIGHT,
                y1=y,
                y2=y,
                class_="zero" if effect == 0 else "grid",
            ),
            _text(x - 7, y + 4, "0" if effect == 0 else name, "end"),
        )


def forest(low: float, value: float, high: float, reach: float, class_: str) -> Html:
    """A small picture of an interval on an axis from -``reach`` to ``reach``."""
    half = 90.0

    def x(effect: float) -> float:
        return round(half + half * min(max(effect / reach, -1.0), 1.0), 1)

    marks = [tag("line", x1=half, x2=half, y1=0, y2=20, class_="zero")]
    if math.isfinite(low) and math.isfinite(high):
        marks.append(tag("line", x1=x(low), x2=x(high), y1=10, y2=10, class_="whisker"))
    if math.isfinite(value):
        marks.append(tag("circle", cx=x(value), cy=10, r=4, class_="dot"))
    return tag("svg", *marks, viewBox="0 0 180 20", class_=f"forest {class_}", aria_hidden="true")


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Round values within a range, including 0 if it is in the range.

    >>> ticks(0.0, 28.0, whole=True), ticks(-0.04, 0.04)
    ([0.0, 5.0, 10.0, 15.0, 20.0, 25.0], [-0.04, -0.02, 0.0, 0.02, 0.04])
    """
    if not high > low:
        return [low]
    rough = (high - low) / 6
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough * 0.999)
    if whole:
        step = max(step, 1.0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{tick * step:.10g}") + 0.0 for tick in range(first, last + 1)]


def _share(value: float, span: tuple[float, float]) -> float:
    # clipped just outside the plot area
    return min(max((value - span[0]) / (span[1] - span[0]), -9.0), 9.0)


def _text(x: float, y: float, text: str, anchor: str) -> Html:
    return tag("text", text, x=round(x, 1), y=round(y, 1), text_anchor=anchor)
