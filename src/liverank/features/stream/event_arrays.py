"""Events as flat arrays of hashes and numbers: the input of the fold kernels.

Invariant: the same frame and layout give the same stream, in training and in serving.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.events.clock import right_times
from liverank.events.event import Fields
from liverank.events.schema.schema import SURFACE
from liverank.events.wire import decode_fields
from liverank.features.hashing import hash_column, hash_id
from liverank.features.layout.constants import MAX_ELEMENTS
from liverank.features.layout.layout import Entity, Field, Layout
from liverank.features.state.layout_arrays import new_request, relation_code
from liverank.features.stream import event_codes as code
from liverank.features.stream.tokens import words_of
from liverank.values.words import level_of

_KINDS = {
    "item": code.ITEM_EVENT,
    "user": code.USER_EVENT,
    "edge": code.EDGE_EVENT,
    "ranking": code.RANKING_EVENT,
    "interaction": code.INTERACTION_EVENT,
    "experiment": code.EXPERIMENT_EVENT,
    "autopilot": code.AUTOPILOT_EVENT,
}
STATES = {
    "scheduled": code.STATE_SCHEDULED,
    "started": code.STATE_STARTED,
    "updated": code.STATE_UPDATED,
    "ended": code.STATE_ENDED,
}
_FIELD_OWNERS: dict[str, Entity] = {
    "item": "item",
    "user": "user",
    "ranking": "request",
    "interaction": "request",
}
Decoder: TypeAlias = Callable[[str], Fields]
_FLOAT64, _UINT64 = Struct("=d"), Struct("=Q")
LARGEST = 1e38
"""Largest value that counts; a larger one would make sums and averages infinite."""


@dataclass(frozen=True, slots=True)
class Stream:
    """``n`` events in log order. An event's elements end at the next event's offset.

    ``kind``, ``state``    int8[n]: the kind of event; an item event's state, or 1 for an active
                           edge and 0 for one that is over (-1 for other events)
    ``at``                 float64[n]: Unix ms; the arrival, where the clock ran far ahead
    ``user``, ``item``     uint64[n]: hashes, 0 for none; an edge's ``item`` is its target
    ``type``, ``also``     int16[n]: interaction type; the label's type if it counts as success
    ``value``              float64[n]: an interaction's value, NaN for none
    ``relation``           int64[n]: an edge's ``relation_code``
    ``set_offsets``        int64[n + 1]: the start of the event's field words
    ``set_word``           int32[m]: which word of the entity's row is set
    ``set_value``          uint64[m]: its new bits: a hash, or those of a float64
    ``items_offsets``      int64[n + 1] and ``items`` uint64[k]: the items of a ranking
    """

    seq: NDArray[np.int64]
    kind: NDArray[np.int8]
    state: NDArray[np.int8]
    at: NDArray[np.float64]
    user: NDArray[np.uint64]
    item: NDArray[np.uint64]
    type: NDArray[np.int16]
    also: NDArray[np.int16]
    value: NDArray[np.float64]
    relation: NDArray[np.int64]
    set_offsets: NDArray[np.int64]
    set_word: NDArray[np.int32]
    set_value: NDArray[np.uint64]
    items_offsets: NDArray[np.int64]
    items: NDArray[np.uint64]
    clamped: int
    """Number of events whose clock ran ahead of their arrival by more than allowed."""

    def __len__(self) -> int:
        return len(self.kind)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays from ``kind`` on, in the order kernels take them."""
        return (
            self.kind,
            self.state,
            self.at,
            self.user,
            self.item,
            self.type,
            self.also,
            self.value,
            self.relation,
            self.set_offsets,
            self.set_word,
            self.set_value,
            self.items_offsets,
            self.items,
        )


def stream_of(
    frame: pl.DataFrame, layout: Layout, *, max_future_ms: float, decode: Decoder = decode_fields
) -> Stream:
    """Turn a frame of events (``liverank.events.frame.SCHEMA``) into a stream.

    ``decode`` reads a JSON text of the column ``fields``. All arrays are writable: a kernel is
    compiled again for read-only ones, which polars returns for a column of one chunk only.
    """
    kind = frame["event"].replace_strict(_KINDS, return_dtype=pl.Int8).to_numpy(writable=True)
    state = frame["state"].replace_strict(STATES, default=-1, return_dtype=pl.Int8)
    state = frame["active"].cast(pl.Int8).fill_null(state)
    at, clamped = right_times(frame, max_future_ms)
    type_ = (
        frame["type"]
        .replace_strict(counted_types(layout), default=-1, return_dtype=pl.Int16)
        .to_numpy(writable=True)
    )
    set_offsets, set_word, set_value = _field_words(frame, layout, decode)
    items = frame["items"]
    items_offsets = np.zeros(len(frame) + 1, np.int64)
    np.cumsum(items.list.len().fill_null(0).to_numpy(), out=items_offsets[1:])
    return Stream(
        seq=frame["seq"].fill_null(0).to_numpy(),
        kind=kind,
        state=state.fill_null(-1).to_numpy(writable=True),
        at=at,
        user=hash_column(frame["user"]),
        item=hash_column(frame["item"].fill_null(frame["target"])),
        type=type_,
        also=_also(frame, type_, layout),
        value=_values(frame),
        relation=_relations(frame),
        set_offsets=set_offsets,
        set_word=set_word,
        set_value=set_value,
        items_offsets=items_offsets,
        items=hash_column(items.drop_nulls().explode(empty_as_null=False)),
        clamped=clamped,
    )


