"""The language of ``[[sources.events]]``: text with columns in braces.

``"{user_id}"`` is the value of a column, ``"{campaign}-{item_id}"`` joins text and values, and
``"{candidates | split | ending '-1' | drop_end '-1'}"`` applies steps to a value, left to right:

    split 'x'          text into a list, at 'x' (at white space when left out)
    ending 'x' ...     of a list, only the values that end in one of these
    drop_end 'x' ...   take one of these endings off a text, or off each value of a list
    unique             of a list, each value once, in order
    number             text into a number

``{{`` and ``}}`` stand for the braces themselves. Invariant: a Template that exists is well formed;
whether its columns exist is known only when a file is opened.
"""

import re
from typing import NamedTuple

from liverank.errors import ConfigError

STEPS = {"split": (0, 1), "ending": (1, 9), "drop_end": (1, 9), "unique": (0, 0), "number": (0, 0)}
"""Every step, with the least and the most arguments it takes."""

_BRACES = re.compile(r"\{\{|\}\}|\{((?:[^{}']|'[^']*')*)\}|[{}]")
_STEP = re.compile(r"\s*([a-z_]+)((?:\s+'[^']+')*)\s*")


class Step(NamedTuple):
    """One step applied to a value, e.g. ``split ','``."""

    name: str
    arguments: tuple[str, ...]


class Hole(NamedTuple):
    """A column in braces, with the steps applied to its value."""

    column: str
    steps: tuple[Step, ...]


class Template(NamedTuple):
    """Text and holes (columns in braces) in order, or one constant of another type."""

    pieces: tuple[str | float | bool | Hole, ...]


class Array(NamedTuple):
    """A list with a template for each element."""

    parts: tuple[Template, ...]


def parse_value(given: object, *, where: str) -> Template | Array:
    """Parse the value of a key of the config: a template, a constant, or a list of either.

    Raises ConfigError, which names the key and what is allowed.

    >>> parse_value(["{item}"], where="sources[0].events[0].items").parts[0].pieces
    (Hole(column='item', steps=()),)
    """
    if isinstance(given, str):
        return parse_template(given, where=where)
    if isinstance(given, bool | int | float):
        return Template((given,))
    if isinstance(given, list) and given:
        parts = [parse_value(part, where=f"{where}[{index}]") for index, part in enumerate(given)]
        if all(isinstance(part, Template) for part in parts):
            return Array(tuple(part for part in parts if isinstance(part, Template)))
    raise ConfigError(
        f"`{where}` is {given!r}; expected a text with {{columns}} in braces, a number, "
        "true or false, or a list of those"
    )


def parse_template(text: str, *, where: str) -> Template:
    """Parse one template; ``where`` is its key in the config.

    Raises ConfigError, which names the key and what is allowed.

    >>> parse_template("{campaign}-{items | split ','}", where="sources[0].events[0].item").pieces[
    ...     1:
    ... ]
    ('-', Hole(column='items', steps=(Step(name='split', arguments=(',',)),)))
    """
    pieces: list[str | Hole] = []
    end = 0
    for match in _BRACES.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            pieces.append(match[0][0])
        elif match[1] is None:
            raise ConfigError(
                f'`{where}` is "{text}", where a brace has no partner; '
                "write {column}, or {{ and }} for the braces themselves"
            )
        else:
            pieces.append(_parse_hole(match[1], text, where))
    pieces.append(text[end:])
    if not text:
        raise ConfigError(f"`{where}` is empty; leave the key out instead")
    return Template(tuple(piece for piece in pieces if piece != ""))


def _parse_hole(body: str, text: str, where: str) -> Hole:
    column, *steps = _split_at_bars(body)
    if not column.strip():
        raise ConfigError(f'`{where}` is "{text}", where a column has no name')
    parsed: list[Step] = []
    for step in steps:
        match = _STEP.fullmatch(step)
        if match is None or match[1] not in STEPS:
            raise ConfigError(
                f'`{where}` is "{text}", with the unknown step "{step.strip()}"; '
                f"expected one of {', '.join(STEPS)}, its arguments in single quotes"
            )
        arguments = tuple(re.findall(r"'([^']+)'", match[2]))
        least, most = STEPS[match[1]]
        if not least <= len(arguments) <= most:
            raise ConfigError(
                f'`{where}` is "{text}": the step {match[1]} takes {least} to {most} arguments, '
                f"got {len(arguments)}"
            )
        parsed.append(Step(match[1], arguments))
    return Hole(column.strip(), tuple(parsed))


def _split_at_bars(body: str) -> list[str]:
    """Split at ``|``, but not inside single quotes."""
    return re.split(r"\|(?=(?:[^']*'[^']*')*[^']*$)", body)
