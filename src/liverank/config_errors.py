"""One-line error messages for an invalid liverank.toml.

msgspec reports what was expected and most of the path; this adds the whole key, its value, and what
is allowed there.
"""

import copy
import re
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

_STEPS = re.compile(r"\w+|\[(?:\.\.\.|\d+)\]")


def explain(error: msgspec.ValidationError, document: dict[str, Any], kind: type) -> str:
    r"""Describe why ``document`` is not a ``kind``, given the error of its conversion.

    >>> from liverank.config import parse_config
    >>> parse_config('[label]\ninteraction = "click"\n[items.fields]\nhost = "kee"')
    Traceback (most recent call last):
    liverank.errors.ConfigError: liverank.toml: `items.fields.host` is "kee": Invalid ...
    """
    message, _, path = str(error).partition(" - at `$")
    names: list[str | int] = []
    value: Any = document
    for step in _STEPS.findall(path):
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
    """The declared type of the value at a path."""
    for name in names:
        if hasattr(kind, "__struct_fields__"):
            fields = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
            kind = get_type_hints(kind, include_extras=False)[fields[str(name)]]
        else:  # a dict or a tuple
            kind = next((part for part in reversed(get_args(kind)) if part is not ...), Any)
        if get_origin(kind) in (Union, UnionType):
            kind = get_args(kind)[0]
    return kind


def _culprit(document: dict[str, Any], kind: type, names: list[str | int], table: Any) -> str:
    """The name of the invalid entry of a table: the first that is invalid on its own."""
    for name in table:
        alone = copy.deepcopy(document)
        inner: Any = alone
        for outer in names[:-1]:
            inner = inner[outer]
        inner[names[-1]] = {name: table[name]}
        try:
            msgspec.convert(alone, kind)
        except msgspec.ValidationError:
            return str(name)
    return str(next(iter(table)))
