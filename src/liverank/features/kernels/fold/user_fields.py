"""The kernel that reads what fields of a user say, without a program of features."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.memory.index import MISSING, find, row_key
from liverank.features.kernels.memory.offsets import BITS
from liverank.features.kernels.memory.pointers import store_pointers


@compiled
def user_words(store_arrays, table, user, words, out):
    """Fill in words of a user's row, ``words`` int64[n]: uint64[n], 0 where nobody is known.

    ``store_arrays`` is the tuple of a ``Store``'s, ``table`` the place of the scope of users.
    """
    store = store_pointers(store_arrays)
    row = find(store, row_key(table, user, ONE))
    for place in range(words.size):
        out[place] = np.uint64(0) if row == MISSING else store[BITS][row + words[place]]
