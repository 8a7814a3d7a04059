"""The five events, as frozen structs, and their decoding from JSON.

This is the wire form: one JSON object an event, tagged by its ``event`` field.
Invariant: an event that exists is valid, and its ``time`` is whole Unix milliseconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from liverank.errors import EventError
from liverank.events.explain import UNDECODABLE, explain

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
"""An id of an item, user, host, topic or event: 1 to 512 characters."""

Scalar: TypeAlias = str | int | float | bool | None
Fields: TypeAlias = dict[str, Scalar | list[str | int | float]]
"""Free-form attributes of an item, a user or a request; the config gives their types."""

ItemState: TypeAlias = Literal["scheduled", "started", "updated", "ended"]

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""


class _Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What all events share: when it happened, and the id that makes a repeat harmless."""

    time: int | float | datetime

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "time", _to_ms(self.time))

    @property
    def at_ms(self) -> int:
        """When the event happened, in Unix milliseconds (UTC)."""
        return self.time  # type: ignore[return-value]  # __post_init__ made it an int


class Item(
    _Timed, frozen=True, kw_only=True, tag="item", tag_field="event", forbid_unknown_fields=True
):
    """An item began, changed or ended. Fields that are left out keep their last value."""

    item: Id
    state: ItemState = "updated"
    fields: Fields = {}
    id: Id | None = None


class User(
    _Timed, frozen=True, kw_only=True, tag="user", tag_field="event", forbid_unknown_fields=True
):
    """Attributes of a person. Fields that are left out keep their last value."""

    user: Id
    fields: Fields = {}
    id: Id | None = None


class Edge(
    _Timed, frozen=True, kw_only=True, tag="edge", tag_field="event", forbid_unknown_fields=True
):
    """A person's relation (follow, block, mute, ...) to a user, host or topic, begun or ended."""

    user: Id
    relation: Id
    target: Id
    active: bool = True
    id: Id | None = None


class Ranking(
    _Timed, frozen=True, kw_only=True, tag="ranking", tag_field="event", forbid_unknown_fields=True
):
    """A list that was served.

    ``scores`` and ``propensities`` run beside ``items`` where they are known. ``cut`` is the
    ``seq`` of the last event that the state had folded when this ranking read it; a ranking
    without one (an import) is read at its own place in the log. ``candidates`` are all that were
    scored, where those are more than ``items`` and the server kept them.
    """

    id: Id
    user: Id
    items: list[Id]
    surface: Id = "default"
    variant: Id | None = None
    model: Id | None = None
    cut: Annotated[int, msgspec.Meta(ge=0)] | None = None
    scores: list[float] | None = None
    propensities: list[float] | None = None
    candidates: list[Id] | None = None
    fields: Fields = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ranking(self)


class Interaction(
    _Timed,
    frozen=True,
    kw_only=True,
    tag="interaction",
    tag_field="event",
    forbid_unknown_fields=True,
):
    """Something a person did with an item: impression, click, join, leave, hide, ..."""

    type: Id
    user: Id
    item: Id
    ranking: Id | None = None
    value: float | None = None
    fields: Fields = {}
    id: Id | None = None


Event: TypeAlias = Item | User | Edge | Ranking | Interaction
EVENT_NAMES = ("item", "user", "edge", "ranking", "interaction")
_STRUCTS = dict(zip(EVENT_NAMES, get_args(Event), strict=True))


class Rejected(NamedTuple):
    """An event that was refused: its place in the batch (from 0) and why, in one line."""

    place: int
    reason: str


class Decoded(NamedTuple):
    """What a body held. ``places[i]`` is the place in the batch of ``events[i]``."""

    events: list[Event]
    places: list[int]
    rejected: list[Rejected]


_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_events_decoder = msgspec.json.Decoder(list[Event])
_raw_events_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


def decode_event(body: bytes | str) -> Event:
    """Decode one event from its JSON.

    Raises EventError, which says where (``$.items[2]``), what was given and what is allowed.

    >>> decode_event('{"event":"user","time":"2026-11-23T10:00:00Z","user":"u1"}').at_ms
    1795428000000
    >>> decode_event('{"event":"user","time":0,"user":7}')
    Traceback (most recent call last):
    liverank.errors.EventError: Expected `str`, got `int` - at `$.user`
    """
    try:
        return _event_decoder.decode(body)
    except UNDECODABLE as error:
        raise EventError(explain(error, body, _STRUCTS)) from None


