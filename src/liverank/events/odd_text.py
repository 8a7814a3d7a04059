"""Finds why a text is not valid JSON of whole characters: which part, and what to send instead.

Parsers report the byte at which they stopped; this finds the name of the field. It is slow, and
only used for refused texts. Invariant: the reported part occurs in the text.
"""

import json
import re
from collections.abc import Iterator

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_BYTE = range(0xDC80, 0xDD00)
_LONGEST_PATH = 200


class _NoNumber:
    """Stands for ``NaN`` or ``Infinity``, which some programs write for a number."""

    def __init__(self, name: str) -> None:
        self.name = name


def odd_text(body: bytes | str) -> str | None:
    r"""The odd part of a text that was refused as JSON; None where the cause is another one.

    >>> odd_text('{"fields":{"title":"party \\ud83d"}}')
    'Half of a surrogate pair, `\\ud83d` - at `$.fields.title`; send whole characters'
    >>> odd_text(b'{"user":"zo\xe9"}')
    'The text is not UTF-8 (byte 0xe9) - at `$.user`; send UTF-8'
    >>> odd_text('{"value":NaN}')
    '`NaN` is no JSON - at `$.value`; send a number, or leave it out'
    """
    text, is_utf8 = _text_of(body)
    try:
        document = json.loads(text, parse_constant=_NoNumber)
    except (ValueError, RecursionError):
        return None
    path, value = next(_odd_in(document, "$"), ("", ""))
    at = f" - at `{_printable(path)}`"
    if isinstance(value, _NoNumber):
        return f"`{value.name}` is no JSON{at}; send a number, or leave it out"
    odd = _HALF.search(value)
    if odd is None:
        return None
    code = ord(odd[0])
    if not is_utf8 and code in _ESCAPED_BYTE:
        return f"The text is not UTF-8 (byte {code - 0xDC00:#x}){at}; send UTF-8"
    return f"Half of a surrogate pair, `\\u{code:04x}`{at}; send whole characters"


def _text_of(body: bytes | str) -> tuple[str, bool]:
    """The text, with non-UTF-8 bytes as half surrogates, and whether all of it is UTF-8."""
    if isinstance(body, str):
        return body, True
    try:
        return body.decode(), True
    except UnicodeDecodeError:
        return body.decode("utf-8", "surrogateescape"), False


def _odd_in(value: object, path: str) -> Iterator[tuple[str, str | _NoNumber]]:
    """Paths and values of odd parts, in the order of the text."""
    if isinstance(value, str | _NoNumber):
        if isinstance(value, _NoNumber) or _HALF.search(value):
            yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if _HALF.search(name):
                yield f"{path}.{name}", name
            yield from _odd_in(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _odd_in(inner, f"{path}[{index}]")


def _printable(path: str) -> str:
    """A path as one line that any terminal can show."""
    shown = _HALF.sub("\N{REPLACEMENT CHARACTER}", path)
    return " ".join(shown.split("\n"))[:_LONGEST_PATH]
