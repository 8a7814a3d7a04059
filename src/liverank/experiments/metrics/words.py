"""Formats interaction types and durations for the descriptions of metrics."""

from liverank.quantities import format_duration

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def interactions(types: tuple[str, ...]) -> str:
    """Types of interactions in words.

    >>> interactions(("join", "click")), interactions(())
    ('`join` or `click`', 'interaction')
    """
    return " or ".join(f"`{one}`" for one in types) or "interaction"


def amount(interaction: str, *, of_values: bool) -> str:
    """The amount that an interaction adds to a metric, in words.

    >>> amount("join", of_values=False), amount("leave", of_values=True)
    ('number of `join`', 'sum of values of `leave`')
    """
    return f"{'sum of values' if of_values else 'number'} of {interactions((interaction,))}"


def span(milliseconds: float) -> str:
    """A duration in words.

    >>> span(28 * 86_400_000), span(3_600_000)
    ('28 days', '1 hour')
    """
    text = format_duration(milliseconds)
    figure = text.rstrip("msdhw")
    unit = _UNITS[text[len(figure) :]]
    return f"{figure} {unit if figure != '1' else unit[:-1]}"