def decode_events(body: bytes) -> Decoded:
    """Decode one event, an array of events, or one event a line (NDJSON).

    A bad event is reported by its place and never loses the others. An empty body holds no
    events. Raises EventError only when the body as a whole is not readable (a broken array).

    >>> decode_events(b'[{"event":"user","time":0,"user":"u1"},{"event":"usr"}]').rejected
    [Rejected(place=1, reason="Invalid value 'usr' - at `$.event`; expected one of item, user, ...)]
    """
    text = body.strip()
    if not text:
        return Decoded([], [], [])
    if text[:1] == b"[":
        try:
            events = _events_decoder.decode(text)
            return Decoded(events, list(range(len(events))), [])
        except UNDECODABLE:
            pass  # find out which ones below
        try:
            pieces: Sequence[bytes | msgspec.Raw] = _raw_events_decoder.decode(text)
        except UNDECODABLE as error:
            raise EventError(
                f"The array of events is broken: {explain(error, b'', {})}; send valid JSON"
            ) from None
    else:
        pieces = [line for line in text.split(b"\n") if line.strip()]
        if len(pieces) > 1 and _is_one_object(text):
            pieces = [text]
    decoded = Decoded([], [], [])
    for index, piece in enumerate(pieces):
        try:
            decoded.events.append(_event_decoder.decode(piece))
            decoded.places.append(index)
        except UNDECODABLE as error:
            decoded.rejected.append(Rejected(index, explain(error, piece, _STRUCTS)))
    return decoded


def encode_event(event: Event) -> bytes:
    """Encode one event as JSON; ``decode_event`` gives back an equal event.

    >>> encode_event(User(time=0, user="u1"))
    b'{"event":"user","time":0,"user":"u1","fields":{},"id":null}'
    """
    return _encoder.encode(event)


def event_name(event: Event) -> str:
    """The wire tag of an event: item, user, edge, ranking or interaction."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def dedup_id(event: Event) -> str | None:
    """The event's idempotency key, or None. Ids of different kinds of event never clash.

    >>> dedup_id(User(time=0, user="u1", id="7"))
    'user:7'
    """
    return None if event.id is None else f"{event_name(event)}:{event.id}"


def _is_one_object(text: bytes) -> bool:
    """Whether the text is one JSON value that happens to be spread over lines."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except UNDECODABLE:
        return False
    return True


def _to_ms(time: float | datetime) -> int:
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError(
                f"A time needs a zone, got `{time.isoformat()}` - at `$.time`; write "
                f"`{time.isoformat()}Z` for UTC"
            )
        # Between aware times Python's difference is exact, and safe at the ends of its calendar.
        at_ms: float = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    else:
        at_ms = time
    if not 0 <= at_ms <= MAX_TIME_MS or at_ms != int(at_ms):
        raise ValueError(
            f"Expected whole Unix milliseconds from 0 to {MAX_TIME_MS}, or RFC 3339 of those "
            f"years, got `{time}` - at `$.time`"
        )
    return int(at_ms)


def _check_ranking(ranking: Ranking) -> None:
    for name in ("items", "candidates"):
        _check_distinct(name, getattr(ranking, name) or [])
    if ranking.candidates is not None:
        scored = set(ranking.candidates)
        for place, item in enumerate(ranking.items):
            if item not in scored:
                raise ValueError(
                    f"Expected one of `candidates`, got `{item}` - at `$.items[{place}]`"
                )
    for name in ("scores", "propensities"):
        values: list[float] | None = getattr(ranking, name)
        if values is not None and len(values) != len(ranking.items):
            raise ValueError(
                f"Expected {len(ranking.items)} numbers, one beside each of `items`, got "
                f"{len(values)} - at `$.{name}`"
            )
    for place, value in enumerate(ranking.propensities or ()):
        if not 0 < value <= 1:
            raise ValueError(
                f"Expected a propensity above 0 and at most 1, got `{value}` - at "
                f"`$.propensities[{place}]`"
            )


def _check_distinct(name: str, items: list[str]) -> None:
    if len(set(items)) == len(items):
        return
    seen: set[str] = set()
    for place, item in enumerate(items):
        if item in seen:
            raise ValueError(
                f"An item stands in a ranking once, got `{item}` again - at `$.{name}[{place}]`"
            )
        seen.add(item)
