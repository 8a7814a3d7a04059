"""Plots as small SVG files, readable on light and dark pages."""

from collections.abc import Sequence
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 320, 60, 20, 170, 45
_INK, _FAINT = "#777777", "#bbbbbb"
COLOURS = ("#0a7f5a", "#c2410c", "#4f46e5", "#a16207", "#0e7490", "#be185d")

Line = tuple[str, Sequence[float], Sequence[float]]
"""Its name, and its points."""


def write_lines(
    path: Path,
    lines: Sequence[Line],
    *,
    x: str,
    y: str,
    y_range: tuple[float, float],
    level: float | None = None,
    only_points: bool = False,
    log_x: bool = False,
) -> None:
    """Write lines, or points, with a level that they are to be compared with."""
    from math import log10  # noqa: PLC0415

    def scale(value: float) -> float:
        return log10(value) if log_x else value

    values = [scale(value) for _, xs, _ in lines for value in xs]
    low, high = min(values), max(values)

    def place(a: float, b: float) -> tuple[float, float]:
        across = (scale(a) - low) / (high - low or 1)
        up = (b - y_range[0]) / (y_range[1] - y_range[0])
        inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * inner_width, _TOP + (1 - up) * inner_height

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
    ]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for step in range(5):
        value = y_range[0] + (y_range[1] - y_range[0]) * step / 4
        at = bottom - (bottom - _TOP) * step / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_FAINT}" '
            f'stroke-width=".5"/><text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" '
            f'fill="{_INK}">{value:.3g}</text>'
        )
    if level is not None:
        at = place(lines[0][1][0], level)[1]
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_INK}" '
            'stroke-dasharray="5 4"/>'
        )
    for number, (name, xs, ys) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = [place(a, b) for a, b in zip(xs, ys, strict=True)]
        if only_points:
            parts += [
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in points
            ]
        else:
            path_of = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(
                f'<polyline points="{path_of}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
        at = _TOP + 14 + 18 * number
        parts.append(
            f'<rect x="{right + 12}" y="{at - 9}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{right + 28}" y="{at}" fill="{_INK}">{name}</text>'
        )
    ends = (lines[0][1][0], lines[0][1][-1])
    for value, anchor, at in ((ends[0], "start", _LEFT), (ends[1], "end", right)):
        parts.append(
            f'<text x="{at}" y="{bottom + 16}" text-anchor="{anchor}" fill="{_INK}">'
            f"{value:,.4g}</text>"
        )
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle" fill="{_INK}">{x}</text>'
        f'<text transform="translate(14 {(_TOP + bottom) / 2}) rotate(-90)" '
        f'text-anchor="middle" fill="{_INK}">{y}</text></svg>'
    )
    path.write_text("\n".join(parts) + "\n")
