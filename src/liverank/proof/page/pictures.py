"""Small pictures of the page as inline SVG. Colours come from the style sheet."""

from liverank.markup import Html, tag

_WIDTH, _HEIGHT = 180.0, 24.0


def forest_with_truth(ends: tuple[float, float], lift: float, truth: float, reach: float) -> Html:
    """An interval of lifts around zero with the true lift as a bar; ``reach`` is the largest lift.

    >>> "truth" in forest_with_truth((0.1, 0.3), 0.2, 0.25, 0.4)
    True
    """
    half, middle = _WIDTH / 2, _HEIGHT / 2

    def x(value: float) -> float:
        return round(half + (half - 2) * min(max(value / reach, -1.0), 1.0), 1)

    def bar(value: float, class_: str) -> Html:
        return tag("line", x1=x(value), x2=x(value), y1=0, y2=_HEIGHT, class_=class_)

    return tag(
        "svg",
        bar(0.0, "zero"),
        tag("line", x1=x(ends[0]), x2=x(ends[1]), y1=middle, y2=middle, class_="whisker"),
        tag("circle", cx=x(lift), cy=middle, r=4, class_="dot"),
        bar(truth, "truth"),
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        class_="forest",
        aria_hidden="true",
    )
