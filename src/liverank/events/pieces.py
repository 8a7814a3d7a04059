"""Splits a JSON array into its elements even where some are not valid JSON.

A parser stops at the first character that is no JSON. This checks only quotes and brackets, so
that an element with half a character, or a byte that is not UTF-8, can be refused alone.
Invariant: for a valid array, the elements are those that a parser finds.
"""

import re

_DEPTH = 8
"""Levels of nested objects and lists in an element that are matched; an event has three."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_PLAIN = rb'[^\[\]{}"]++'


def _nested(depth: int) -> bytes:
    """A pattern for an object or a list of at most ``depth`` levels."""
    inner = [_PLAIN, _STRING, *([_nested(depth - 1)] if depth > 1 else [])]
    return rb"[\[{](?:%s)*+[\]}]" % b"|".join(inner)


_VALUE = _nested(_DEPTH)
_ONE = re.compile(_VALUE, re.DOTALL)
_ELEMENT = re.compile(rb'(?:[^\[\]{}",]++|%s|%s)++' % (_STRING, _VALUE), re.DOTALL)


def elements_of(text: bytes) -> list[bytes] | None:
    r"""The elements of an array, as written in the text; None where its brackets do not close.

    >>> elements_of(b'[{"a":"]\\ud83d"}, NaN,[1,"\xff"]]')
    [b'{"a":"]\\ud83d"}', b'NaN', b'[1,"\xff"]']
    >>> elements_of(b'[{"a":1}')
    """
    text = text.strip()
    if len(text) < 2 or text[:1] != b"[" or text[-1:] != b"]":
        return None
    elements: list[bytes] = []
    offset, end = 1, len(text) - 1
    while True:
        found = _ELEMENT.match(text, offset, end)
        element = found[0].strip() if found else b""
        if found is None or not element:
            return elements if not elements and not text[1:end].strip() else None
        elements.append(element)
        offset = found.end()
        if offset == end:
            return elements
        if text[offset : offset + 1] != b",":
            return None
        offset += 1


def is_one_value(text: bytes) -> bool:
    r"""Whether a text is one object or list, and not several one after another.

    >>> is_one_value(b'{"a":\n"\xff"}'), is_one_value(b'{"a":1}\n{"a":2}')
    (True, False)
    """
    return _ONE.fullmatch(text) is not None
