"""Plots as small SVG files, readable on light and dark pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 470, 20, 275
_INK, _FAINT = "#777777", "#bbbbbb"
_COLOURS = ("#0a7f5a", "#c2410c", "#4f46e5", "#a16207", "#0e7490", "#be185d")

Line = tuple[str, Sequence[float], Sequence[float]]
"""Its name, and its points."""


@dataclass(frozen=True)
class Axes:
    """What stands along the axes; ``level`` is a value that the lines are to be compared with."""

    x: str
    y: str
    y_range: tuple[float, float]
    level: float | None = None


def write_plot(path: Path, lines: Sequence[Line], axes: Axes, *, only_points: bool = False) -> None:
    """Write lines, or points, as a picture."""
    values = [value for _, xs, _ in lines for value in xs]
    low, high = min(values), max(values)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / (high - low or 1)
        up = (y - axes.y_range[0]) / (axes.y_range[1] - axes.y_range[0])
        return _LEFT + across * (_RIGHT - _LEFT), _BOTTOM - up * (_BOTTOM - _TOP)

    parts = [*_frame(axes, low, high, place)]
    for (name, xs, ys), colour, top in zip(lines, _COLOURS, range(34, 999, 18), strict=False):
        points = [place(x, y) for x, y in zip(xs, ys, strict=True)]
        parts.append(_dots(points, colour) if only_points else _polyline(points, colour))
        parts.append(
            f'<rect x="{_RIGHT + 12}" y="{top - 9}" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(_text(_RIGHT + 28, top, name, "start"))
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _frame(
    axes: Axes, low: float, high: float, place: Callable[[float, float], tuple[float, float]]
) -> list[str]:
    bottom, top = axes.y_range
    parts = []
    for step in range(5):
        value = bottom + (top - bottom) * step / 4
        at = place(low, value)[1]
        parts += [_across(at, _FAINT, "0"), _text(_LEFT - 6, at + 4, f"{value:.3g}", "end")]
    if axes.level is not None:
        parts.append(_across(place(low, axes.level)[1], _INK, "5 4"))
    parts += [
        _text(_LEFT, _BOTTOM + 16, f"{low:.4g}", "start"),
        _text(_RIGHT, _BOTTOM + 16, f"{high:.4g}", "end"),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 8, axes.x, "middle"),
        f'<g transform="translate(14 {(_TOP + _BOTTOM) / 2}) rotate(-90)">'
        f"{_text(0, 0, axes.y, 'middle')}</g>",
    ]
    return parts


def _across(at: float, colour: str, dashes: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="{colour}" '
        f'stroke-dasharray="{dashes}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'
    )


def _polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dots(points: Sequence[tuple[float, float]], colour: str) -> str:
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points)
