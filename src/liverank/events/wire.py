"""The wire form of events: one JSON object per event, tagged by its ``event`` field.

Invariant: decoding an encoded event gives an equal one, and a bad event never affects others.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from liverank.errors import EventError
from liverank.events.decode_errors import UNDECODABLE, explain
from liverank.events.event import MAX_VALUE, Event, Fields, Interaction
from liverank.events.pieces import elements_of, is_one_value
from liverank.events.time_range import time_problem


class Rejected(NamedTuple):
    """An event that was refused: its position in the batch (from 0) and why, in one line."""

    position: int
    reason: str


class Decoded(NamedTuple):
    """The content of a body. ``positions[i]`` is the position in the batch of ``events[i]``."""

    events: list[Event]
    positions: list[int]
    rejected: list[Rejected]


_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_events_decoder = msgspec.json.Decoder(list[Event])
_raw_events_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_fields_decoder = msgspec.json.Decoder(Fields)
_encoder = msgspec.json.Encoder()
_BOM = b"\xef\xbb\xbf"


def decode_event(body: bytes | str) -> Event:
    """Decode one event from its JSON, as stored in the log.

    Raises EventError with the path (``$.items[2]``), what was given and what is allowed.

    >>> decode_event('{"event":"user","time":"2026-11-23T10:00:00Z","user":"u1"}').at_ms
    1795428000000
    >>> decode_event('{"event":"user","time":0,"user":7}')
    Traceback (most recent call last):
    liverank.errors.EventError: Expected `str`, got `int` - at `$.user`; send a text, in quotes
    """
    try:
        return _event_decoder.decode(body)
    except UNDECODABLE as error:
        raise EventError(explain(error, body)) from None


def take_event(body: bytes | str) -> Event:
    """Decode one new event, which is not in the log yet.

    Raises EventError as ``decode_event`` does, and for a time that is out of ``time_range`` or a
    value beyond MAX_VALUE.
    """
    event = decode_event(body)
    problem = _problem(event)
    if problem is not None:
        raise EventError(problem)
    return event


def decode_events(body: bytes) -> Decoded:
    """Decode new events: one event, an array of events, or one event per line (NDJSON).

    A bad event, or one whose time is out of ``time_range``, is reported by its position; the others
    are decoded. An empty body holds no events. Raises EventError only when the body as a whole is
    not readable (a broken array).

    >>> user = b'{"event":"user","time":1795428000000,"user":"u1"}'
    >>> decode_events(b'[%s,{"event":"usr"}]' % user).rejected
    [Rejected(position=1, reason="Invalid value 'usr' - at `$.event`; expected one of item, ...)]
    """
    text = body.removeprefix(_BOM).strip()
    if not text:
        return Decoded([], [], [])
    if text[:1] == b"[":
        try:
            events = _events_decoder.decode(text)
            return _in_range(Decoded(events, list(range(len(events))), []))
        except UNDECODABLE:
            pass  # find out which ones below
        pieces: Sequence[bytes | msgspec.Raw] = _raw_events(text)
    else:
        pieces = [line for line in text.split(b"\n") if line.strip()]
        if len(pieces) > 1 and is_one_value(text):
            pieces = [text]
    return _in_range(_decode_each(pieces))


def decode_array(body: bytes, *, at_once: int) -> Iterator[tuple[int, Decoded]]:
    """Decode an array some events at a time: yields the position of the first, and the events.

    Positions within a ``Decoded`` count from that first one. Raises EventError when the array is
    broken.

    >>> text = b'[{"event":"user","time":1795428000000,"user":"u1"},{"event":"usr"}]'
    >>> [(first, len(decoded.events)) for first, decoded in decode_array(text, at_once=1)]
    [(0, 1), (1, 0)]
    """
    pieces = _raw_events(body)
    for first in range(0, len(pieces), at_once):
        yield first, _in_range(_decode_each(pieces[first : first + at_once]))


def encode_event(event: Event) -> bytes:
    """Encode one event as JSON; ``decode_event`` gives back an equal event.

    >>> from liverank.events.event import User
    >>> encode_event(User(time=0, user="u1"))
    b'{"event":"user","time":0,"user":"u1","fields":{},"id":null}'
    """
    return _encoder.encode(event)


def decode_fields(text: str) -> Fields:
    """Decode a value of the ``fields`` column of a frame. Raises msgspec.MsgspecError.

    >>> decode_fields('{"language":"en","topics":["ai"]}')
    {'language': 'en', 'topics': ['ai']}
    """
    return _fields_decoder.decode(text)


def _raw_events(text: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return _raw_events_decoder.decode(text)
    except UNDECODABLE as error:
        elements = elements_of(text)
        if elements is not None:
            return elements
        raise EventError(
            f"The array of events is broken: {explain(error, b'')}; send valid JSON"
        ) from None


def _decode_each(pieces: Sequence[bytes | msgspec.Raw]) -> Decoded:
    decoded = Decoded([], [], [])
    for index, piece in enumerate(pieces):
        try:
            decoded.events.append(_event_decoder.decode(piece))
            decoded.positions.append(index)
        except UNDECODABLE as error:
            decoded.rejected.append(Rejected(index, explain(error, piece)))
    return decoded


def _problem(event: Event) -> str | None:
    """Why a new event is refused that the log itself could hold; None if it is accepted."""
    value = event.value if isinstance(event, Interaction) else None
    if value is not None and not -MAX_VALUE <= value <= MAX_VALUE:
        return f"Expected at most {MAX_VALUE:g} either side of 0, got `{value:g}` - at `$.value`"
    return time_problem(event.at_ms)


def _in_range(decoded: Decoded) -> Decoded:
    """The same, with the events whose time or value is out of range moved to the refused ones."""
    problems = [_problem(event) for event in decoded.events]
    if not any(problems):
        return decoded
    pairs = list(zip(decoded.positions, problems, strict=True))
    taken = [row for row, problem in enumerate(problems) if problem is None]
    refused = [Rejected(position, problem) for position, problem in pairs if problem is not None]
    return Decoded(
        [decoded.events[row] for row in taken],
        [decoded.positions[row] for row in taken],
        sorted([*decoded.rejected, *refused]),
    )
