"""Parts of streams, and streams put together. They count no clamped clocks (``clamped`` is 0)."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from liverank.features.stream.event_arrays import Stream
from liverank.features.stream.ragged import offsets_of, taken

RAGGED = {"set_word": "set_offsets", "set_value": "set_offsets", "items": "items_offsets"}
"""Arrays of which an event has any number of elements, and the offsets of those elements."""
OFFSETS = ("set_offsets", "items_offsets")
FLAT = tuple(
    field.name
    for field in fields(Stream)
    if field.name not in (*RAGGED, *OFFSETS) and field.name != "clamped"
)
"""Arrays with one element for each event."""


def part_of(stream: Stream, begin: int, end: int) -> Stream:
    """The events ``begin`` to ``end`` of a stream; nothing is copied but offsets."""
    arrays = {name: getattr(stream, name)[begin:end] for name in FLAT}
    for name, of in RAGGED.items():
        offsets = getattr(stream, of)
        arrays[of] = offsets[begin : end + 1] - offsets[begin]
        arrays[name] = getattr(stream, name)[offsets[begin] : offsets[end]]
    return Stream(**arrays, clamped=0)


def events_at(stream: Stream, indices: NDArray[np.int64]) -> Stream:
    """Some events of a stream, in another order: ``indices`` int64[m]."""
    arrays = {name: getattr(stream, name)[indices] for name in FLAT}
    for of in OFFSETS:
        arrays[of], elements = taken(getattr(stream, of), indices)
        for name in RAGGED:
            if RAGGED[name] == of:
                arrays[name] = getattr(stream, name)[elements]
    return Stream(**arrays, clamped=0)


def joined(streams: list[Stream]) -> Stream:
    """Streams one after the other as one."""
    if len(streams) == 1:
        return streams[0]
    arrays = {
        name: np.concatenate([getattr(stream, name) for stream in streams])
        for name in (*FLAT, *RAGGED)
    }
    for name in OFFSETS:
        sizes = np.concatenate([np.diff(getattr(stream, name)) for stream in streams])
        arrays[name] = offsets_of(sizes)
    return Stream(**arrays, clamped=0)
