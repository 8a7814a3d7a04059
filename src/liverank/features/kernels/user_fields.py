"""The kernel that reads what fields of a user say, without a program of features."""

import numpy as np

from liverank.compiled import compiled
from liverank.features.kernels.entities import user_key
from liverank.features.kernels.places import BITS
from liverank.features.kernels.pointers import layout_pointers, store_pointers
from liverank.features.kernels.rows import MISSING, find


@compiled
def user_words(store_arrays, layout_arrays, user, words, out):
    """Fill in words of a user's row, ``words`` int64[n]: uint64[n], 0 where nobody is known.

    ``store_arrays`` and ``layout_arrays`` are tuples of a ``Store``'s and a layout's.
    """
    store = store_pointers(store_arrays)
    row = find(store, user_key(layout_pointers(layout_arrays), user))
    for place in range(words.size):
        out[place] = np.uint64(0) if row == MISSING else store[BITS][row + words[place]]
