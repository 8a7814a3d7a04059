"""Frozen dataclasses as JSON by the standard library alone, for what must be read anywhere.

Their annotations are the form: str, int, float, bool, None, Any, Literal, tuple[X, ...], list[X],
dict[str, X], dataclasses and unions. Of a union of dataclasses each says under ``type`` which it
is, by its name in lower case.
Invariant: what is encoded decodes to an equal value, and no key or type that is not in the form is
let through.
"""

import json
import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_TAG = "type"
_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class FormError(ValueError):
    """A text is no JSON, or not of the form; the message says where in it."""


def encode(value: object, *, indent: int | None = None) -> bytes:
    """A dataclass, or what it may hold, as JSON in UTF-8. Raises ValueError for NaN and infinity.

    >>> encode({"a": (1, None)})
    b'{"a":[1,null]}'
    """
    separators = (",", ":") if indent is None else (",", ": ")
    plain = _plain(value, type(value))
    text = json.dumps(
        plain, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
    return text.encode()


def decode(content: bytes, kind: type[_T]) -> _T:
    """The opposite of ``encode``. Raises FormError.

    >>> decode(b'[1, "2"]', tuple[int, ...])
    Traceback (most recent call last):
    liverank.plain_json.FormError: expected a whole number, got "2", at $[1]
    """
    try:
        plain = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise FormError(f"no JSON: {error}") from None
    return cast("_T", _formed(plain, kind, "$"))


def _plain(value: Any, kind: Any) -> Any:
    """What ``json`` can write."""
    if is_dataclass(value):
        own: Any = type(value)
        hints = _hints(own)
        tag = {_TAG: _tag(own)} if len(_records(get_args(kind))) > 1 else {}
        return tag | {name: _plain(getattr(value, name), hint) for name, hint in hints.items()}
    if isinstance(value, list | tuple):
        inner = get_args(kind)[0] if get_args(kind) else Any
        return [_plain(each, inner) for each in value]
    if isinstance(value, dict):
        inner = get_args(kind)[1] if get_args(kind) else Any
        return {name: _plain(each, inner) for name, each in value.items()}
    return value


def _formed(value: Any, kind: Any, at: str) -> Any:
    """A value of the kind, of what ``json`` read."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, inner, at)
    if origin is Literal:
        if not any(value == each and type(value) is type(each) for each in inner):
            raise _wrong(value, f"one of {', '.join(map(repr, inner))}", at)
        return value
    if is_dataclass(kind):
        return _record(value, kind, at)
    if kind in (list, dict, tuple) or origin in (list, dict, tuple):
        return _container(value, origin or kind, inner, at)
    if kind in (None, type(None)):
        if value is not None:
            raise _wrong(value, "null", at)
        return None
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(value, _NAMES.get(kind, kind.__name__), at)
    return value


def _container(value: Any, kind: type, inner: tuple[Any, ...], at: str) -> Any:
    if kind is dict:
        if not isinstance(value, dict):
            raise _wrong(value, "an object", at)
        of = inner[1] if inner else Any
        return {name: _formed(each, of, f"{at}.{name}") for name, each in value.items()}
    if not isinstance(value, list):
        raise _wrong(value, "an array", at)
    if inner and kind is tuple and inner[-1] is not ...:
        if len(value) != len(inner):
            raise _wrong(value, f"an array of {len(inner)}", at)
        kinds = list(inner)
    else:
        kinds = [inner[0] if inner else Any] * len(value)
    pairs = zip(value, kinds, strict=True)
    return kind(_formed(each, of, f"{at}[{place}]") for place, (each, of) in enumerate(pairs))


def _one_of(value: Any, kinds: tuple[Any, ...], at: str) -> Any:
    records = _records(kinds)
    if len(records) > 1 and isinstance(value, dict):
        said = value.get(_TAG)
        if said not in records:
            raise _wrong(said, f"one of {', '.join(records)}", f"{at}.{_TAG}")
        rest = {name: each for name, each in value.items() if name != _TAG}
        return _record(rest, records[said], at)
    if value is None and type(None) in kinds:
        return None
    known = [kind for kind in kinds if kind is not type(None)]
    for kind in known[:-1]:
        try:
            return _formed(value, kind, at)
        except FormError:
            continue
    return _formed(value, known[-1], at)


def _record(value: Any, kind: Any, at: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(value, "an object", at)
    hints = _hints(kind)
    unknown = set(value) - set(hints)
    if unknown:
        raise FormError(f"unknown key `{min(unknown)}`, at {at}")
    given = {name: _formed(each, hints[name], f"{at}.{name}") for name, each in value.items()}
    try:
        return kind(**given)
    except TypeError:
        raise FormError(f"key `{min(set(hints) - set(given))}` is missing, at {at}") from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}


def _records(kinds: tuple[Any, ...]) -> dict[str, Any]:
    """The dataclasses of a union, by what their JSON says."""
    return {_tag(kind): kind for kind in kinds if is_dataclass(kind)}


def _tag(kind: Any) -> str:
    name: str = kind.__name__
    return name.lower()


def _wrong(value: Any, expected: str, at: str) -> FormError:
    got = json.dumps(value, ensure_ascii=False)
    return FormError(f"expected {expected}, got {got[:40]}, at {at}")
