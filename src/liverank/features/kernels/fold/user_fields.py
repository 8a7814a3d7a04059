"""The kernel that reads fields of a user, without a program of features."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.memory.index import MISSING, find, row_key
from liverank.features.kernels.memory.pointers import store_pointers


@compiled
def user_words(store_arrays, table, user, words, out):
    """Fill ``out``, uint64[n], with words of a user's row; 0 for a user without one.

    ``words`` is int64[n], ``store_arrays`` the tuple of a ``Store``'s arrays, ``table`` the index
    of the scope of users.
    """
    store = store_pointers(store_arrays)
    row = find(store, row_key(table, user, ONE))
    for i in range(words.size):
        out[i] = np.uint64(0) if row == MISSING else store.bits[row + words[i]]
