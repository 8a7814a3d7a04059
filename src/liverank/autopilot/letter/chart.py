"""The course of the value over the last weeks, as inline SVG; colours come from the style sheet."""

import math
from collections.abc import Sequence

from liverank.autopilot.letter.letter import HoldoutValue
from liverank.autopilot.letter.words import change_words, day_words
from liverank.markup import Html, tag

_WIDTH, _HEIGHT = 680.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 16.0, 14.0, 30.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def course_chart(course: Sequence[HoldoutValue | None], label: str) -> Html | None:
    """The lift of each period with its interval; None with fewer than two that are known."""
    known = [
        (index, one, one.lifts[0])
        for index, one in enumerate(course)
        if one is not None and one.lifts and one.lifts[0].low is not None
    ]
    if len(known) < 2:
        return None
    lows = [lift.low for _, _, lift in known if lift.low is not None]
    highs = [lift.high for _, _, lift in known if lift.high is not None]
    low, high, step = _range(min(*lows, 0.0), max(*highs, 0.0))

    def x(index: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (index + 0.5) / len(course), 1)

    def y(lift: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - lift) / (high - low), 1)

    marks: list[Html] = []
    for number in range(round(low / step), round(high / step) + 1):
        value = number * step
        name = "zero" if number == 0 else "grid"
        marks.append(
            tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(value), y2=y(value), class_=name)
        )
        marks.append(_text(_LEFT - 10, y(value) + 4, change_words(value), "end"))
    for index, one, lift in known:
        assert lift.lift is not None
        assert lift.low is not None
        assert lift.high is not None
        is_last = index == len(course) - 1
        mark = "now" if is_last else "then"
        marks.append(
            tag("line", x1=x(index), x2=x(index), y1=y(lift.low), y2=y(lift.high), class_=mark)
        )
        radius = 6 if is_last else 4.5
        marks.append(tag("circle", cx=x(index), cy=y(lift.lift), r=radius, class_=mark))
        marks.append(_text(x(index), _HEIGHT - 8, day_words(one.from_ms)[4:], "middle"))
    return tag(
        "svg",
        *marks,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=f"Change of {label} per item seen by week, with 95 % intervals",
    )


def _range(low: float, high: float) -> tuple[float, float, float]:
    """A range of whole steps around both, and its step: three to six of them.

    >>> _range(-0.03, 0.21)
    (-0.05, 0.25, 0.05)
    """
    step = next((one for one in _STEPS if (high - low) / one <= 5), (high - low) / 4)
    below, above = math.ceil(-low / step), math.ceil(high / step)
    return -below * step, max(above, 1 - below) * step, step


def _text(x: float, y: float, text: str, anchor: str) -> Html:
    return tag("text", text, x=x, y=y, text_anchor=anchor)
