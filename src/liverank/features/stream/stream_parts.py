"""Splits and joins streams. The results count no clamped clocks (``clamped`` is 0)."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from liverank.features.stream.event_arrays import Stream
from liverank.features.stream.ragged import offsets_of, taken

RAGGED = {"set_word": "set_offsets", "set_value": "set_offsets", "items": "items_offsets"}
"""Arrays with any number of elements per event, and the array with their offsets."""
OFFSETS = ("set_offsets", "items_offsets")
FLAT = tuple(
    field.name
    for field in fields(Stream)
    if field.name not in (*RAGGED, *OFFSETS) and field.name != "clamped"
)
"""Arrays with one element for each event."""


def part_of(stream: Stream, begin: int, end: int) -> Stream:
    """The events ``begin`` to ``end`` of a stream; only offsets are copied."""
    arrays = {name: getattr(stream, name)[begin:end] for name in FLAT}
    for name, of in RAGGED.items():
        offsets = getattr(stream, of)
        arrays[of] = offsets[begin : end + 1] - offsets[begin]
        arrays[name] = getattr(stream, name)[offsets[begin] : offsets[end]]
    return Stream(**arrays, clamped=0)


def events_at(stream: Stream, indices: NDArray[np.int64]) -> Stream:
    """The events of a stream at ``indices``, int64[m], in that order."""
    arrays = {name: getattr(stream, name)[indices] for name in FLAT}
    for of in OFFSETS:
        arrays[of], elements = taken(getattr(stream, of), indices)
        for name in RAGGED:
            if RAGGED[name] == of:
                arrays[name] = getattr(stream, name)[elements]
    return Stream(**arrays, clamped=0)


def joined(streams: list[Stream]) -> Stream:
    """The concatenation of streams."""
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
