"""Why an event was refused, in one line for the person who sent it.

msgspec reports the path and what was given; this adds what is allowed.
Invariant: ``explain`` never fails itself, whatever the event's text is.
"""

import msgspec

from liverank.events.actions import AUTOPILOT_ACTIONS, EXPERIMENT_ACTIONS, ITEM_STATES
from liverank.events.event import KINDS, Fields
from liverank.events.odd_text import odd_text

UNDECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""Exceptions that msgspec may raise for text that is no event."""


class _Tag(msgspec.Struct):
    """The field that names the kind of event of a JSON object."""

    event: str


class _RawFields(msgspec.Struct):
    """The fields of an event or a request, each as undecoded JSON."""

    fields: dict[str, msgspec.Raw] = {}


class _OnlyFields(msgspec.Struct):
    """An event of which only the fields are decoded."""

    fields: Fields


_tag_decoder = msgspec.json.Decoder(_Tag)
_raw_fields_decoder = msgspec.json.Decoder(_RawFields)
_fields_decoder = msgspec.json.Decoder(Fields)
_only_fields_decoder = msgspec.json.Decoder(_OnlyFields)
_NO_TEXT = ("Expected `str`, got `int`", "Expected `str`, got `float`")
_LONGEST_NAME = 100


def explain(error: Exception, body: bytes | str | msgspec.Raw) -> str:
    """Explain why ``body`` is no event, given the error of decoding it.

    >>> explain(msgspec.ValidationError("Invalid value 'usr' - at `$.event`"), b"")
    "Invalid value 'usr' - at `$.event`; expected one of item, user, edge, ranking, ..."
    """
    if not isinstance(error, msgspec.ValidationError | RecursionError):
        odd = odd_text(body if isinstance(body, str) else bytes(body))
        if odd is not None:
            return odd
    if isinstance(error, UnicodeDecodeError | UnicodeEncodeError):
        return f"The text is not UTF-8 ({error.reason}); send UTF-8"
    if isinstance(error, RecursionError):
        return "The JSON is nested too deep; an event has two levels at most"
    text = with_field_name(str(error), body).replace("\n", " ")
    if "`$.event`" in text or text.endswith("field `event`"):
        return f"{text}; expected one of {', '.join(KINDS)}"
    if text.startswith(("Invalid RFC3339", "Expected `int | float | datetime`")):
        return f"{text}; expected Unix milliseconds or RFC 3339, e.g. `2026-11-23T10:00:00Z`"
    if text.startswith("Invalid enum value"):
        allowed = _actions_of(body) if "`$.action`" in text else ITEM_STATES
        return f"{text}; expected one of {', '.join(allowed)}"
    if text.startswith("Object contains unknown field `"):
        return _with_known_fields(text, body)
    if text.startswith(_NO_TEXT):
        return f"{text}; send a text, in quotes"
    return text


def explain_fields(text: str) -> str | None:
    """Explain why a text is not valid as ``fields`` of an event; None where it is valid.

    >>> explain_fields('{"host":"h","geo":{"lat":1}}')
    'Expected `bool | int | float | str | array | null`, got `object` - at `$.fields.geo`'
    """
    try:
        _fields_decoder.decode(text)
        return None
    except UNDECODABLE:
        body = f'{{"fields":{text}}}'
    try:
        _only_fields_decoder.decode(body)
    except UNDECODABLE as error:
        return explain(error, body)
    return "Expected a JSON object - at `$.fields`"


def with_field_name(text: str, body: bytes | str | msgspec.Raw) -> str:
    """Insert the name of the field, for which msgspec writes ``[...]``.

    >>> body = '{"fields":{"host":"h","geo":{"lat":1}}}'
    >>> with_field_name("got `object` - at `$.fields[...]`", body)
    'got `object` - at `$.fields.geo`'
    """
    if "`$.fields[...]" not in text:
        return text
    try:
        fields = _raw_fields_decoder.decode(body).fields
    except UNDECODABLE:
        return text  # broken further on
    for name, value in fields.items():
        try:
            _fields_decoder.decode(b'{"":%s}' % bytes(value))
        except UNDECODABLE:
            return text.replace("$.fields[...]", f"$.fields.{name[:_LONGEST_NAME]}", 1)
    return text


def _actions_of(body: bytes | str | msgspec.Raw) -> tuple[str, ...]:
    """The actions of the kind of event that a JSON object names."""
    try:
        is_autopilot = _tag_decoder.decode(body).event == "autopilot"
    except UNDECODABLE:
        is_autopilot = False  # broken further on
    return AUTOPILOT_ACTIONS if is_autopilot else EXPERIMENT_ACTIONS


def _with_known_fields(text: str, body: bytes | str | msgspec.Raw) -> str:
    try:
        name = _tag_decoder.decode(body).event
    except UNDECODABLE:
        return text  # broken further on
    if name not in KINDS:
        return text  # the object names its kind twice
    fields = ", ".join(("event", *KINDS[name].__struct_fields__))
    return f"{text} - at `$.{text.split('`')[1]}`; expected for `{name}`: {fields}"
