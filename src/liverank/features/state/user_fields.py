"""Reads a user's fields from state, for uses other than ranking.

Invariant: the values are from one consistent cut of the state, or unknown.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id
from liverank.features.kernels.fold.user_fields import user_words
from liverank.features.kernels.memory.offsets import HEADER_VERSION
from liverank.features.layout.layout import Field
from liverank.features.state.state import State

_PATIENCE_S = 0.05
_PAUSE_S = 5e-5


class UserFields:
    """Reads some fields of users; each is a ``category``, a ``key`` or ``keys``."""

    def __init__(self, state: State, fields: Sequence[Field]) -> None:
        """Raises ValueError for a field of another type."""
        odd = [field.name for field in fields if not field.is_hashed or field.type == "text"]
        if odd:
            raise ValueError(f"fields {', '.join(odd)} are not of type category, key or keys")
        layout = state.layout
        self._header = state.store.arrays.header
        self._arrays = tuple(state.store.arrays)
        self._table = layout.scope_index(layout.scope("user"))
        ranges = [range(field.offset, field.offset + field.words) for field in fields]
        self._words = np.array([word for words in ranges for word in words], np.int64)
        ends = np.cumsum([0, *map(len, ranges)]).tolist()
        self._spans = [
            (begin, end, field.is_list)
            for field, begin, end in zip(fields, ends[:-1], ends[1:], strict=True)
        ]

    def of(self, user: str) -> list[Sequence[int]]:
        """The hashes of each field's values; empty for an unknown field."""
        out = self._read(np.uint64(hash_id(user)))
        if out is None:
            return [()] * len(self._spans)
        words, found = out.tolist(), []
        for begin, end, is_list in self._spans:
            if is_list:
                size = float(out[begin : begin + 1].view(np.float64)[0])
                count = int(size) if 0 <= size < end - begin else 0
                found.append(words[begin + 1 : begin + 1 + count])
            else:
                found.append(words[begin:end] if words[begin] else ())
        return found

    def _read(self, user: np.uint64) -> NDArray[np.uint64] | None:
        """The words of the fields, or None where a batch is being folded for too long."""
        out, header = np.empty(len(self._words), np.uint64), self._header
        until = None
        while True:
            version = int(header[HEADER_VERSION])
            if version % 2 == 0:
                user_words(self._arrays, self._table, user, self._words, out)
                if int(header[HEADER_VERSION]) == version:
                    return out
            until = until or time.monotonic() + _PATIENCE_S
            if time.monotonic() > until:
                return None
            time.sleep(_PAUSE_S)
