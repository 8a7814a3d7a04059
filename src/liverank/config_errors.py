"""Why a liverank.toml was refused, in one line for the person who wrote it.

msgspec says what was expected, and nearly where; this adds the whole key, its value, and what is
allowed there.
"""

import copy
import re
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

_STEPS = re.compile(r"\w+|\[(?:\.\.\.|\d+)\]")


def explain(error: msgspec.ValidationError, document: dict[str, Any], kind: type) -> str:
    r"""Say why ``document`` is no ``kind``, given the error of converting it.

    >>> from liverank.config import parse_config
    >>> parse_config('[label]\ninteraction = "click"\n[items.fields]\nhost = "kee"')
    Traceback (most recent call last):
    liverank.errors.ConfigError: liverank.toml: `items.fields.host` is "kee": Invalid ...
    """
    message, _, place = str(error).partition(" - at `$")
    names: list[str | int] = []
    value: Any = document
    for step in _STEPS.findall(place):
        if step == "[...]":
            names.append(_culprit(document, kind, names, value))
        else:
            names.append(int(step[1:-1]) if step.startswith("[") else step)
        value = value[names[-1]]
    kind_here = _kind_at(kind, names)
    if get_origin(kind_here) is Literal:
        message += f"; expected one of {', '.join(map(str, get_args(kind_here)))}"
    elif "unknown field" in message:
        message += f"; expected {', '.join(kind_here.__struct_encode_fields__)}"
    key = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)[1:]
    if not key:
        return message
    is_plain = isinstance(value, str | int | float)
    given = f" is {msgspec.json.encode(value).decode()}" if is_plain else ""
    return f"`{key}`{given}: {message}"


def _kind_at(kind: Any, names: list[str | int]) -> Any:
    """The type of what stands at a place."""
    for name in names:
        if hasattr(kind, "__struct_fields__"):
            places = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
            kind = get_type_hints(kind, include_extras=False)[places[str(name)]]
        else:  # a dict or a tuple
            kind = next((part for part in reversed(get_args(kind)) if part is not ...), Any)
        if get_origin(kind) in (Union, UnionType):
            kind = get_args(kind)[0]
    return kind


def _culprit(document: dict[str, Any], kind: type, names: list[str | int], table: Any) -> str:
    """Which entry of a table is refused: the first that is so when it stands alone."""
    for name in table:
        alone = copy.deepcopy(document)
        place: Any = alone
        for outer in names[:-1]:
            place = place[outer]
        place[names[-1]] = {name: table[name]}
        try:
            msgspec.convert(alone, kind)
        except msgspec.ValidationError:
            return str(name)
    return str(next(iter(table)))