def field_words(
    fields: dict[str, Any], entity: Entity, layout: Layout
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """The words of the entity's row that these values set: int32[m] words, uint64[m] bits.

    A value that cannot be read as the field's type, and None, set it to unknown.
    """
    words: list[int] = []
    values: list[int] = []
    field_bits(fields, entity, layout, words, values)
    return np.array(words, np.int32), np.array(values, np.uint64)


def field_bits(
    fields: dict[str, Any], entity: Entity, layout: Layout, words: list[int], values: list[int]
) -> None:
    """Append what ``field_words`` returns to lists of words and values."""
    for name, value in fields.items():
        field = layout.field(entity, name)
        if field is None:
            continue
        bits = _bits(value, field)
        words.extend(range(field.offset, field.offset + len(bits)))
        values.extend(bits)


def counted_types(layout: Layout) -> dict[str, int]:
    """The indices of the interaction types that events may be counted as."""
    types = {name: index for index, name in enumerate(layout.types)}
    if layout.label != layout.label_interaction:
        types.pop(layout.label, None)  # counted by value, never sent
    if layout.impressions_from_rankings and layout.impression is not None:
        types.pop(layout.impression, None)  # counted by ranking, even where some were sent
    return types


def request_words(
    fields: dict[str, Any], surface: str | None, layout: Layout
) -> NDArray[np.uint64]:
    """The words of a request, uint64[request words], from its fields and its surface."""
    words = new_request(layout)
    known = fields if surface is None else fields | {SURFACE: surface}
    set_words, values = field_words(known, "request", layout)
    words[set_words] = values
    return words


def _values(frame: pl.DataFrame) -> NDArray[np.float64]:
    """The values of interactions; NaN for none, and for one beyond LARGEST."""
    value = frame["value"].fill_null(np.nan).to_numpy(writable=True)
    value[np.abs(value) > LARGEST] = np.nan
    return value


def _relations(frame: pl.DataFrame) -> NDArray[np.int64]:
    """The relation codes of edges, 0 for other events."""
    codes = {name: relation_code(name) for name in frame["relation"].drop_nulls().unique()}
    return (
        frame["relation"]
        .replace_strict(codes, default=0, return_dtype=pl.Int64)
        .fill_null(0)
        .to_numpy(writable=True)
    )


def _also(frame: pl.DataFrame, type_: NDArray[np.int16], layout: Layout) -> NDArray[np.int16]:
    also = np.full(len(frame), -1, np.int16)
    if layout.label_min_value is not None:
        value = frame["value"].fill_null(-np.inf).to_numpy()
        counts = (type_ == layout.type_index(layout.label_interaction)) & (
            value >= layout.label_min_value
        )
        also[counts] = layout.type_index(layout.label)
    return also


def _field_words(
    frame: pl.DataFrame, layout: Layout, decode: Decoder
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint64]]:
    """Field words of all events; equal JSON texts are read once."""
    counts = np.zeros(len(frame), np.int64)
    offsets = np.zeros(len(frame) + 1, np.int64)
    given = frame.select("event", "fields").drop_nulls("fields")
    distinct = given.filter(pl.col("event").is_in(list(_FIELD_OWNERS))).unique(maintain_order=True)
    if not layout.fields or distinct.is_empty():
        return offsets, np.empty(0, np.int32), np.empty(0, np.uint64)
    pieces = [
        field_words(decode(text), _FIELD_OWNERS[event], layout)
        for event, text in distinct.iter_rows()
    ]
    piece = (
        frame.select("event", "fields")
        .join(
            distinct.with_row_index("piece"),
            on=["event", "fields"],
            how="left",
            maintain_order="left",
        )["piece"]
        .cast(pl.Int64)
        .fill_null(len(pieces))
        .to_numpy()
    )
    sizes = np.array([len(words) for words, _ in pieces] + [0], np.int64)
    counts = sizes[piece]
    np.cumsum(counts, out=offsets[1:])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    gather = np.repeat(starts[piece] - offsets[:-1], counts) + np.arange(offsets[-1])
    all_words = np.concatenate([words for words, _ in pieces])
    all_values = np.concatenate([values for _, values in pieces])
    return offsets, all_words[gather], all_values[gather]


def _bits(value: Any, field: Field) -> list[int]:
    """The words of one field's value."""
    if field.is_list and value is None:
        return [_float_bits(math.nan)]
    if field.type == "keys":
        elements = value if isinstance(value, list) else [value]
        distinct = list(dict.fromkeys(map(level_of, elements)))[:MAX_ELEMENTS]
        hashes = [hash_id(element) for element in distinct]
        return [_float_bits(float(len(hashes))), *hashes]
    if field.type == "text":
        hashes = [hash_id(word) for word in words_of(str(value), MAX_ELEMENTS)]
        return [_float_bits(float(len(hashes))), *hashes]
    if field.is_hashed:
        return [0 if value is None or isinstance(value, list) else hash_id(level_of(value))]
    return [_float_bits(_number(value, field))]


def _number(value: Any, field: Field) -> float:
    """A number, or Unix ms of a time; NaN for other values and for too large ones."""
    try:
        if isinstance(value, str) and field.type == "time":
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if abs(number) <= LARGEST else math.nan


def _float_bits(number: float) -> int:
    bits: int = _UINT64.unpack(_FLOAT64.pack(number))[0]
    return bits
