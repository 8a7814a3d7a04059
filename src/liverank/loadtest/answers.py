"""Checks responses to ranking requests: the fallback level, and whether the list is correct.

The level is found by a search for bytes; only a sample of responses is decoded and checked in full.
Invariant: a quote within a JSON text is escaped, so no id can be mistaken for the searched key.
"""

import re
from itertools import pairwise

import msgspec

_NO_FALLBACK = b'"fallback":null'
_FALLBACK = re.compile(rb'"fallback":"([^"]*)"')
UNREADABLE = "unreadable"


class _Asked(msgspec.Struct, frozen=True):
    limit: int | None = None
    items: list[str] | None = None


class _Ranked(msgspec.Struct, frozen=True):
    item: str
    score: float | None
    """The score; null if it is not a number."""


class _Answer(msgspec.Struct, frozen=True):
    items: list[_Ranked]
    dropped: dict[str, int]


_asked = msgspec.json.Decoder(_Asked)
_answer = msgspec.json.Decoder(_Answer)


def fallback_of(body: bytes) -> str | None:
    """The fallback level that answered; None for the current bundle.

    >>> fallback_of(b'{"items":[],"fallback":"popular"}'), fallback_of(b'{"fallback":null}')
    ('popular', None)
    """
    if _NO_FALLBACK in body:
        return None
    match = _FALLBACK.search(body)
    return UNREADABLE if match is None else match[1].decode(errors="replace")


def what_is_wrong(request: bytes, answer: bytes) -> str | None:
    """The error in a response to a request (the bodies of both); None if it is correct.

    >>> what_is_wrong(
    ...     b'{"user":"u1","limit":1,"items":["a","b"]}',
    ...     b'{"items":[{"item":"c","score":0.5}],"dropped":{}}',
    ... )
    "item 'c' is not among the candidates"
    """
    try:
        asked, found = _asked.decode(request), _answer.decode(answer)
    except msgspec.DecodeError as error:
        return f"cannot be read: {error}"
    ids = [ranked.item for ranked in found.items]
    scores = [ranked.score for ranked in found.items if ranked.score is not None]
    if len(set(ids)) < len(ids):
        return "an item is there twice"
    if any(after > before for before, after in pairwise(scores)):
        return "items are not in the order of their scores"
    if asked.limit is not None and len(ids) > asked.limit:
        return f"{len(ids)} items, where {asked.limit} were asked for"
    if asked.items is not None:
        return _candidates_wrong(asked.items, ids, found.dropped, asked.limit)
    return None


def _candidates_wrong(
    candidates: list[str], ids: list[str], dropped: dict[str, int], limit: int | None
) -> str | None:
    known = set(candidates)
    for item in ids:
        if item not in known:
            return f"item {item!r} is not among the candidates"
    expected = len(known) - sum(dropped.values())
    if limit is not None:
        expected = min(expected, limit)
        if len(ids) != expected:
            return f"{len(ids)} items, where {expected} were to be ranked"
    return None
