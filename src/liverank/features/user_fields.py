"""What state knows of a user's fields, for whoever decides by them rather than ranks.

Invariant: what is read is of one consistent cut of the state, or it is unknown.
"""

import time
from collections.abc import Sequence

import numpy as np

from liverank.features.hashing import hash_id
from liverank.features.kernels.places import VERSION
from liverank.features.kernels.user_fields import user_words
from liverank.features.layout import Field
from liverank.features.layout_arrays import arrays_of
from liverank.features.state import State

_PATIENCE_S = 0.05
_PAUSE_S = 5e-5


class UserFields:
    """Reads some fields of users; each is a ``category``, a ``key`` or ``keys``."""

    def __init__(self, state: State, fields: Sequence[Field]) -> None:
        """Raises ValueError for a field of another type."""
        odd = [field.name for field in fields if not field.is_hashed or field.type == "text"]
        if odd:
            raise ValueError(f"fields {', '.join(odd)} are not of type category, key or keys")
        self._header = state.store.arrays.header
        self._arrays = tuple(state.store.arrays)
        self._layout_arrays = tuple(arrays_of(state.layout))
        places = [range(field.offset, field.stamp) for field in fields]
        self._words = np.array([word for place in places for word in place], np.int64)
        self._ends = np.cumsum([len(place) for place in places]).tolist()
        self._are_lists = [field.is_list for field in fields]

    def of(self, user: str) -> list[frozenset[int]]:
        """The hashes of what each field says; empty where it is not known."""
        out = np.empty(len(self._words), np.uint64)
        until = time.monotonic() + _PATIENCE_S
        while True:
            version = int(self._header[VERSION])
            if version % 2 == 0:
                user_words(
                    self._arrays, self._layout_arrays, np.uint64(hash_id(user)), self._words, out
                )
                if int(self._header[VERSION]) == version:
                    break
            if time.monotonic() > until:
                return [frozenset()] * len(self._ends)
            time.sleep(_PAUSE_S)
        words, found, begin = out.tolist(), [], 0
        sizes = out.view(np.float64)
        for end, is_list in zip(self._ends, self._are_lists, strict=True):
            if is_list:
                size = sizes[begin]
                count = int(size) if 0 <= size < end - begin else 0
                found.append(frozenset(words[begin + 1 : begin + 1 + count]))
            else:
                found.append(frozenset(words[begin:end]) - {0})
            begin = end
        return found
